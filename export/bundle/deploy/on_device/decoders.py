"""Read texts token by token with the files of decoders and encoder-decoders, which keep a cache of earlier tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from .model import Array

# Names of inputs and outputs in files for LiteRT-LM, and what it fills masks with.
ENCODE, DECODE, PREFILL, CACHE = "encode", "decode", "prefill_", "kv_cache_"
MASKED = np.float32(-0.7) * np.finfo(np.float32).max
# Names in files for onnxruntime-genai and transformers.js.
CONTEXT_KEY, MANY = "zoo.context", 1 << 30
PAST, PRESENT = "past_key_values.", "present."
# Names of the inputs of whole texts.
SOURCE, SOURCE_MASK, TARGET, TOKENS = "source", "source_mask", "target", "tokens"


class Text(Protocol):
    """A text that a file has read so far."""

    def read(self, tokens: Array) -> Array:
        """Read more tokens (N,), and return the logits (vocabulary,) of the one behind them."""
        ...


class Decoder(Protocol):
    """A loaded file that reads texts.

    Attributes:
        context: number of tokens that it reads at most.
    """

    context: int

    def begin(self, source: Mapping[str, Array]) -> Text:
        """Return a text without tokens; an encoder-decoder reads the source and its mask (1, S) before."""
        ...


def logits(decoder: Decoder, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Return the logits (1, N, vocabulary) of a whole text, whose first half is read at once and again one by one."""
    tokens = inputs[TARGET if TARGET in inputs else TOKENS][0]
    half = len(tokens) // 2
    one_by_one, at_once = decoder.begin(inputs), decoder.begin(inputs)
    rows = [one_by_one.read(tokens[place : place + 1]) for place in range(half - 1)]
    rows.append(at_once.read(tokens[:half]))
    rows += [at_once.read(tokens[place : place + 1]) for place in range(half, len(tokens))]
    return {"logits": np.stack(rows)[None]}


class TfliteDecoder:
    """A file with the functions "prefill_N" and "decode", or "encode" and "decode"."""

    def __init__(self, interpreter: Any) -> None:
        self.runners = {name: interpreter.get_signature_runner(name) for name in interpreter.get_signature_list()}
        self.details = self.runners[DECODE].get_input_details()
        self.context = int(self.details["mask"]["shape"][-1])

    def begin(self, source: Mapping[str, Array]) -> Text:
        """Return a text without tokens."""
        fixed: dict[str, Array] = {}
        if ENCODE in self.runners:
            given = {name: source[name] for name in (SOURCE, SOURCE_MASK)}
            fixed = {SOURCE_MASK: source[SOURCE_MASK], **self.runners[ENCODE](**given)}
        return _TextInPlace(self, fixed)


class _TextInPlace:
    def __init__(self, decoder: TfliteDecoder, fixed: Mapping[str, Array]) -> None:
        self._decoder, self._fixed, self._place = decoder, fixed, 0
        self._cache = {
            name: np.zeros(one["shape"], one["dtype"])
            for name, one in decoder.details.items()
            if name.startswith(CACHE)
        }

    def read(self, tokens: Array) -> Array:
        prefills = sorted((name for name in self._decoder.runners if name.startswith(PREFILL)), key=len)
        if self._place == 0 and len(tokens) > 1 and prefills:
            self._prefill(prefills[0], tokens[:-1])
            tokens = tokens[-1:]
        found: Any = None
        for token in tokens:
            found = self._step(DECODE, token.reshape(1, 1))
            self._place += 1
        last: Array = found["logits"].reshape(-1, found["logits"].shape[-1])[-1]
        return last

    def _prefill(self, name: str, tokens: Array) -> None:
        """Read tokens in pieces of the size of the function; the rows of padding are overwritten by later tokens."""
        count = int(self._decoder.runners[name].get_input_details()["tokens"]["shape"][1])
        while len(tokens) and self._place + count <= self._decoder.context:
            piece, tokens = tokens[:count], tokens[count:]
            self._step(name, np.pad(piece, (0, count - len(piece)))[None])
            self._place += len(piece)
        for token in tokens:
            self._step(DECODE, token.reshape(1, 1))
            self._place += 1

    def _step(self, name: str, tokens: Array) -> dict[str, Array]:
        positions = np.arange(self._place, self._place + tokens.shape[1], dtype=np.int32)
        is_seen = np.arange(self._decoder.context) <= positions[:, None]
        mask = np.where(is_seen, np.float32(0), MASKED)[None, None]
        runner = self._decoder.runners[name]
        found: dict[str, Array] = runner(tokens=tokens, input_pos=positions, mask=mask, **self._fixed, **self._cache)
        self._cache = {key: found[key] for key in self._cache}
        return found


class OnnxDecoder:
    """A file with a growing cache."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.context = int(session.get_modelmeta().custom_metadata_map.get(CONTEXT_KEY, MANY))
        self.names = [one.name for one in session.get_outputs()]
        self.inputs = {one.name: one for one in session.get_inputs()}

    def begin(self, source: Mapping[str, Array]) -> Text:
        """Return a text without tokens."""
        return _GrowingText(self, source)


class _GrowingText:
    def __init__(self, decoder: OnnxDecoder, source: Mapping[str, Array]) -> None:
        self._decoder, self._place = decoder, 0
        self._cache = {
            name: np.zeros((1, one.shape[1], 0, one.shape[3]), np.float32)
            for name, one in decoder.inputs.items()
            if name.startswith(PAST)
        }
        self._has_source = "decoder_input_ids" in decoder.inputs
        self._source = source[SOURCE].astype(np.int64) if self._has_source else None
        self._mask = source[SOURCE_MASK].astype(np.int64) if self._has_source else None

    def read(self, tokens: Array) -> Array:
        new = tokens[None].astype(np.int64)
        stop = self._place + len(tokens)
        if self._source is not None:
            given = {"input_ids": self._source, "attention_mask": self._mask, "decoder_input_ids": new}
            self._source = self._source[:, :0]  # is read by the first step alone
        else:
            positions = np.arange(self._place, stop, dtype=np.int64)[None]
            given = {"input_ids": new, "attention_mask": np.ones((1, stop), np.int64), "position_ids": positions}
        names = self._decoder.names
        found = dict(zip(names, self._decoder.session.run(names, given | self._cache), strict=True))
        self._cache = {name: found[name.replace(PAST, PRESENT)] for name in self._cache}
        self._place = stop
        last: Array = found["logits"][0, -1]
        return last
