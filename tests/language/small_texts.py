"""A tokenizer of a few words, and an architecture of the zoo that embeds texts with it, in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from zoo import bert
from zoo.architecture import ARCHITECTURES, Architecture
from zoo.inputs import text
from zoo.language.tokenizer import FILE

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
WORDS = ("the", "cat", "dog", "sat", "ran", "on", "a", "mat", "road", "##s", "big", "red")
SIZES = {"blocks": 2, "width": 32, "heads": 2, "length": 12, "vocabulary": len(SPECIAL) + len(WORDS), "positions": 20}


def word_pieces() -> bytes:
    """Return a tokenizer.json of WordPiece, which begins a text with [CLS] and ends it with [SEP]."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = {token: number for number, token in enumerate((*SPECIAL, *WORDS))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer.to_str().encode()


@contextmanager
def registered(head: str = "sentence") -> Iterator[Architecture]:
    """Register the architecture `small_texts` for a block."""
    architecture = Architecture(
        name="small_texts",
        title="Small texts",
        task="embedding",
        paper="none",
        build=partial(bert.build, head=head, **SIZES),
        inputs=text(SIZES["vocabulary"], FILE),
        parameter_count=1,
        companions=lambda **_: {FILE: word_pieces()},
        classifier={"head": "mean_classes"},
    )
    with ARCHITECTURES.registered(architecture.name, architecture):
        yield architecture
