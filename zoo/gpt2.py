"""GPT-2: a decoder with learned positions, layer normalization before every sublayer, and GELU.

Radford et al. 2019, "Language Models are Unsupervised Multitask Learners",
https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf, section 2.3 and
table 2. The paper prints 117, 345, 762 and 1542 million parameters; OpenAI's files hold those that are registered here.
Queries, keys and values are three matrices here, and one of three times the width in OpenAI's files.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from zoo.architecture import Architecture, Option, register
from zoo.inputs import SPEECHES, Input, Tokens
from zoo.language import decoder as forms
from zoo.language.decoder import CacheSize, Decoder, Remember, Shared
from zoo.language.tokenizer import FILE
from zoo.pretrained import gpt2 as pretrained

if TYPE_CHECKING:
    import keras

PAPER = "https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf"
# Table 2: name -> (width, number of blocks, number of heads, parameters).
SIZES = {
    "gpt2": (768, 12, 12, 124_439_808),
    "gpt2_medium": (1024, 24, 16, 354_823_168),
    "gpt2_large": (1280, 36, 20, 774_030_080),
    "gpt2_xl": (1600, 48, 25, 1_557_611_200),
}
VOCABULARY = 50_257  # 256 bytes, 50,000 merges of byte-pair encoding, and the end of a text
CONTEXT = 1024
EPSILON = 1e-5


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The sizes of a network.

    Attributes:
        width: channels of a token; the feed-forward layers have four times as many.
        depth: number of blocks.
        heads: number of heads of attention.
        vocabulary: number of tokens.
        context: longest text, in tokens.
    """

    width: int
    depth: int
    heads: int
    vocabulary: int
    context: int


def build(
    *,
    width: int = 768,
    depth: int = 12,
    heads: int = 12,
    vocabulary: int = VOCABULARY,
    context: int = CONTEXT,
    length: int = 64,
) -> keras.Model:
    """Return the network for whole texts: tokens (N, length) to the logits (N, length, vocabulary) of the next tokens.

    Args:
        width: channels of a token; the feed-forward layers have four times as many.
        depth: number of blocks.
        heads: number of heads of attention.
        vocabulary: number of tokens.
        context: longest text that the network can read, in tokens.
        length: tokens of a text here, at most the context.
    """
    sizes = Sizes(width=width, depth=depth, heads=heads, vocabulary=vocabulary, context=context)
    return forms.whole_text(partial(_network, Shared(), sizes), length, "gpt2")


def _network(
    layer: Shared, sizes: Sizes, tokens: Any, positions: Any, mask: Any, remember: Remember, *, has_logits: bool = True
) -> Any:
    """Return the logits; see `zoo.language.decoder.Network`. Comments: shapes for 64 tokens."""
    from keras import layers, ops

    from zoo.language.cached_attention import GroupedAttention, SplitHeads
    from zoo.language.tied_embedding import ByText, LearnedPositions, TiedEmbedding

    def normalise(x: Any, name: str) -> Any:
        return layer(layers.LayerNormalization, epsilon=EPSILON, name=name)(x)

    def dense(x: Any, channels: int, name: str) -> Any:
        return layer(layers.Dense, channels, name=name)(x)

    def heads_of(x: Any, name: str) -> Any:
        return layer(SplitHeads, sizes.heads, name=f"{name}_heads")(dense(x, sizes.width, name), tokens)

    def attention(x: Any, index: int) -> Any:
        name = f"block_{index}"
        keys, values = remember(index, heads_of(x, f"{name}_key"), heads_of(x, f"{name}_value"))  # 12 x 64 x 64
        attend = layer(GroupedAttention, sizes.heads, sizes.heads, name=f"{name}_attention")
        return dense(attend(heads_of(x, f"{name}_query"), keys, values, mask), sizes.width, f"{name}_output")

    def feed_forward(x: Any, name: str) -> Any:
        # Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415, with their approximation by tanh.
        x = ops.gelu(dense(x, 4 * sizes.width, f"{name}_expand"), approximate=True)
        return dense(x, sizes.width, f"{name}_project")

    embedding = layer(TiedEmbedding, sizes.vocabulary, sizes.width, name="embedding")
    places = layer(LearnedPositions, sizes.context, sizes.width, name="position_embedding")(positions)
    vectors = layer(ByText, name="vectors")(embedding(ops.reshape(tokens, (-1,))), tokens)
    x = ops.reshape(vectors + places, (-1, sizes.width))  # From here on, a row is a token.
    for index in range(sizes.depth):
        x = x + attention(normalise(x, f"block_{index}_attention_norm"), index)
        x = x + feed_forward(normalise(x, f"block_{index}_feed_forward_norm"), f"block_{index}")
    if not has_logits:
        return None
    return layer(ByText, name="logits")(embedding(normalise(x, "norm"), reverse=True), tokens)  # 64 x 50257


def decoder(model: keras.Model) -> Decoder:
    """Return the forms with a cache of a model that `build` returned; they share its layers."""
    embedding, places, attention = (
        model.get_layer(name) for name in ("embedding", "position_embedding", "block_0_attention")
    )
    sizes = Sizes(
        width=embedding.width,
        depth=sum(layer.name.endswith("_attention") for layer in model.layers),
        heads=attention.heads,
        vocabulary=embedding.vocabulary,
        context=places.context,
    )
    cache = CacheSize(blocks=sizes.depth, heads=sizes.heads, size=sizes.width // sizes.heads, context=sizes.context)
    network = partial(_network, Shared(model.layers), sizes)
    return forms.decoder(network, cache, length=model.inputs[0].shape[1])


def inputs(*, vocabulary: int = VOCABULARY, **_: object) -> dict[str, Input]:
    """Return the meaning of the input."""
    return {"tokens": Tokens(vocabulary=vocabulary)}


TINY = {"width": 32, "depth": 2, "heads": 2, "vocabulary": 96, "context": 24, "length": 16}


def _gpt2(name: str) -> Architecture:
    """Register the network of that size."""
    width, depth, heads, parameter_count = SIZES[name]
    return register(
        Architecture(
            name=name,
            title=f"GPT-2 with {depth} blocks of {width} channels (Radford et al., 2019)",
            task="language modelling",
            paper=PAPER,
            build=partial(build, width=width, depth=depth, heads=heads),
            inputs=inputs,
            parameter_count=parameter_count,
            options={
                "length": Option(default=64, choices=(16, 64, 256, 1024), meaning="tokens of a text in the proof")
            },
            tiny=TINY,
            weights=(pretrained.WEBTEXT,) if name == "gpt2" else (),
            weight_files={".safetensors": pretrained.from_safetensors},
            decoder=decoder,
        )
    )


GPT2 = _gpt2("gpt2")
GPT2_MEDIUM = _gpt2("gpt2_medium")
GPT2_LARGE = _gpt2("gpt2_large")
GPT2_XL = _gpt2("gpt2_xl")


def _speeches(**_: object) -> dict[str, Input]:
    """Return the meaning of the input of `gpt_small`."""
    return {"tokens": Tokens(vocabulary=SMALL["vocabulary"], tokenizer=FILE, texts=SPEECHES)}


# Sized to be trained on a CPU in minutes.
SMALL = {"width": 96, "depth": 4, "heads": 4, "vocabulary": 1024, "context": 128}

GPT_SMALL = register(
    Architecture(
        name="gpt_small",
        title="GPT-2 of half a million parameters for Shakespeare's plays",
        task="language modelling",
        paper=PAPER,
        build=partial(build, **SMALL),
        inputs=_speeches,
        parameter_count=558_144,
        options={"length": Option(default=64, choices=(16, 64, 128), meaning="tokens of a text in the proof")},
        weights=(pretrained.SHAKESPEARE,),
        decoder=decoder,
        companions=pretrained.tokenizer,
    )
)
