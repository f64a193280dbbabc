"""Trained weights of the Transformer: by this project, on spoken dates, Apache-2.0."""

from __future__ import annotations

from zoo.language.tokenizer import FILE
from zoo.pretrained import shipped

DATES = shipped.dates("transformer_dates-dates.npz", "1095e34dd85498040e474ec13b397ce0f8f46f83f30cd6d0d7e0cbfcad34ca9c")


def tokenizer(**_: object) -> dict[str, bytes]:
    """Return the tokenizer, whose tokens are words."""
    from zoo.language import spoken_dates

    return {FILE: spoken_dates.tokenizer()}
