"""Small decoders with random weights, and their logits in plain NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import zoo
from tests.language import plain_decoders
from zoo.language.decoder import Decoder
from zoo.weights import random_weights

if TYPE_CHECKING:
    import keras

NAMES = ("stories15m", "gpt2")
# The context is longer than the text, and the six heads of Llama share three heads of keys.
TEXTS = {"vocabulary": 90, "context": 20, "length": 12}
SIZES: Mapping[str, Mapping[str, int]] = {
    "stories15m": {"width": 48, "depth": 2, "heads": 6, "key_heads": 3, "hidden": 40, **TEXTS},
    "gpt2": {"width": 24, "depth": 2, "heads": 3, **TEXTS},
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Small:
    """A small decoder.

    Attributes:
        model: the network for whole texts.
        tokens: (3, 12) random tokens.
        logits: (3, 12, vocabulary), from NumPy in float64.
    """

    model: keras.Model
    tokens: Any
    logits: Any
    name: str

    def decoder(self) -> Decoder:
        forms = zoo.find(self.name).decoder
        assert forms is not None
        return forms(self.model)


def small(name: str, seed: int = 0, **changes: int) -> Small:
    """Return the small variant of an architecture, with other sizes if `changes` has any."""
    sizes = {**SIZES[name], **changes}
    model = zoo.find(name).build(**sizes)
    random_weights.fill(model, None, seed)
    tokens = np.random.default_rng(seed).integers(0, sizes["vocabulary"], (3, sizes["length"])).astype(np.int32)
    weights = {weight.path: weight.numpy() for weight in model.weights}
    heads = {key: sizes[key] for key in ("heads", "key_heads", "depth") if key in sizes}
    plain = partial(plain_decoders.llama if name == "stories15m" else plain_decoders.gpt2, weights, **heads)
    return Small(model=model, tokens=tokens, logits=np.stack([plain(row) for row in tokens]), name=name)
