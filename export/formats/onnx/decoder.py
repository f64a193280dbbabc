"""Run the file of a decoder with a growing cache as if it were a file of whole texts: tokens in, logits out.

The names of inputs and outputs are those of Optimum, which onnxruntime-genai and transformers.js load.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from calibration.samples import Array
from export.formats.onnx.protos import GraphProto
from export.model.tensor_spec import TensorSpec
from zoo.language.decoder import CacheSize

# Length of the whole texts in the proof, and of the longest text, in decimal digits.
LENGTH_KEY, CONTEXT_KEY = "zoo.length", "zoo.context"
PAST, PRESENT = "past_key_values.", "present."  # begin the names of caches before and after a step
_NEW, _PAST, _ALL = "sequence_length", "past_sequence_length", "total_sequence_length"
_NEW_INPUTS = ("input_ids", "decoder_input_ids", "position_ids", "logits")


def name_axes(graph: GraphProto) -> None:
    """Name the axes of unknown length after what they count."""
    has_source = any(value.name == "decoder_input_ids" for value in graph.input)
    for value in (*graph.input, *graph.output):
        side = _side(value.name) if has_source else ""
        for axis in value.type.tensor_type.shape.dim:
            if not axis.HasField("dim_value"):
                axis.dim_param = f"{side}{_axis(value.name)}"


def _axis(name: str) -> str:
    """Return what the axis of unknown length of an input or output counts."""
    if name in _NEW_INPUTS:
        return _NEW
    return _PAST if name.startswith(PAST) else _ALL


def _side(name: str) -> str:
    """Return the text of an encoder-decoder that an input or output belongs to."""
    is_source = name in ("input_ids", "attention_mask") or ".encoder." in name
    return "encoder_" if is_source else "decoder_"


class GrowingDecoder:
    """A loaded decoder. The first half of a text is read as a prompt in two parts, and the other tokens one by one.

    Attributes:
        inputs: the tokens of a whole text.
        outputs: the logits of all of its tokens.
        context: number of tokens that the network can read.
        cache: the sizes of the cache.
    """

    def __init__(self, session: Any, length: int, context: int) -> None:
        """Wrap ONNX Runtime's session; `length` is that of a whole text in the proof, `context` of the longest text."""
        self._session, self.context = session, context
        self._cache = [value for value in session.get_inputs() if value.name.startswith(PAST)]
        _, heads, _, size = self._cache[0].shape
        self.cache = CacheSize(blocks=len(self._cache) // 2, heads=heads, size=size, context=context)
        self._outputs = [value.name for value in session.get_outputs()]
        columns = next(value.shape[-1] for value in session.get_outputs() if value.name == "logits")
        self.inputs: tuple[TensorSpec, ...] = (TensorSpec(name="tokens", shape=(1, length), dtype="int32"),)
        shape = (1, length, columns)
        self.outputs: tuple[TensorSpec, ...] = (TensorSpec(name="logits", shape=shape, dtype="float32"),)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the logits (1, N, vocabulary) of tokens (1, N)."""
        tokens = inputs["tokens"].astype(np.int64)
        length = tokens.shape[1]
        cache = self.empty_cache()
        ends = [length // 4, *range(length // 2, length + 1)]
        rows = [
            self.step(tokens[:, start:stop], start, cache)
            for start, stop in zip([0, *ends[:-1]], ends, strict=True)
            if start < stop
        ]
        return {"logits": np.concatenate(rows, axis=1)}

    def begin(self) -> GrowingText:
        """Return a text without tokens."""
        return GrowingText(self)

    def empty_cache(self) -> dict[str, Array]:
        """Return the keys and values of no tokens."""
        return {one.name: np.zeros((1, one.shape[1], 0, one.shape[3]), np.float32) for one in self._cache}

    def step(self, tokens: Array, start: int, cache: dict[str, Array]) -> Array:
        """Return the logits of tokens from the position `start` on, and update `cache`."""
        stop = start + tokens.shape[1]
        given = {
            "input_ids": tokens,
            "attention_mask": np.ones((1, stop), np.int64),
            "position_ids": np.arange(start, stop, dtype=np.int64)[None],
        }
        found = dict(zip(self._outputs, self._session.run(self._outputs, given | cache), strict=True))
        cache.update((name, found[name.replace(PAST, PRESENT)]) for name in cache)
        logits: Array = found["logits"]
        return logits


class GrowingText:
    """A text that a decoder with a growing cache has read so far."""

    def __init__(self, decoder: GrowingDecoder) -> None:
        self._decoder, self._cache, self._place = decoder, decoder.empty_cache(), 0
        self.context = decoder.context

    def read(self, tokens: Array) -> Array:
        """Read more tokens (N,) at once, and return the logits of the one behind them."""
        logits = self._decoder.step(tokens[None].astype(np.int64), self._place, self._cache)
        self._place += len(tokens)
        last: Array = logits[0, -1]
        return last
