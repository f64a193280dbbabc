"""Run the file of an encoder-decoder with caches in place as if it were a file of whole texts.

The signature "encode" reads the source, and returns the keys and values of the attention to it; "decode" takes these,
one token of the target and the cache of earlier ones, as that of a decoder does (`export.formats.tflite.decoder`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from calibration.samples import Array
from export.formats.tflite.decoder import DECODE, empty, places
from export.model.tensor_spec import TensorSpec
from zoo.language.encoder_decoder import SOURCE, SOURCE_MASK, TARGET

ENCODE = "encode"


class InPlaceEncoderDecoder:
    """A loaded encoder-decoder. The source is read once, and then the target token by token.

    Attributes:
        inputs: the tokens of the source and its mask, and the tokens of a whole target.
        outputs: the logits of all tokens of the target.
        length: tokens of the source.
        context: tokens of the target.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_path=str(path), num_threads=threads)
        self._encode, self._decode = (interpreter.get_signature_runner(name) for name in (ENCODE, DECODE))
        details = self._decode.get_input_details()
        self.length, self.context = (int(details[name]["shape"][-1]) for name in (SOURCE_MASK, "mask"))
        columns = int(self._decode.get_output_details()["logits"]["shape"][-1])
        lengths = {SOURCE: self.length, SOURCE_MASK: self.length, TARGET: self.context}
        self.inputs: tuple[TensorSpec, ...] = tuple(
            TensorSpec(name=name, shape=(1, length), dtype="int32") for name, length in lengths.items()
        )
        shape = (1, self.context, columns)
        self.outputs: tuple[TensorSpec, ...] = (TensorSpec(name="logits", shape=shape, dtype="float32"),)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the logits (1, N, vocabulary) of a target (1, N) for a source and its mask (1, S)."""
        text = self.encode(inputs[SOURCE], inputs[SOURCE_MASK])
        return {"logits": np.stack([text.read(inputs[TARGET][0, [place]]) for place in range(self.context)])[None]}

    def encode(self, source: Array, source_mask: Array) -> InPlaceTarget:
        """Read a source and its mask (1, S), and return a target without tokens."""
        cross = self._encode(**{SOURCE: source, SOURCE_MASK: source_mask})
        return InPlaceTarget(self._decode, {SOURCE_MASK: source_mask, **cross}, self.context)


class InPlaceTarget:
    """A target that an encoder-decoder with caches in place has read so far."""

    def __init__(self, decode: Any, source: Mapping[str, Array], context: int) -> None:
        """Begin with an empty cache; `source` has the inputs of `decode` that do not change."""
        self._decode, self._source, self.context = decode, source, context
        self._cache, self._place = empty(decode.get_input_details()), 0

    def read(self, tokens: Array) -> Array:
        """Read more tokens (N,), one by one, and return the logits (vocabulary,) of the one behind them."""
        for token in tokens:
            step = places(self._place, 1, self.context)
            found = self._decode(tokens=token.reshape(1, 1), **step, **self._source, **self._cache)
            self._cache = {name: found[name] for name in self._cache}
            self._place += 1
        logits: Array = found["logits"][0, 0]
        return logits
