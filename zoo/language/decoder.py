"""The forms of a decoder: the whole text at once, and step by step with a cache of earlier keys and values.

All forms of a network share its layers, and so its weights. A file for a device contains one of two forms with a cache:

    in place    the cache has a fixed length, and every step writes its rows into it. Functions "prefill_N", which reads
                N tokens of a prompt, and "decode", which reads one token and gives its logits. Names of LiteRT-LM.
    growing     the cache grows with every step. One function for any number of tokens. Names of Optimum, which
                onnxruntime-genai and transformers.js load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import keras

# Index of a block, its new keys and its new values to all keys and values that the new tokens may see.
Remember = Callable[[int, Any, Any], tuple[Any, Any]]


class Network(Protocol):
    """A decoder without its inputs: layers that are created by the first form and used by all."""

    def __call__(self, tokens: Any, positions: Any, mask: Any, remember: Remember, *, has_logits: bool = True) -> Any:
        """Return the logits (B, N, vocabulary) of the next tokens.

        Args:
            tokens: (B, N), at most one of both unknown.
            positions: (N,).
            mask: (1, 1, N, C), added to the scores of attention.
            remember: is called by every block with its new keys and values, (B, heads, N, size).
            has_logits: whether to compute the logits; otherwise the result is not used.
        """
        ...


class Shared:
    """The layers of a network by name: a layer is created when it is first needed, and found again by other forms."""

    def __init__(self, layers: Iterable[keras.Layer] = ()) -> None:
        """Start with the layers of a built model."""
        self._layers: dict[str, keras.Layer] = {layer.name: layer for layer in layers}

    def __call__(self, kind: Callable[..., keras.Layer], *arguments: Any, name: str, **options: Any) -> keras.Layer:
        """Return the layer of that name; it is `kind(*arguments, name=name, **options)` if it is new."""
        if name not in self._layers:
            self._layers[name] = kind(*arguments, name=name, **options)
        return self._layers[name]


@dataclass(frozen=True, kw_only=True)
class CacheSize:
    """The sizes of a cache.

    Attributes:
        blocks: number of blocks, each of which has keys and values.
        heads: number of heads of keys.
        size: channels of a head.
        context: number of tokens that the network can read, the rows of a cache with fixed length.
    """

    blocks: int
    heads: int
    size: int
    context: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One function of a form with a cache.

    Attributes:
        model: with a list of inputs, named like their layers, and a list of outputs.
        outputs: names of the outputs.
    """

    model: keras.Model
    outputs: tuple[str, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs."""
        return tuple(one.name for one in self.model.inputs)


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoder:
    """The forms of a network that files contain.

    Attributes:
        length: tokens of the whole text in the proof.
        context: tokens of the longest text that the network can read.
        in_place: steps by name, "prefill_N" and "decode"; of an encoder-decoder "encode" and "decode".
        growing: the step whose sequence axes are unknown.
        source_length: tokens of the text that an encoder-decoder reads; None for a decoder alone.
    """

    length: int
    context: int
    in_place: Mapping[str, Step]
    growing: Step
    source_length: int | None = None


def whole_text(network: Network, length: int, name: str) -> keras.Model:
    """Return the model of a whole text: tokens (B, length) to logits (B, length, vocabulary)."""
    import keras

    from zoo.language.cached_attention import CausalMask, Positions

    tokens = keras.Input((length,), dtype="int32", name="tokens")
    positions, mask = Positions(name="positions")(tokens), CausalMask(name="mask")(tokens)
    logits = network(tokens, positions, mask, lambda index, keys, values: (keys, values))
    return keras.Model(tokens, logits, name=name)


def decoder(network: Network, cache: CacheSize, length: int) -> Decoder:
    """Return the forms with a cache; prefill reads a quarter of `length`, so that the proof joins several steps."""
    prefill = max(1, length // 4)
    steps = {
        f"prefill_{prefill}": _in_place(network, cache, prefill, has_logits=False),
        "decode": _in_place(network, cache, 1, has_logits=True),
    }
    return Decoder(length=length, context=cache.context, in_place=steps, growing=_growing(network, cache))


def _in_place(network: Network, cache: CacheSize, count: int, *, has_logits: bool) -> Step:
    """Return the step that reads `count` tokens and writes their keys and values into a cache of fixed length."""
    import keras

    from zoo.language.cached_attention import WriteCache

    tokens = keras.Input(batch_shape=(1, count), dtype="int32", name="tokens")
    positions = keras.Input(batch_shape=(count,), dtype="int32", name="input_pos")
    mask = keras.Input(batch_shape=(1, 1, count, cache.context), name="mask")
    shape = (1, cache.heads, cache.context, cache.size)
    names = [f"kv_cache_{part}_{index}" for part in ("k", "v") for index in range(cache.blocks)]
    before = {name: keras.Input(batch_shape=shape, name=name) for name in names}
    after: dict[str, Any] = {}

    def remember(index: int, keys: Any, values: Any) -> tuple[Any, Any]:
        for part, new in (("k", keys), ("v", values)):
            name = f"kv_cache_{part}_{index}"
            after[name] = WriteCache(name=f"write_{part}_{index}")(before[name], new, positions)
        return after[f"kv_cache_k_{index}"], after[f"kv_cache_v_{index}"]

    logits = network(tokens, positions, mask, remember, has_logits=has_logits)
    outputs = {name: after[name] for name in names} | ({"logits": logits} if has_logits else {})
    inputs = [tokens, positions, mask, *before.values()]
    return Step(model=keras.Model(inputs, list(outputs.values())), outputs=tuple(outputs))


def _growing(network: Network, cache: CacheSize) -> Step:
    """Return the step that reads any number of tokens and appends their keys and values to those of earlier ones."""
    import keras
    from keras import ops

    from zoo.language.cached_attention import AppendCache, PastMask

    tokens, attention_mask, position_ids = (
        keras.Input(batch_shape=(1, None), dtype="int64", name=name)
        for name in ("input_ids", "attention_mask", "position_ids")
    )
    shape = (1, cache.heads, None, cache.size)
    places = [f"{index}.{part}" for index in range(cache.blocks) for part in ("key", "value")]
    past = {place: keras.Input(batch_shape=shape, name=f"past_key_values.{place}") for place in places}
    present: dict[str, Any] = {}

    def remember(index: int, keys: Any, values: Any) -> tuple[Any, Any]:
        for part, new in (("key", keys), ("value", values)):
            place = f"{index}.{part}"
            present[place] = AppendCache(name=f"append_{part}_{index}")(past[place], new)
        return present[f"{index}.key"], present[f"{index}.value"]

    mask = PastMask(name="past_mask")(attention_mask, position_ids)
    logits = network(tokens, ops.reshape(position_ids, (-1,)), mask, remember)
    outputs = {"logits": logits, **{f"present.{place}": present[place] for place in places}}
    inputs = [tokens, attention_mask, position_ids, *past.values()]
    return Step(model=keras.Model(inputs, list(outputs.values())), outputs=tuple(outputs))
