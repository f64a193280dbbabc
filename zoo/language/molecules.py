"""Molecules as lines of text, SMILES, and the tokens of networks that write them.

Weininger 1988, "SMILES, a chemical language and information system", https://doi.org/10.1021/ci00057a005.
"""

from __future__ import annotations

SPECIAL = UNKNOWN, PADDING, BEGIN, END = "<unk>", "<pad>", "<sos>", "<eos>"
# Atoms in brackets, numbers of rings, and the two atoms with two letters are one token; all else is one character.
PATTERN = r"\[[^\]]*\]|%\d{2}|Br|Cl|."
# The vocabulary of annalog in the order of its numbers, behind the special tokens.
TOKENS = (
    "c C ( ) 1 O 2 = N 3 n 4 F - [C@H] [C@@H] Cl / S [nH] 5 o s [C@] # [C@@] Br \\ [O-] [N+] 6 [n+] [S+] 7 [N-] [C-] "
    "[O] [s+] [S@+] . 8 [S@@+] [o+] [n-] [N@@+] [N@] [N@@] [N@+] [S@@] [S@] 9 [C+] %10 %11 %12"
)


def tokenizer() -> bytes:
    """Return a tokenizer.json of molecules, each of which stands between two tokens."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    numbers = {token: number for number, token in enumerate((*SPECIAL, *TOKENS.split()))}
    made = Tokenizer(models.WordLevel(numbers, unk_token=UNKNOWN))
    made.add_special_tokens(list(SPECIAL))
    made.normalizer = normalizers.Strip()
    made.pre_tokenizer = pre_tokenizers.Split(Regex(PATTERN), "isolated")
    made.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}", special_tokens=[(one, numbers[one]) for one in (BEGIN, END)]
    )
    made.enable_padding(pad_id=numbers[PADDING], pad_token=PADDING)
    made.decoder = decoders.Fuse()  # SMILES has no spaces.
    return f"{made.to_str()}\n".encode()
