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

LENGTH_KEY = "zoo.length"  # of the whole texts in the proof, in decimal digits
_NEW, _PAST, _ALL = "sequence_length", "past_sequence_length", "total_sequence_length"
_AXES = {"input_ids": _NEW, "position_ids": _NEW, "logits": _NEW, "attention_mask": _ALL}


def name_axes(graph: GraphProto) -> None:
    """Name the axes of unknown length after what they count."""
    for value in (*graph.input, *graph.output):
        axis = _AXES.get(value.name) or (_PAST if value.name.startswith("past_key_values.") else _ALL)
        for side in value.type.tensor_type.shape.dim:
            if not side.HasField("dim_value"):
                side.dim_param = axis


class GrowingDecoder:
    """A loaded decoder. The first half of a text is read as a prompt, and the other tokens one by one.

    Attributes:
        inputs: the tokens of a whole text.
        outputs: the logits of all of its tokens.
    """

    def __init__(self, session: Any, length: int) -> None:
        """Wrap ONNX Runtime's session; `length` is that of a whole text."""
        self._session = session
        self._cache = [value for value in session.get_inputs() if value.name.startswith("past_key_values.")]
        self._outputs = [value.name for value in session.get_outputs()]
        columns = next(value.shape[-1] for value in session.get_outputs() if value.name == "logits")
        self.inputs = (TensorSpec(name="tokens", shape=(1, length), dtype="int32"),)
        self.outputs = (TensorSpec(name="logits", shape=(1, length, columns), dtype="float32"),)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the logits (1, N, vocabulary) of tokens (1, N)."""
        tokens = inputs["tokens"].astype(np.int64)
        length = tokens.shape[1]
        cache = {one.name: np.zeros((1, one.shape[1], 0, one.shape[3]), np.float32) for one in self._cache}
        rows, start = [], 0
        for stop in (max(1, length // 2), *range(length // 2 + 1, length + 1)):
            rows.append(self._step(tokens[:, start:stop], start, cache))
            start = stop
        return {"logits": np.concatenate(rows, axis=1)}

    def _step(self, tokens: Array, start: int, cache: dict[str, Array]) -> Array:
        """Return the logits of tokens from the position `start` on, and update `cache`."""
        stop = start + tokens.shape[1]
        given = {
            "input_ids": tokens,
            "attention_mask": np.ones((1, stop), np.int64),
            "position_ids": np.arange(start, stop, dtype=np.int64)[None],
        }
        found = dict(zip(self._outputs, self._session.run(self._outputs, given | cache), strict=True))
        cache.update((name, found[name.replace("past_key_values", "present")]) for name in cache)
        logits: Array = found["logits"]
        return logits
