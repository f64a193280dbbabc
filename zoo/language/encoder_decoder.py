"""The forms of an encoder-decoder: both texts at once, and step by step with caches.

The encoder reads the source once. What the decoder needs of it are the keys and values of the attention of each of its
blocks to the source: the cross cache, which no step changes. The keys and values of the target are the cache of a
decoder (`zoo.language.decoder`). All forms share their layers, and so their weights; a file contains one of two:

    in place    the functions "encode", which returns the cross cache, and "decode", which reads one token of the
                target. Both caches have fixed lengths.
    growing     one function, which reads any number of tokens of both texts. The first step gets the whole source and
                empty caches, all others no source and both caches: the encoder then computes zero rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from zoo.language.decoder import CacheSize, Decoder, Remember, Step

if TYPE_CHECKING:
    import keras

SOURCE, SOURCE_MASK, TARGET = "source", "source_mask", "target"  # inputs of the model of both texts
Memory = Sequence[tuple[Any, Any]]  # keys and values of the source for each block of the decoder


class Network(Protocol):
    """An encoder-decoder without its inputs: layers that are created by the first form and used by all."""

    def encoder(self, tokens: Any, positions: Any, mask: Any) -> Memory:
        """Return the keys and values (B, heads, S, size) of the source for each block of the decoder.

        Args:
            tokens: (B, S), at most one of both unknown.
            positions: (S,).
            mask: (B, 1, 1, S), added to the scores of attention.
        """
        ...

    def decoder(self, tokens: Any, positions: Any, mask: Any, remember: Remember, memory: Memory, padding: Any) -> Any:
        """Return the logits (B, N, vocabulary) of the next tokens of the target.

        Args:
            tokens: (B, N), at most one of both unknown.
            positions: (N,).
            mask: (1, 1, N, C), added to the scores of the target's attention to itself.
            remember: is called by every block with its new keys and values, (B, heads, N, size).
            memory: what the encoder returned.
            padding: (B, 1, 1, S), added to the scores of the attention to the source.
        """
        ...


def whole_texts(network: Network, length: int, target_length: int, name: str) -> keras.Model:
    """Return the model of two texts: source, source_mask and target to logits (B, target length, vocabulary)."""
    import keras

    from zoo.language.cached_attention import CausalMask, Positions
    from zoo.language.cross_attention import PaddingMask

    source, source_mask = (keras.Input((length,), dtype="int32", name=one) for one in (SOURCE, SOURCE_MASK))
    target = keras.Input((target_length,), dtype="int32", name=TARGET)
    padding = PaddingMask(name="padding")(source_mask)
    memory = network.encoder(source, Positions(name="source_places")(source), padding)
    places, future = Positions(name="target_places")(target), CausalMask(name="future")(target)
    logits = network.decoder(target, places, future, lambda index, keys, values: (keys, values), memory, padding)
    return keras.Model([source, source_mask, target], logits, name=name)


def encoder_decoder(network: Network, cache: CacheSize, length: int) -> Decoder:
    """Return the forms with caches, for a source of `length` tokens and a target as long as the context."""
    steps = {"encode": _encode(network, length), "decode": _decode(network, cache, length)}
    growing = _growing(network, cache)
    return Decoder(length=cache.context, context=cache.context, in_place=steps, growing=growing, source_length=length)


def _encode(network: Network, length: int) -> Step:
    """Return the step that reads the source."""
    import keras

    from zoo.language.cached_attention import Positions
    from zoo.language.cross_attention import PaddingMask

    source, source_mask = (
        keras.Input(batch_shape=(1, length), dtype="int32", name=name) for name in (SOURCE, SOURCE_MASK)
    )
    memory = network.encoder(source, Positions()(source), PaddingMask()(source_mask))
    outputs = {
        f"cross_cache_{part}_{index}": pair[place]
        for place, part in enumerate("kv")
        for index, pair in enumerate(memory)
    }
    return Step(model=keras.Model([source, source_mask], list(outputs.values())), outputs=tuple(outputs))


def _decode(network: Network, cache: CacheSize, length: int) -> Step:
    """Return the step that reads one token of the target, and writes its keys and values into a cache."""
    import keras

    from zoo.language.cached_attention import WriteCache
    from zoo.language.cross_attention import PaddingMask

    tokens = keras.Input(batch_shape=(1, 1), dtype="int32", name="tokens")
    positions = keras.Input(batch_shape=(1,), dtype="int32", name="input_pos")
    mask = keras.Input(batch_shape=(1, 1, 1, cache.context), name="mask")
    source_mask = keras.Input(batch_shape=(1, length), dtype="int32", name=SOURCE_MASK)
    names = [f"{part}_{index}" for part in "kv" for index in range(cache.blocks)]
    before, cross = (
        {name: keras.Input(batch_shape=(1, cache.heads, rows, cache.size), name=f"{prefix}_{name}") for name in names}
        for prefix, rows in (("kv_cache", cache.context), ("cross_cache", length))
    )
    after: dict[str, Any] = {}

    def remember(index: int, keys: Any, values: Any) -> tuple[Any, Any]:
        for part, new in (("k", keys), ("v", values)):
            name = f"{part}_{index}"
            after[name] = WriteCache(name=f"write_{name}")(before[name], new, positions)
        return after[f"k_{index}"], after[f"v_{index}"]

    memory = [(cross[f"k_{index}"], cross[f"v_{index}"]) for index in range(cache.blocks)]
    logits = network.decoder(tokens, positions, mask, remember, memory, PaddingMask()(source_mask))
    outputs = {**{f"kv_cache_{name}": after[name] for name in names}, "logits": logits}
    inputs = [tokens, positions, mask, source_mask, *before.values(), *cross.values()]
    return Step(model=keras.Model(inputs, list(outputs.values())), outputs=tuple(outputs))


def _growing(network: Network, cache: CacheSize) -> Step:
    """Return the step that reads any number of tokens of both texts, and appends their keys and values to caches."""
    import keras

    from zoo.language.cached_attention import AppendCache
    from zoo.language.cross_attention import CausalMaskBehind, NewTokens, PaddingMask, PositionsBehind

    source, source_mask, tokens = (
        keras.Input(batch_shape=(1, None), dtype="int64", name=name)
        for name in ("input_ids", "attention_mask", "decoder_input_ids")
    )
    shape = (1, cache.heads, None, cache.size)
    places = [
        f"{index}.{side}.{part}"
        for index in range(cache.blocks)
        for side in ("decoder", "encoder")
        for part in ("key", "value")
    ]
    past = {place: keras.Input(batch_shape=shape, name=f"past_key_values.{place}") for place in places}
    present: dict[str, Any] = {}

    def append(index: int, side: str, keys: Any, values: Any) -> tuple[Any, Any]:
        for part, new in (("key", keys), ("value", values)):
            place = f"{index}.{side}.{part}"
            present[place] = AppendCache(name=f"append_{side}_{part}_{index}")(past[place], new)
        return present[f"{index}.{side}.key"], present[f"{index}.{side}.value"]

    def remember(index: int, keys: Any, values: Any) -> tuple[Any, Any]:
        return append(index, "decoder", keys, values)

    read = past["0.encoder.key"]
    new_mask = PaddingMask()(NewTokens(name="new_mask")(source_mask, read))
    encoded = network.encoder(source, PositionsBehind(name="source_positions_behind")(source, read), new_mask)
    memory = [append(index, "encoder", *pair) for index, pair in enumerate(encoded)]
    positions = PositionsBehind(name="positions_behind")(tokens, past["0.decoder.key"])
    future = CausalMaskBehind(name="future_behind")(positions)
    logits = network.decoder(tokens, positions, future, remember, memory, PaddingMask()(source_mask))
    outputs = {"logits": logits, **{f"present.{place}": present[place] for place in places}}
    inputs = [source, source_mask, tokens, *past.values()]
    return Step(model=keras.Model(inputs, list(outputs.values())), outputs=tuple(outputs))
