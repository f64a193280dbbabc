"""Trained weights of GPT-2: OpenAI's, MIT, and those of `gpt_small`, by this project, Apache-2.0.

OpenAI's lie on the Hugging Face Hub. Of the four files there, the digest of the smallest is known here. The others are
given by hand: `--weights model.safetensors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING

from zoo.language.tokenizer import FILE
from zoo.pinned import Source, Weights
from zoo.pretrained import shipped

if TYPE_CHECKING:
    import keras

    from zoo.pinned import Array

# Layers of a block by OpenAI's names, with the names of our layers, beside which theirs stand in order.
_LAYERS = {
    "ln_1": ("attention_norm",),
    "attn.c_attn": ("query", "key", "value"),
    "attn.c_proj": ("output",),
    "ln_2": ("feed_forward_norm",),
    "mlp.c_fc": ("expand",),
    "mlp.c_proj": ("project",),
}
_DENSE = {"weight": "kernel", "bias": "bias"}
_NORM = {"weight": "gamma", "bias": "beta"}


def from_safetensors(arrays: Mapping[str, Array], model: keras.Model) -> dict[str, Array]:
    """Return the weights of a file of openai-community by our names.

    Masks, which are constants, are left out, and so is a second copy of the embedding as the head. Matrices are
    (inputs, outputs) there too, because OpenAI wrote them as convolutions.
    """
    import numpy as np

    stored = {name.removeprefix("transformer."): array for name, array in arrays.items()}

    def take(name: str) -> Array:
        if name not in stored:
            raise ValueError(f"the file has no {name}")
        return stored[name]

    weights = {"embedding/embeddings": take("wte.weight"), "position_embedding/embeddings": take("wpe.weight")}
    weights |= {f"norm/{ours}": take(f"ln_f.{theirs}") for theirs, ours in _NORM.items()}
    blocks = sum(layer.name.endswith("_attention") for layer in model.layers)
    for index in range(blocks):
        for layer, names in _LAYERS.items():
            for theirs, ours in (_NORM if layer.startswith("ln") else _DENSE).items():
                parts = np.split(take(f"h.{index}.{layer}.{theirs}"), len(names), axis=-1)
                weights |= {f"block_{index}_{name}/{ours}": part for name, part in zip(names, parts, strict=True)}
    if f"h.{blocks}.ln_1.weight" in stored:
        raise ValueError(f"the file has more than {blocks} blocks")
    return weights


_COMMIT = "607a30d783dfa663caf39e06633721c8d4cfcd7e"
WEBTEXT = Weights(
    tag="webtext",
    licence="MIT",
    trained_on="WebText, 8 million pages that Reddit links to",
    sources=(
        Source(
            kind="url",
            location=f"https://huggingface.co/openai-community/gpt2/resolve/{_COMMIT}/model.safetensors",
            sha256="248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707",
            reader="safetensors",
            adapt=from_safetensors,
        ),
    ),
)

SHAKESPEARE = shipped.shakespeare(
    "gpt_small-shakespeare.npz", "46a4406f078422aadc7619c131b9a8d530aed95927cf072fc6741f064ecf3332"
)


def tokenizer(**_: object) -> dict[str, bytes]:
    """Return the tokenizer of `gpt_small`, which `python -m zoo.language.byte_pairs` made."""
    return {FILE: resources.files("zoo.pretrained").joinpath("tokenizers", "shakespeare.json").read_bytes()}
