"""A tokenizer of chemical reactions in SMILES: an atom, a bond, a bracket or a digit is a token.

Schwaller et al. 2018, "Found in Translation", https://arxiv.org/abs/1711.04810, section 3.1: the expression below.
"""

from __future__ import annotations

from collections.abc import Sequence

PADDING, UNKNOWN, BEGIN, END, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL = (PADDING, UNKNOWN, BEGIN, END, MASK)
TOKEN = (
    r"\%\([0-9]{3}\)|\[[^\]]+\]|Br?|Cl?|N|O|S|P|F|I|b|c|n|o|s|p|\||\(|\)|\.|=|#|-|\+|\\|/|:|~|@|\?|>>?|\*|\$|"
    r"\%[0-9]{2}|[0-9]"
)


def as_json(vocabulary: Sequence[str]) -> bytes:
    """Return the tokenizer.json of a vocabulary, whose tokens are in the order of their numbers.

    A text stands between the tokens [CLS] and [SEP]; what is no token, such as a space, is left out.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors

    numbers = {token: number for number, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordLevel(vocab=numbers, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(TOKEN), behavior="removed", invert=True)
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in SPECIAL])
    tokenizer.post_processor = processors.BertProcessing((END, numbers[END]), (BEGIN, numbers[BEGIN]))
    return tokenizer.to_str().encode()
