"""Make a small tokenizer of byte pairs from texts, as GPT-2's was made.

Sennrich, Haddow, Birch 2016, "Neural Machine Translation of Rare Words with Subword Units",
https://arxiv.org/abs/1508.07909, on bytes: Radford et al. 2019, section 2.2.

    python -m zoo.language.byte_pairs > zoo/pretrained/tokenizers/shakespeare.json
"""

from __future__ import annotations

from collections.abc import Iterable

VOCABULARY = 1024
LINE = "\u010a"  # how GPT-2's alphabet writes the byte of a new line


def byte_pairs(texts: Iterable[str], vocabulary: int = VOCABULARY) -> bytes:
    """Return a tokenizer.json: 256 bytes, and the pairs that are most frequent in `texts`.

    Every text begins with a new line, so that texts one behind the other are told apart.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    begin = (LINE, tokenizer.token_to_id(LINE))
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{LINE} $A", special_tokens=[begin])
    return f"{tokenizer.to_str(pretty=False)}\n".encode()


if __name__ == "__main__":
    from zoo.language import plays

    path = plays.archive()
    print(byte_pairs(text for play in plays.TRAINING for text in plays.speeches(play, path)).decode(), end="")
