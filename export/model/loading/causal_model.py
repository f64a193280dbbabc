"""Recognise a decoder among the models that people bring, to say what its file cannot do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

_RANK = 3  # texts, tokens, scores
CACHE = (
    "this model scores the next token of a whole text, so a new token computes the text again; a cache of earlier keys "
    "and values would need a model whose layers take and return them: see docs/decoders.md#a-decoder-of-your-own"
)


def about_cache(model: keras.Model) -> tuple[str, ...]:
    """Return a note if the model scores the next token behind each token of a text, otherwise nothing."""
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        return ()
    given, found = model.inputs[0], model.outputs[0]
    reads_tokens = len(given.shape) == _RANK - 1 and str(given.dtype).startswith(("int", "uint"))
    length = given.shape[1] if reads_tokens else None
    if not length or len(found.shape) != _RANK or found.shape[1] != length:
        return ()
    return (CACHE,) if _is_causal(model, length) else ()


def _is_causal(model: keras.Model, length: int) -> bool:
    """Return whether the last token changes the outputs of its place, and of no earlier one."""
    texts = np.zeros((2, length), np.int32)
    texts[1, -1] = 1  # in every vocabulary
    first, second = np.asarray(model(texts, training=False))
    differences = np.abs(first - second).max(axis=-1)
    smallest = 1e-4 * float(np.abs(first).max(initial=0.0))
    return bool(differences[-1] > smallest >= differences[:-1].max(initial=0.0))
