"""Transformer: an encoder reads a text, and a decoder writes another one, token by token, while it looks at the first.

Vaswani et al. 2017, "Attention Is All You Need", https://arxiv.org/abs/1706.03762, section 3 and table 3. Different
from the paper: no dropout, which only training uses; static lengths, which devices need. Its sizes are rounded.

    size     depth   width   heads   hidden   vocabulary   parameters   paper
    base         6     512       8     2048       37,000   63,045,632   65 million
    small        6     256       8     2048       37,000   26,816,512   28 million (table 3, C, width 256)
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from zoo import inputs as texts
from zoo.architecture import Architecture, Option, register
from zoo.inputs import Input, TargetTokens, TokenMask, Tokens
from zoo.language.tokenizer import FILE
from zoo.pretrained import transformer as pretrained

if TYPE_CHECKING:
    import keras

VOCABULARY = 37_000  # of both languages together (section 5.1)
EPSILON = 1e-6  # of the layer norms
WIDTHS = {"base": 512, "small": 256}


def build(*, size: str = "base", length: int = 64) -> keras.Model:
    """Return the network of a size in the table above, for texts of `length` tokens."""
    return network(width=WIDTHS[size], length=length, target_length=length)


def network(
    *,
    width: int,
    depth: int = 6,
    heads: int = 8,
    hidden: int = 2048,
    vocabulary: int = VOCABULARY,
    length: int,
    target_length: int,
) -> keras.Model:
    """Return a network of any size: source, source_mask and target to the logits (N, target_length, vocabulary).

    Input and output are those of training: the decoder reads a target that begins with the token "begin", and the
    logits of each place are those of the token behind it.

    Args:
        width: channels of a token.
        depth: number of blocks of the encoder, and of the decoder.
        heads: number of heads of attention, a divisor of the width.
        hidden: channels of the feed-forward layers.
        vocabulary: number of tokens, the same for both texts.
        length: tokens of the source; shorter ones are padded, where the mask is 0.
        target_length: tokens of the target; what stands behind a token does not change its logits.
    """
    import keras
    from keras import layers

    from zoo.language.attention import mask_scores
    from zoo.language.cached_attention import CausalMask
    from zoo.language.sinusoids import SinusoidalPositions

    source, mask = (keras.Input((length,), dtype="int32", name=name) for name in ("source", "source_mask"))
    target = keras.Input((target_length,), dtype="int32", name="target")
    # Section 3.4: one matrix is the table of both texts and, transposed, the last layer.
    start = keras.initializers.RandomNormal(stddev=width**-0.5)
    words = layers.ReversibleEmbedding(vocabulary, width, embeddings_initializer=start, name="embedding")
    padding = mask_scores(mask)
    memory = SinusoidalPositions(name="source_vectors")(words(source))  # sections 3.4 and 3.5
    for number in range(depth):
        memory = _encoder_block(memory, padding, heads=heads, hidden=hidden, name=f"encoder{number}")
    x, future = SinusoidalPositions(name="target_vectors")(words(target)), CausalMask(name="future")(target)
    for number in range(depth):
        x = _decoder_block(x, memory, future, padding, heads=heads, hidden=hidden, name=f"decoder{number}")
    logits = layers.Identity(name="logits")(words(x, reverse=True))
    return keras.Model([source, mask, target], logits, name="transformer")


def _encoder_block(x: Any, padding: Any, *, heads: int, hidden: int, name: str) -> Any:
    """Figure 1, left: attention of the source to itself, then two Dense layers for each token alone."""
    from zoo.language.attention import attention

    found = attention(x, padding, heads=heads, has_biases=False, name=f"{name}_attention")
    x = _add_and_normalise(x, found, f"{name}_attention_norm")
    return _add_and_normalise(x, _feed_forward(x, hidden, name), f"{name}_norm")


def _decoder_block(x: Any, memory: Any, future: Any, padding: Any, *, heads: int, hidden: int, name: str) -> Any:
    """Figure 1, right: attention of the target to itself and then to the source, then two Dense layers.

    `future` hides what stands behind a token (section 3.2.3).
    """
    from zoo.language.attention import attention

    found = attention(x, future, heads=heads, has_biases=False, name=f"{name}_attention")
    x = _add_and_normalise(x, found, f"{name}_attention_norm")
    found = attention(x, padding, heads=heads, has_biases=False, memory=memory, name=f"{name}_memory")
    x = _add_and_normalise(x, found, f"{name}_memory_norm")
    return _add_and_normalise(x, _feed_forward(x, hidden, name), f"{name}_norm")


def _feed_forward(x: Any, hidden: int, name: str) -> Any:
    """Equation 2."""
    from keras import layers

    inner = layers.Dense(hidden, activation="relu", name=f"{name}_inner")(x)
    return layers.Dense(x.shape[-1], name=f"{name}_outer")(inner)


def _add_and_normalise(x: Any, found: Any, name: str) -> Any:
    """Section 3.1: the normalization follows the sum."""
    from keras import layers

    return layers.LayerNormalization(epsilon=EPSILON, name=name)(layers.Add()([x, found]))


# The vocabulary of `zoo.language.spoken_dates`; the longest wording has 17 tokens, a date 12.
DATES = {
    "width": 64,
    "depth": 2,
    "heads": 4,
    "hidden": 256,
    "vocabulary": 94,
    "length": 20,
    "target_length": 12,
}


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
        options={
            "size": Option(default="base", choices=tuple(WIDTHS), meaning="base, or half as wide"),
            "length": Option(default=64, choices=(16, 32, 64, 128, 256), meaning="tokens of both texts"),
        },
    )
)


def _dates(**_: object) -> dict[str, Input]:
    """Return the meaning of the inputs of `transformer_dates`."""
    tokens = Tokens(vocabulary=DATES["vocabulary"], tokenizer=FILE, texts=texts.DATES)
    return {**inputs(vocabulary=DATES["vocabulary"]), "source": tokens}


TRANSFORMER_DATES = register(
    Architecture(
        name="transformer_dates",
        title="Transformer of a quarter of a million parameters for spoken dates",
        task="translation",
        paper=TRANSFORMER.paper,
        build=partial(network, **DATES),
        inputs=_dates,
        parameter_count=237_952,
        weights=(pretrained.DATES,),
        companions=pretrained.tokenizer,
    )
)
