"""BERT: a Transformer encoder that reads a whole text at once, trained by filling in masked words.

Devlin, Chang, Lee, Toutanova 2019, "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
https://arxiv.org/abs/1810.04805, sections 3 and A.2. The small sizes are those of Turc, Chang, Lee, Toutanova 2019,
"Well-Read Students Learn Better", https://arxiv.org/abs/1908.08962, table 1. MiniLM is Wang et al. 2020, "MiniLM: Deep
Self-Attention Distillation", https://arxiv.org/abs/2002.10957, trained on a billion pairs of sentences for
sentence embeddings (Reimers, Gurevych 2019, "Sentence-BERT", https://arxiv.org/abs/1908.10084, section 3).
Different from the paper: no dropout, which only training uses; a static length, which devices need.

    name         blocks   width   heads   parameters
    bert_base        12     768      12   109,482,240
    bert_mini         4     256       4    11,170,560
    bert_tiny         2     128       2     4,385,920
    minilm            6     384      12    22,565,376
    rxnfp            12     256       4     6,675,535

rxnfp is Schwaller et al. 2021, "Mapping the space of chemical reactions using attention-based neural networks",
https://arxiv.org/abs/2012.06051: trained on chemical reactions in the notation SMILES; its inner layers are narrower.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from zoo.architecture import Architecture, Option, OptionValue, register
from zoo.inputs import REACTIONS, SENTENCES, SPEECHES, Input, text
from zoo.language.tokenizer import FILE, tokenizer_file
from zoo.pretrained import bert as pretrained

if TYPE_CHECKING:
    import keras

VOCABULARY = 30_522  # pieces of lower-case English words
LENGTHS = (16, 32, 64, 128, 256, 512)
# What the outputs of a head are for.
HEADS = {
    "hidden": "encoding",
    "sentence": "embedding",
    "masked_lm": "masked language modelling",
    "classes": "text classification",
}
EPSILON = 1e-12  # of the layer norms


def build(
    *,
    blocks: int,
    width: int,
    heads: int,
    head: str = "hidden",
    length: int = 128,
    vocabulary: int = VOCABULARY,
    positions: int = 512,
    inner: int = 0,
    classes: int = 2,
) -> keras.Model:
    """Return BERT: ids, mask and segment_ids, each int32 (N, length), to the outputs of a head.

    Args:
        blocks: number of encoder blocks.
        width: of the vector of each token.
        heads: of the attention.
        head: "hidden": hidden (N, length, width) and pooled (N, width); "sentence": embedding (N, width) of length 1;
            "masked_lm": logits (N, length, vocabulary); "classes": logits (N, classes) of the first token;
            "mean_classes": logits (N, classes) of the mean of the tokens, which MiniLM was trained for.
        length: number of tokens; shorter texts are padded, where the mask is 0.
        vocabulary: number of different tokens.
        positions: longest length that the position embeddings are made for.
        inner: width of the inner layer of a block; 0: four times that of a token.
        classes: of the heads "classes" and "mean_classes".
    """
    import keras

    from zoo.language.attention import mask_scores

    ids, mask, segments = (keras.Input((length,), dtype="int32", name=name) for name in ("ids", "mask", "segment_ids"))
    x, words = _embeddings(ids, segments, width=width, vocabulary=vocabulary, positions=positions)
    scores = mask_scores(mask)
    for number in range(blocks):
        x = _block(x, scores, heads=heads, inner=inner or 4 * width, name=f"block{number}")
    return keras.Model([ids, mask, segments], _outputs(x, mask, words, head, classes), name="bert")


def _embeddings(ids: Any, segments: Any, *, width: int, vocabulary: int, positions: int) -> tuple[Any, Any]:
    """Figure 2: the sum of the embeddings of a token, its position and its segment; and the layer of the tokens."""
    from keras import layers

    from zoo.language.embeddings import positions_of

    words = layers.ReversibleEmbedding(vocabulary, width, name="word_embedding")
    x = layers.Add(name="embeddings")(
        [
            words(ids),
            layers.Embedding(positions, width, name="position_embedding")(positions_of(ids)),
            layers.Embedding(2, width, name="segment_embedding")(segments),
        ]
    )
    return layers.LayerNormalization(epsilon=EPSILON, name="embedding_norm")(x), words


def _block(x: Any, scores: Any, *, heads: int, inner: int, name: str) -> Any:
    """Attention, then two Dense layers for each token alone; each followed by a residual and a layer norm."""
    from keras import layers

    from zoo.language.attention import attention

    width = x.shape[-1]
    found = attention(x, scores, heads=heads, name=f"{name}_attention")
    x = layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_attention_norm")(layers.Add()([x, found]))
    found = layers.Dense(inner, activation="gelu", name=f"{name}_inner")(x)
    found = layers.Dense(width, name=f"{name}_outer")(found)
    return layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_norm")(layers.Add()([x, found]))


def _outputs(x: Any, mask: Any, words: Any, head: str, classes: int) -> Any:
    """The output of a head, for hidden states (N, length, width)."""
    from keras import layers

    from zoo.language.bias import Bias
    from zoo.language.embeddings import mean_of_tokens, unit_length

    if head == "sentence":
        return unit_length(mean_of_tokens(x, mask), "embedding")
    if head == "mean_classes":
        return layers.Dense(classes, name="logits")(mean_of_tokens(x, mask))
    if head == "masked_lm":
        x = layers.Dense(x.shape[-1], activation="gelu", name="transform")(x)
        x = layers.LayerNormalization(epsilon=EPSILON, name="transform_norm")(x)
        return Bias(name="logits")(words(x, reverse=True))
    pooled = layers.Dense(x.shape[-1], activation="tanh", name="pooled")(x[:, 0])
    if head == "classes":
        return layers.Dense(classes, name="logits")(pooled)
    return [layers.Identity(name="hidden")(x), pooled]


def _task(*, head: str, **_: OptionValue) -> str:
    """Return what the outputs are for."""
    return HEADS[head]


def _companions(*, vocabulary: int = VOCABULARY, **_: OptionValue) -> dict[str, bytes]:
    """Return the tokenizer."""
    if vocabulary == TINY["vocabulary"]:
        return pretrained.speech_tokenizer()
    return {FILE: tokenizer_file(pretrained.TOKENIZER)}


def _inputs(*, vocabulary: int = VOCABULARY, **_: OptionValue) -> dict[str, Input]:
    """Return the meaning of the inputs."""
    return text(vocabulary, FILE, SPEECHES if vocabulary == TINY["vocabulary"] else SENTENCES)()


# Fills in hidden tokens of Shakespeare's plays: trained on a CPU in minutes, with every operator of a BERT.
TINY = {
    "blocks": 2,
    "width": 64,
    "heads": 2,
    "head": "masked_lm",
    "vocabulary": 1028,
    "positions": 64,
    "length": 64,
}


LENGTH = Option(default=128, choices=LENGTHS, meaning="tokens that the network reads")
HEAD = Option(default="hidden", choices=tuple(HEADS), meaning="what the outputs are")


def _register(
    name: str, title: str, parameters: int, tiny: Mapping[str, Any] | None = None, **sizes: Any
) -> Architecture:
    return register(
        Architecture(
            name=name,
            title=title,
            task="encoding",
            paper="https://arxiv.org/abs/1810.04805",
            build=partial(build, **sizes),
            inputs=_inputs,
            parameter_count=parameters,
            tiny=tiny or {},
            weights=(pretrained.tiny(tiny),) if tiny else (),
            options={"length": LENGTH, "head": HEAD},
            weight_files={".safetensors": pretrained.from_original},
            task_of=_task,
            companions=_companions,
            classifier={"head": "classes"},
        )
    )


BERT_BASE = _register("bert_base", "BERT-Base (Devlin et al., 2019)", 109_482_240, blocks=12, width=768, heads=12)
BERT_MINI = _register("bert_mini", "BERT-Mini (Turc et al., 2019)", 11_170_560, blocks=4, width=256, heads=4)
BERT_TINY = _register("bert_tiny", "BERT-Tiny (Turc et al., 2019)", 4_385_920, TINY, blocks=2, width=128, heads=2)

MINILM = register(
    Architecture(
        name="minilm",
        title="MiniLM-L6 (Wang et al., 2020)",
        task="embedding",
        paper="https://arxiv.org/abs/2002.10957",
        build=partial(build, blocks=6, width=384, heads=12, head="sentence"),
        inputs=text(VOCABULARY, FILE),
        parameter_count=22_565_376,
        options={"length": LENGTH},
        weights=(pretrained.SENTENCES,),
        companions=_companions,
        classifier={"head": "mean_classes"},
    )
)

REACTION_VOCABULARY = 591  # atoms, bonds, brackets, digits

RXNFP = register(
    Architecture(
        name="rxnfp",
        title="BERT for chemical reactions (Schwaller et al., 2021)",
        task=HEADS["masked_lm"],
        paper="https://arxiv.org/abs/2012.06051",
        build=partial(
            build,
            blocks=12,
            width=256,
            heads=4,
            head="masked_lm",
            vocabulary=REACTION_VOCABULARY,
            inner=512,
        ),
        inputs=text(REACTION_VOCABULARY, FILE, REACTIONS),
        parameter_count=6_675_535,
        options={"length": LENGTH},
        weights=(pretrained.REACTIONS,),
        companions=pretrained.reaction_tokenizer,
    )
)
