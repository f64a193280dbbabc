"""Transformer: an encoder reads a text, and a decoder writes another one, token by token, while it looks at the first.

Vaswani et al. 2017, "Attention Is All You Need", https://arxiv.org/abs/1706.03762, section 3 and table 3. Different
from the paper: no dropout, which only training uses; static lengths, which devices need. Its sizes are rounded.

    size     depth   width   heads   hidden   vocabulary   parameters   paper
    base         6     512       8     2048       37,000   63,045,632   65 million
    small        6     256       8     2048       37,000   26,816,512   28 million (table 3, C, width 256)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.architecture import Architecture, Option, register
from zoo.inputs import Input, TargetTokens, TokenMask, Tokens
from zoo.language import encoder_decoder as forms
from zoo.language.decoder import CacheSize, Decoder, Remember, Shared
from zoo.language.encoder_decoder import Memory

if TYPE_CHECKING:
    import keras

VOCABULARY = 37_000  # of both languages together (section 5.1)
WIDTHS = {"base": 512, "small": 256}
_PARTS = ("query", "key", "value")


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The sizes of a network.

    Attributes:
        width: channels of a token.
        depth: number of blocks of the encoder, and of the decoder.
        heads: number of heads of attention, a divisor of the width.
        hidden: channels of the feed-forward layers.
        vocabulary: number of tokens, the same for both texts.
        length: tokens of the source; shorter ones are padded, where the mask is 0.
        target_length: tokens of the target; what stands behind a token does not change its logits.
        is_as_published: otherwise positions are learned, each text and the last layer have a matrix of their own, and
            the matrices of attention have biases, as in many later networks.
        epsilon: of the layer norms.
    """

    width: int
    depth: int = 6
    heads: int = 8
    hidden: int = 2048
    vocabulary: int = VOCABULARY
    length: int
    target_length: int
    is_as_published: bool = True
    epsilon: float = 1e-6


def build(*, size: str = "base", length: int = 64) -> keras.Model:
    """Return the network of a size in the table above, for texts of `length` tokens."""
    return network(width=WIDTHS[size], length=length, target_length=length)


def network(**sizes: Any) -> keras.Model:
    """Return a network of any `Sizes`: source, source_mask and target to the logits (N, target_length, vocabulary).

    Input and output are those of training: the decoder reads a target that begins with the token "begin", and the
    logits of each place are those of the token behind it.
    """
    made = Sizes(**sizes)
    return forms.whole_texts(_Network(Shared(), made), made.length, made.target_length, "transformer")


@dataclass(frozen=True)
class _Network:
    """The layers; see `zoo.language.encoder_decoder.Network`. A row is a token; comments: shapes for 64 tokens."""

    layer: Shared
    sizes: Sizes

    def encoder(self, tokens: Any, positions: Any, mask: Any) -> Memory:
        """Figure 1, left: attention of the source to itself, then two Dense layers for each token alone."""
        x = self._vectors(tokens, positions, "source", self.sizes.length)  # 64 x 512
        for name in (f"encoder{index}" for index in range(self.sizes.depth)):
            attention = f"{name}_attention"
            queries, keys, values = (self._heads(x, tokens, f"{attention}_{part}") for part in _PARTS)  # 8 x 64 x 64
            x = self._add_and_normalise(x, self._attention(queries, keys, values, mask, attention), f"{attention}_norm")
            x = self._add_and_normalise(x, self._feed_forward(x, name), f"{name}_norm")
        memories = [f"decoder{index}_memory" for index in range(self.sizes.depth)]
        return [(self._heads(x, tokens, f"{name}_key"), self._heads(x, tokens, f"{name}_value")) for name in memories]

    def decoder(self, tokens: Any, positions: Any, mask: Any, remember: Remember, memory: Memory, padding: Any) -> Any:
        """Figure 1, right: attention of the target to itself and then to the source, then two Dense layers.

        `mask` hides what stands behind a token (section 3.2.3).
        """
        from zoo.language.tied_embedding import ByText

        x = self._vectors(tokens, positions, "target", self.sizes.target_length)
        for index, name in enumerate(f"decoder{index}" for index in range(self.sizes.depth)):
            attention, cross = f"{name}_attention", f"{name}_memory"
            queries, keys, values = (self._heads(x, tokens, f"{attention}_{part}") for part in _PARTS)
            found = self._attention(queries, *remember(index, keys, values), mask, attention)
            x = self._add_and_normalise(x, found, f"{attention}_norm")
            found = self._attention(self._heads(x, tokens, f"{cross}_query"), *memory[index], padding, cross)
            x = self._add_and_normalise(x, found, f"{cross}_norm")
            x = self._add_and_normalise(x, self._feed_forward(x, name), f"{name}_norm")
        return self.layer(ByText, name="logits")(self._head(x), tokens)  # 64 x 37000

    def _head(self, x: Any) -> Any:
        """Section 3.4: one matrix is the table of both texts and, transposed, the last layer."""
        from keras import layers

        if self.sizes.is_as_published:
            return self._table("target")(x, reverse=True)
        return self.layer(layers.Dense, self.sizes.vocabulary, name="head")(x)

    def _table(self, text: str) -> Any:
        """Return the layer of the vectors of a text's tokens."""
        from zoo.language.tied_embedding import TiedEmbedding

        sizes = self.sizes
        name = "embedding" if sizes.is_as_published else f"{text}_embedding"
        return self.layer(TiedEmbedding, sizes.vocabulary, sizes.width, deviation=sizes.width**-0.5, name=name)

    def _vectors(self, tokens: Any, positions: Any, text: str, context: int) -> Any:
        """Sections 3.4 and 3.5: the vectors of tokens are as small as rows of the last layer, until they are scaled."""
        from keras import ops

        from zoo.language.sinusoids import SinusoidalPositions
        from zoo.language.tied_embedding import ByText, LearnedPositions

        width, kind = self.sizes.width, SinusoidalPositions if self.sizes.is_as_published else LearnedPositions
        places = self.layer(kind, context, width, name=f"{text}_positions")(positions)
        words = self._table(text)(ops.reshape(tokens, (-1,))) * width**0.5
        vectors = self.layer(ByText, name=f"{text}_vectors")(words, tokens)
        return ops.reshape(vectors + places, (-1, width))

    def _heads(self, x: Any, tokens: Any, name: str) -> Any:
        from keras import layers

        from zoo.language.cached_attention import SplitHeads

        has_bias = not self.sizes.is_as_published
        rows = self.layer(layers.Dense, self.sizes.width, use_bias=has_bias, name=name)(x)
        return self.layer(SplitHeads, self.sizes.heads, name=f"{name}_heads")(rows, tokens)

    def _attention(self, queries: Any, keys: Any, values: Any, mask: Any, name: str) -> Any:
        """Section 3.2."""
        from keras import layers

        from zoo.language.cached_attention import GroupedAttention

        heads, width = self.sizes.heads, self.sizes.width
        mixed = self.layer(GroupedAttention, heads, heads, name=f"{name}_weights")(queries, keys, values, mask)
        has_bias = not self.sizes.is_as_published
        return self.layer(layers.Dense, width, use_bias=has_bias, name=f"{name}_output")(mixed)

    def _feed_forward(self, x: Any, name: str) -> Any:
        """Equation 2."""
        from keras import layers

        inner = self.layer(layers.Dense, self.sizes.hidden, activation="relu", name=f"{name}_inner")(x)
        return self.layer(layers.Dense, self.sizes.width, name=f"{name}_outer")(inner)

    def _add_and_normalise(self, x: Any, found: Any, name: str) -> Any:
        """Section 3.1: the normalization follows the sum."""
        from keras import layers

        norm = self.layer(layers.LayerNormalization, epsilon=self.sizes.epsilon, name=name)
        return norm(layers.Add()([x, found]))


def decoder(model: keras.Model) -> Decoder:
    """Return the forms with caches of a model that `network` returned; they share its layers."""
    names = ("source_positions", "target_positions", "encoder0_inner", "encoder0_attention_weights", "encoder0_norm")
    source, target, inner, attention, norm = map(model.get_layer, names)
    sizes = Sizes(
        width=source.width,
        depth=sum(layer.name.startswith("encoder") and layer.name.endswith("_inner") for layer in model.layers),
        heads=attention.heads,
        hidden=inner.units,
        vocabulary=model.outputs[0].shape[-1],
        length=source.context,
        target_length=target.context,
        is_as_published=any(layer.name == "embedding" for layer in model.layers),
        epsilon=norm.epsilon,
    )
    cache = CacheSize(
        blocks=sizes.depth, heads=sizes.heads, size=sizes.width // sizes.heads, context=sizes.target_length
    )
    return forms.encoder_decoder(_Network(Shared(model.layers), sizes), cache, sizes.length)


def inputs(*, vocabulary: int = VOCABULARY, **_: object) -> dict[str, Input]:
    """Return the meaning of the inputs."""
    return {
        "source": Tokens(vocabulary=vocabulary),
        "source_mask": TokenMask(),
        "target": TargetTokens(vocabulary=vocabulary),
    }


TRANSFORMER = register(
    Architecture(
        name="transformer",
        title="Transformer (Vaswani et al., 2017)",
        task="translation",
        paper="https://arxiv.org/abs/1706.03762",
        build=build,
        inputs=inputs,
        parameter_count=63_045_632,
        decoder=decoder,
        options={
            "size": Option(default="base", choices=tuple(WIDTHS), meaning="base, or half as wide"),
            "length": Option(default=64, choices=(16, 32, 64, 128, 256), meaning="tokens of both texts"),
        },
    )
)
