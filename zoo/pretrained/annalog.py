"""Trained weights of ANNalog, by its authors, MIT."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from zoo.language.tokenizer import FILE
from zoo.pinned import Source, Weights

if TYPE_CHECKING:
    import keras

    from zoo.pinned import Array

# Our names of the layers outside of blocks, and of the parts of a block, behind the name of the block.
_OUTSIDE = {"tok_embedding": "embedding", "pos_embedding": "positions"}
_PARTS = {
    "self_attn_layer_norm": "attention_norm",
    "enc_attn_layer_norm": "memory_norm",
    "ff_layer_norm": "norm",
    "self_attention.fc_q": "attention_query",
    "self_attention.fc_k": "attention_key",
    "self_attention.fc_v": "attention_value",
    "self_attention.fc_o": "attention_output",
    "encoder_attention.fc_q": "memory_query",
    "encoder_attention.fc_k": "memory_key",
    "encoder_attention.fc_v": "memory_value",
    "encoder_attention.fc_o": "memory_output",
    "positionwise_feedforward.fc_1": "inner",
    "positionwise_feedforward.fc_2": "outer",
}
_NAME = re.compile(r"(encoder|decoder)\.(?:layers\.(\d+)\.)?(.+)\.(weight|bias)")


def from_original(tensors: Mapping[str, Array], model: keras.Model) -> dict[str, Array]:
    """Return the weights of the original by our names; its matrices are (outputs, inputs).

    Raises:
        ValueError: a tensor has another name.
    """
    found = {}
    for stored, values in tensors.items():
        match = _NAME.fullmatch(stored)
        if match is None:
            raise ValueError(f"{stored} is no tensor of ANNalog")
        side, block, part, kind = match.groups()
        if part in _OUTSIDE:
            found[f"{'source' if side == 'encoder' else 'target'}_{_OUTSIDE[part]}/embeddings"] = values
        elif part.endswith("layer_norm"):
            found[f"{side}{block}_{_PARTS[part]}/{'gamma' if kind == 'weight' else 'beta'}"] = values
        else:
            layer = "head" if part == "fc_out" else f"{side}{block}_{_PARTS[part]}"
            found[f"{layer}/{'kernel' if kind == 'weight' else 'bias'}"] = values.T
    return found


ANALOGUES = Weights(
    tag="analogues",
    licence="MIT",
    trained_on="pairs of similar molecules of medicinal chemistry, in SMILES",
    sources=(
        Source(
            kind="pypi",
            location="annalog==1.0.6",
            members=("annalog/ckpt_and_vocab/Lev_extended.pt",),
            sha256="9e22e755b5d47da3c678bc19073e4f4af12ae061c91a7e5382cea67e30fad97b",
            reader="torch_state",
            adapt=from_original,
        ),
    ),
)


def tokenizer(**_: object) -> dict[str, bytes]:
    """Return the tokenizer of molecules."""
    from zoo.language import molecules

    return {FILE: molecules.tokenizer()}
