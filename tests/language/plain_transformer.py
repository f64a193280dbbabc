"""The Transformer in plain NumPy, in float64, for one pair of texts: written from the paper."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def transformer(
    weights: Mapping[str, NDArray[np.float32]],
    source: NDArray[np.int32],
    target: NDArray[np.int32],
    *,
    heads: int,
    depth: int,
) -> Array:
    """Return the logits (T, vocabulary) of a target (T,) for a source (S,) without padding; weights by our names."""
    table = weights["embedding/embeddings"].astype(np.float64)
    width = table.shape[1]

    def norm(x: Array, name: str) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6)
        return np.asarray(scaled * weights[f"{name}/gamma"] + weights[f"{name}/beta"])

    def attention(x: Array, memory: Array, name: str, *, is_causal: bool = False) -> Array:
        query, key, value = (
            np.split(one @ weights[f"{name}_{part}/kernel"], heads, axis=-1)
            for part, one in (("query", x), ("key", memory), ("value", memory))
        )
        mixed = []
        for head in range(heads):
            scores = query[head] @ key[head].T / np.sqrt(width / heads)
            if is_causal:
                scores[np.triu_indices(len(scores), 1)] = -np.inf
            shares = np.exp(scores - scores.max(-1, keepdims=True))
            mixed.append(shares / shares.sum(-1, keepdims=True) @ value[head])
        return np.asarray(np.concatenate(mixed, -1) @ weights[f"{name}_output/kernel"])

    def feed_forward(x: Array, name: str) -> Array:
        inner = np.maximum(x @ weights[f"{name}_inner/kernel"] + weights[f"{name}_inner/bias"], 0)
        return np.asarray(inner @ weights[f"{name}_outer/kernel"] + weights[f"{name}_outer/bias"])

    memory = table[source] * np.sqrt(width) + positions(len(source), width)
    for index in range(depth):
        name = f"encoder{index}"
        memory = norm(memory + attention(memory, memory, f"{name}_attention"), f"{name}_attention_norm")
        memory = norm(memory + feed_forward(memory, name), f"{name}_norm")
    x = table[target] * np.sqrt(width) + positions(len(target), width)
    for index in range(depth):
        name = f"decoder{index}"
        x = norm(x + attention(x, x, f"{name}_attention", is_causal=True), f"{name}_attention_norm")
        x = norm(x + attention(x, memory, f"{name}_memory"), f"{name}_memory_norm")
        x = norm(x + feed_forward(x, name), f"{name}_norm")
    return np.asarray(x @ table.T)


def positions(length: int, width: int) -> Array:
    """Return the vectors (length, width) of section 3.5, number by number."""
    found = np.zeros((length, width))
    for place in range(length):
        for pair in range(width // 2):
            angle = place / 10_000 ** (2 * pair / width)
            found[place, 2 * pair], found[place, 2 * pair + 1] = np.sin(angle), np.cos(angle)
    return found
