"""A small Transformer that writes spoken dates as ISO 8601 does; trained here and shipped with the project."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo import inputs as texts
from zoo.architecture import Architecture, register
from zoo.inputs import Input, Tokens
from zoo.language.tokenizer import FILE
from zoo.pretrained import transformer as pretrained
from zoo.transformer import TRANSFORMER, decoder, inputs, network

# The vocabulary of `zoo.language.spoken_dates`; the longest wording has 17 tokens, a date 12.
SIZES: Mapping[str, Any] = {
    "width": 64,
    "depth": 2,
    "heads": 4,
    "hidden": 256,
    "vocabulary": 94,
    "length": 20,
    "target_length": 12,
}


def _inputs(**_: object) -> dict[str, Input]:
    """Return the meaning of the inputs."""
    tokens = Tokens(vocabulary=SIZES["vocabulary"], tokenizer=FILE, texts=texts.DATES)
    return {**inputs(vocabulary=SIZES["vocabulary"]), "source": tokens}


TRANSFORMER_DATES = register(
    Architecture(
        name="transformer_dates",
        title="Transformer of a quarter of a million parameters for spoken dates",
        task="translation",
        paper=TRANSFORMER.paper,
        build=partial(network, **SIZES),
        inputs=_inputs,
        parameter_count=237_952,
        weights=(pretrained.DATES,),
        decoder=decoder,
        companions=pretrained.tokenizer,
    )
)
