"""ANNalog in plain NumPy, in float64, for one pair of texts, with the names of the original's tensors.

Written from seq2seq_attention.py of the package annalog 1.0.6.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def annalog(
    tensors: Mapping[str, NDArray[np.float32]], source: NDArray[np.int32], target: NDArray[np.int32], *, heads: int
) -> Array:
    """Return the logits (T, vocabulary) of a target (T,) for a source (S,), both without padding."""

    def linear(x: Array, name: str) -> Array:
        return np.asarray(x @ tensors[f"{name}.weight"].T.astype(np.float64) + tensors[f"{name}.bias"])

    def norm(x: Array, name: str) -> Array:
        scaled = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return np.asarray(scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"])

    def attention(x: Array, memory: Array, name: str, *, is_causal: bool = False) -> Array:
        query, key, value = (
            linear(one, f"{name}.fc_{part}").reshape(len(one), heads, -1).transpose(1, 0, 2)
            for part, one in (("q", x), ("k", memory), ("v", memory))
        )
        energy = query @ key.transpose(0, 2, 1) / np.sqrt(query.shape[-1])
        if is_causal:
            energy = np.where(np.tril(np.ones(energy.shape[-2:])) == 0, -1e10, energy)
        shares = np.exp(energy - energy.max(-1, keepdims=True))
        mixed = shares / shares.sum(-1, keepdims=True) @ value
        return linear(mixed.transpose(1, 0, 2).reshape(len(x), -1), f"{name}.fc_o")

    def feed_forward(x: Array, name: str) -> Array:
        name = f"{name}.positionwise_feedforward"
        return linear(np.maximum(linear(x, f"{name}.fc_1"), 0), f"{name}.fc_2")

    def embedded(tokens: NDArray[np.int32], side: str) -> Array:
        words = tensors[f"{side}.tok_embedding.weight"].astype(np.float64)
        return np.asarray(
            words[tokens] * np.sqrt(words.shape[1]) + tensors[f"{side}.pos_embedding.weight"][: len(tokens)]
        )

    def blocks(side: str) -> list[str]:
        count = sum(name.startswith(f"{side}.layers.") and name.endswith("fc_1.bias") for name in tensors)
        return [f"{side}.layers.{index}" for index in range(count)]

    memory = embedded(source, "encoder")
    for name in blocks("encoder"):
        memory = norm(memory + attention(memory, memory, f"{name}.self_attention"), f"{name}.self_attn_layer_norm")
        memory = norm(memory + feed_forward(memory, name), f"{name}.ff_layer_norm")
    x = embedded(target, "decoder")
    for name in blocks("decoder"):
        found = attention(x, x, f"{name}.self_attention", is_causal=True)
        x = norm(x + found, f"{name}.self_attn_layer_norm")
        x = norm(x + attention(x, memory, f"{name}.encoder_attention"), f"{name}.enc_attn_layer_norm")
        x = norm(x + feed_forward(x, name), f"{name}.ff_layer_norm")
    return linear(x, "decoder.fc_out")
