"""Run the file of a decoder with a cache in place as if it were a file of whole texts: tokens in, logits out.

The conventions are those of LiteRT-LM: the signatures "prefill_N" and "decode" take tokens, their positions, a mask and
the cache, and return the cache; "decode" also returns the logits of its token.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from calibration.samples import Array
from export.formats.tflite import flatbuffer
from export.model.tensor_spec import TensorSpec
from zoo.language.decoder import CacheSize

LENGTH_KEY = "zoo.length"  # of the whole texts in the proof, in decimal digits
DECODE, PREFILL = "decode", "prefill_"
CACHE = "kv_cache_"  # begins the names of keys and values
MASKED = np.float32(-0.7) * np.finfo(np.float32).max  # what LiteRT-LM fills masks with


def length_of(model: flatbuffer.Model) -> int | None:
    """Return the length of the whole texts that a file with a cache writes; None for all other files."""
    stored = flatbuffer.metadata(model).get(LENGTH_KEY, b"")
    return int(stored) if stored.isdigit() and DECODE in flatbuffer.signature_names(model) else None


def places(start: int, count: int, context: int) -> dict[str, Array]:
    """Return the positions of a step with `count` tokens, from `start` on, and its mask."""
    positions = np.arange(start, start + count, dtype=np.int32)
    is_seen = np.arange(context) <= positions[:, None]
    return {"input_pos": positions, "mask": np.where(is_seen, np.float32(0), MASKED)[None, None]}


def empty(details: Mapping[str, Any], prefix: str = CACHE) -> dict[str, Array]:
    """Return zeros for the inputs of a function whose names begin with `prefix`."""
    return {name: np.zeros(one["shape"], one["dtype"]) for name, one in details.items() if name.startswith(prefix)}


class InPlaceDecoder:
    """A loaded decoder. A text is read in two ways, so that every step takes part in the proof.

    The first half of the logits comes from "decode" alone, which starts with an empty cache. For the second half, the
    first half of the tokens is read by "prefill_N", again into an empty cache, and "decode" continues.

    Attributes:
        inputs: the tokens of a whole text.
        outputs: the logits of all of its tokens.
        cache: the sizes of the cache.
    """

    def __init__(self, path: Path, length: int, threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_path=str(path), num_threads=threads)
        self._runners = {name: interpreter.get_signature_runner(name) for name in interpreter.get_signature_list()}
        self._decode = self._runners[DECODE].get_input_details()
        rows = [detail["shape"] for name, detail in self._decode.items() if name.startswith(CACHE)]
        _, heads, context, size = (int(side) for side in rows[0])
        self.cache = CacheSize(blocks=len(rows) // 2, heads=heads, size=size, context=context)
        columns = int(self._runners[DECODE].get_output_details()["logits"]["shape"][-1])
        self.inputs: tuple[TensorSpec, ...] = (TensorSpec(name="tokens", shape=(1, length), dtype="int32"),)
        shape = (1, length, columns)
        self.outputs: tuple[TensorSpec, ...] = (TensorSpec(name="logits", shape=shape, dtype="float32"),)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the logits (1, N, vocabulary) of tokens (1, N)."""
        tokens = inputs["tokens"]
        half = tokens.shape[1] // 2
        cache = empty(self._decode)
        rows = [self._step(DECODE, tokens[:, place : place + 1], place, cache) for place in range(half)]
        cache = empty(self._decode)
        self.prefill(tokens[:, :half], cache)
        rows += [
            self._step(DECODE, tokens[:, place : place + 1], place, cache) for place in range(half, tokens.shape[1])
        ]
        return {"logits": np.concatenate(rows, axis=1)}

    def begin(self) -> InPlaceText:
        """Return a text without tokens."""
        return InPlaceText(self, empty(self._decode))

    @property
    def context(self) -> int:
        """Number of tokens that the cache holds."""
        return int(self._decode["mask"]["shape"][-1])

    def prefill(self, tokens: Array, cache: dict[str, Array]) -> None:
        """Read a prompt in pieces.

        Zeros fill the last one, whose rows of the cache the next tokens overwrite. Where these rows would lie behind
        the end of the cache, its tokens are read one by one instead.
        """
        name = min((name for name in self._runners if name.startswith(PREFILL)), key=len)
        count = int(self._runners[name].get_input_details()["tokens"]["shape"][1])
        end = tokens.shape[1]
        pieces = range(0, min(end, self.context - count + 1), count)
        for start in pieces:
            piece = tokens[:, start : start + count]
            self._step(name, np.pad(piece, ((0, 0), (0, count - piece.shape[1]))), start, cache)
        for place in range(len(pieces) * count, end):
            self._step(DECODE, tokens[:, place : place + 1], place, cache)

    def step(self, tokens: Array, place: int, cache: dict[str, Array]) -> Array:
        """Read one token (1, 1) at a position, update the cache, and return its logits (1, 1, vocabulary)."""
        logits: Array = self._step(DECODE, tokens, place, cache)
        return logits

    def _step(self, name: str, tokens: Array, start: int, cache: dict[str, Array]) -> Any:
        """Run one signature on tokens from the position `start` on; update `cache`, and return the logits if any."""
        found = self._runners[name](tokens=tokens, **places(start, tokens.shape[1], self.context), **cache)
        cache.update((key, found[key]) for key in cache)
        return found.get("logits")


class InPlaceText:
    """A text that a decoder with a cache in place has read so far."""

    def __init__(self, decoder: InPlaceDecoder, cache: dict[str, Array]) -> None:
        self._decoder, self._cache, self._place = decoder, cache, 0
        self.context = decoder.context

    def read(self, tokens: Array) -> Array:
        """Read more tokens (N,), the last of them by "decode", and return the logits of the one behind them."""
        before, last = tokens[None, :-1], tokens[None, -1:]
        if self._place == 0 and before.size:
            self._decoder.prefill(before, self._cache)
        else:
            for place in range(before.shape[1]):
                self._decoder.step(before[:, place : place + 1], self._place + place, self._cache)
        self._place += len(tokens)
        logits: Array = self._decoder.step(last, self._place - 1, self._cache)[0, -1]
        return logits
