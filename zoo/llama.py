"""Llama: a decoder with root mean square normalization, rotary positions and gated feed-forward layers.

Touvron et al. 2023, "Llama 2: Open Foundation and Fine-Tuned Chat Models", https://arxiv.org/abs/2307.09288; its
architecture is that of section 2 of "LLaMA", https://arxiv.org/abs/2302.13971. `stories15m` is the smallest network of
https://github.com/karpathy/llama2.c, trained on short stories: Eldan and Li 2023, https://arxiv.org/abs/2305.07759.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from zoo.architecture import Architecture, Option, register
from zoo.inputs import STORIES, Input, Tokens
from zoo.language import decoder as forms
from zoo.language.decoder import CacheSize, Decoder, Remember, Shared
from zoo.language.tokenizer import FILE
from zoo.pretrained import llama as pretrained

if TYPE_CHECKING:
    import keras

EPSILON = 1e-5
VOCABULARY = 32_000
BASE = 10_000.0  # of the angles of the rotary positions


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The sizes of a network.

    Attributes:
        width: channels of a token.
        depth: number of blocks.
        heads: number of heads of queries.
        key_heads: number of heads of keys and values, a divisor of `heads`.
        hidden: channels of the feed-forward layers.
        vocabulary: number of tokens.
        context: longest text, in tokens.
    """

    width: int
    depth: int
    heads: int
    key_heads: int
    hidden: int
    vocabulary: int
    context: int


def build(
    *,
    width: int = 288,
    depth: int = 6,
    heads: int = 6,
    key_heads: int = 6,
    hidden: int = 768,
    vocabulary: int = VOCABULARY,
    context: int = 256,
    length: int = 64,
) -> keras.Model:
    """Return the network for whole texts: tokens (N, length) to the logits (N, length, vocabulary) of the next tokens.

    Args:
        width: channels of a token.
        depth: number of blocks.
        heads: number of heads of queries.
        key_heads: number of heads of keys and values, a divisor of `heads`.
        hidden: channels of the feed-forward layers.
        vocabulary: number of tokens.
        context: longest text that the network can read, in tokens.
        length: tokens of a text here, at most the context.
    """
    sizes = Sizes(
        width=width,
        depth=depth,
        heads=heads,
        key_heads=key_heads,
        hidden=hidden,
        vocabulary=vocabulary,
        context=context,
    )
    return forms.whole_text(partial(_network, Shared(), sizes), length, "llama")


def _network(
    layer: Shared, sizes: Sizes, tokens: Any, positions: Any, mask: Any, remember: Remember, *, has_logits: bool = True
) -> Any:
    """Return the logits; see `zoo.language.decoder.Network`. Comments: shapes for 64 tokens."""
    from keras import layers, ops

    from zoo.language.cached_attention import GroupedAttention, SplitHeads
    from zoo.language.rms_norm import RMSNorm
    from zoo.language.rotary import RotaryTable, Rotate
    from zoo.language.tied_embedding import ByText, TiedEmbedding

    size = sizes.width // sizes.heads

    def normalise(x: Any, name: str) -> Any:
        return layer(RMSNorm, EPSILON, name=name)(x)

    def dense(x: Any, channels: int, name: str, activation: str | None = None) -> Any:
        return layer(layers.Dense, channels, activation=activation, use_bias=False, name=name)(x)

    def heads_of(x: Any, heads: int, name: str) -> Any:
        return layer(SplitHeads, heads, name=f"{name}_heads")(dense(x, heads * size, name), tokens)

    def attention(x: Any, index: int) -> Any:
        name = f"block_{index}"
        queries = layer(Rotate, name=f"{name}_query_rotary")(heads_of(x, sizes.heads, f"{name}_query"), *angles)
        keys = layer(Rotate, name=f"{name}_key_rotary")(heads_of(x, sizes.key_heads, f"{name}_key"), *angles)
        keys, values = remember(index, keys, heads_of(x, sizes.key_heads, f"{name}_value"))  # 6 x 64 x 48
        attend = layer(GroupedAttention, sizes.heads, sizes.key_heads, name=f"{name}_attention")
        return dense(attend(queries, keys, values, mask), sizes.width, f"{name}_output")

    def feed_forward(x: Any, name: str) -> Any:
        # SwiGLU: one of two hidden layers is the gate of the other. Shazeer 2020, https://arxiv.org/abs/2002.05202.
        gate = dense(x, sizes.hidden, f"{name}_gate", activation="silu")
        return dense(gate * dense(x, sizes.hidden, f"{name}_up"), sizes.width, f"{name}_down")

    embedding = layer(TiedEmbedding, sizes.vocabulary, sizes.width, name="embedding")
    angles = layer(RotaryTable, sizes.context, size, BASE, name="rotary")(positions)
    x = embedding(ops.reshape(tokens, (-1,)))  # From here on, a row is a token.
    for index in range(sizes.depth):
        x = x + attention(normalise(x, f"block_{index}_attention_norm"), index)
        x = x + feed_forward(normalise(x, f"block_{index}_feed_forward_norm"), f"block_{index}")
    if not has_logits:
        return None
    rows = embedding(normalise(x, "norm"), reverse=True)
    return layer(ByText, name="logits")(rows, tokens)  # 64 x 32000


def decoder(model: keras.Model) -> Decoder:
    """Return the forms with a cache of a model that `build` returned; they share its layers."""
    embedding, rotary, attention, gate = (
        model.get_layer(name) for name in ("embedding", "rotary", "block_0_attention", "block_0_gate")
    )
    sizes = Sizes(
        width=embedding.width,
        depth=sum(layer.name.endswith("_attention") for layer in model.layers),
        heads=attention.heads,
        key_heads=attention.key_heads,
        hidden=gate.units,
        vocabulary=embedding.vocabulary,
        context=rotary.context,
    )
    cache = CacheSize(blocks=sizes.depth, heads=sizes.key_heads, size=rotary.size, context=sizes.context)
    network = partial(_network, Shared(model.layers), sizes)
    return forms.decoder(network, cache, length=model.inputs[0].shape[1])


def inputs(*, vocabulary: int = VOCABULARY, **_: object) -> dict[str, Input]:
    """Return the meaning of the input."""
    tokenizer = FILE if vocabulary == VOCABULARY else ""  # The tiny variant has none.
    return {"tokens": Tokens(vocabulary=vocabulary, tokenizer=tokenizer, texts=STORIES)}


def companions(*, vocabulary: int = VOCABULARY, **_: object) -> dict[str, bytes]:
    """Return the tokenizer."""
    return {FILE: pretrained.tokenizer()} if vocabulary == VOCABULARY else {}


TINY = {
    "width": 32,
    "depth": 2,
    "heads": 4,
    "key_heads": 2,
    "hidden": 48,
    "vocabulary": 96,
    "context": 24,
    "length": 16,
}

STORIES15M = register(
    Architecture(
        name="stories15m",
        title="Llama 2 of 15 million parameters for short stories (Karpathy, 2023)",
        task="language modelling",
        paper="https://arxiv.org/abs/2307.09288",
        build=build,
        inputs=inputs,
        parameter_count=15_191_712,
        options={"length": Option(default=64, choices=(16, 64, 128, 256), meaning="tokens of a text in the proof")},
        tiny=TINY,
        weights=(pretrained.STORIES15M,),
        decoder=decoder,
        companions=companions,
    )
)
