"""Run the file of an encoder-decoder with growing caches as if it were a file of whole texts.

The names of inputs and outputs are those of Optimum. The whole source and empty caches are the input of the first step;
all others read no source, and get the keys and values of the attention to it from the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from calibration.samples import Array
from export.formats.onnx.decoder import PAST, PRESENT
from export.model.tensor_spec import TensorSpec
from zoo.language.encoder_decoder import SOURCE, SOURCE_MASK, TARGET

SOURCE_KEY = "zoo.source_length"  # tokens of the source in the proof, in decimal digits


class GrowingEncoderDecoder:
    """A loaded encoder-decoder. The first half of a target is read in two parts, and the other tokens one by one.

    Attributes:
        inputs: the tokens of the source and its mask, and the tokens of a whole target.
        outputs: the logits of all tokens of the target.
        length: tokens of the source.
        context: tokens of the target.
    """

    def __init__(self, session: Any, length: int, context: int) -> None:
        """Wrap ONNX Runtime's session; the lengths are those of the source and of the target in the proof."""
        self._session, self.length, self.context = session, length, context
        self._caches = [value for value in session.get_inputs() if value.name.startswith(PAST)]
        self._outputs = [value.name for value in session.get_outputs()]
        columns = next(value.shape[-1] for value in session.get_outputs() if value.name == "logits")
        lengths = {SOURCE: length, SOURCE_MASK: length, TARGET: context}
        self.inputs: tuple[TensorSpec, ...] = tuple(
            TensorSpec(name=name, shape=(1, length), dtype="int32") for name, length in lengths.items()
        )
        shape = (1, context, columns)
        self.outputs: tuple[TensorSpec, ...] = (TensorSpec(name="logits", shape=shape, dtype="float32"),)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the logits (1, N, vocabulary) of a target (1, N) for a source and its mask (1, S)."""
        text, target = self.encode(inputs[SOURCE], inputs[SOURCE_MASK]), inputs[TARGET][0]
        ends = [self.context // 4, *range(self.context // 2, self.context + 1)]
        parts = [target[start:stop] for start, stop in zip([0, *ends[:-1]], ends, strict=True) if start < stop]
        return {"logits": np.concatenate([text.step(part) for part in parts], axis=1)}

    def encode(self, source: Array, source_mask: Array) -> GrowingTarget:
        """Return a target without tokens, whose first step will read the source (1, S)."""
        caches = {one.name: np.zeros((1, one.shape[1], 0, one.shape[3]), np.float32) for one in self._caches}
        return GrowingTarget(self, source.astype(np.int64), source_mask.astype(np.int64), caches)

    def step(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs of one step by name."""
        return dict(zip(self._outputs, self._session.run(self._outputs, inputs), strict=True))


class GrowingTarget:
    """A target that an encoder-decoder with growing caches has read so far."""

    def __init__(
        self, model: GrowingEncoderDecoder, source: Array, source_mask: Array, caches: dict[str, Array]
    ) -> None:
        self._model, self._source, self._source_mask, self._caches = model, source, source_mask, caches
        self.context = model.context

    def read(self, tokens: Array) -> Array:
        """Read more tokens (N,) at once, and return the logits (vocabulary,) of the one behind them."""
        logits: Array = self.step(tokens)[0, -1]
        return logits

    def step(self, tokens: Array) -> Array:
        """Read more tokens (N,) at once, and return the logits (1, N, vocabulary) of those behind them."""
        new = {
            "input_ids": self._source,
            "attention_mask": self._source_mask,
            "decoder_input_ids": tokens[None].astype(np.int64),
        }
        found = self._model.step(new | self._caches)
        self._caches = {name: found[name.replace(PAST, PRESENT)] for name in self._caches}
        self._source = self._source[:, :0]
        logits: Array = found["logits"]
        return logits
