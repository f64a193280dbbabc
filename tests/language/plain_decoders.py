"""The decoders of the zoo in plain NumPy, in float64, for one text and without a cache: written from the papers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Weights = Mapping[str, NDArray[np.float32]]


def llama(weights: Weights, tokens: NDArray[np.int32], *, heads: int, key_heads: int, depth: int) -> Array:
    """Return the logits (N, vocabulary) of tokens (N,); weights by our names."""
    table = weights["embedding/embeddings"].astype(np.float64)
    x = table[tokens]
    for index in range(depth):
        part = f"block_{index}_"
        h = rms(x, weights[f"{part}attention_norm/scale"])
        queries, keys, values = (
            split(h @ weights[f"{part}{name}/kernel"], count)
            for name, count in (("query", heads), ("key", key_heads), ("value", key_heads))
        )
        queries, keys = rotated(queries), rotated(keys)
        shared = heads // key_heads
        mixed = [attend(queries[head], keys[head // shared], values[head // shared]) for head in range(heads)]
        x = x + np.concatenate(mixed, axis=-1) @ weights[f"{part}output/kernel"]
        h = rms(x, weights[f"{part}feed_forward_norm/scale"])
        gate = h @ weights[f"{part}gate/kernel"]
        x = x + (gate / (1 + np.exp(-gate)) * (h @ weights[f"{part}up/kernel"])) @ weights[f"{part}down/kernel"]
    return rms(x, weights["norm/scale"]) @ table.T


def gpt2(weights: Weights, tokens: NDArray[np.int32], *, heads: int, depth: int) -> Array:
    """Return the logits (N, vocabulary) of tokens (N,); weights by our names."""
    table = weights["embedding/embeddings"].astype(np.float64)
    x = table[tokens] + weights["position_embedding/embeddings"][: len(tokens)]

    def dense(x: Array, name: str) -> Array:
        return np.asarray(x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"])

    def norm(x: Array, name: str) -> Array:
        return layer_norm(x, weights[f"{name}/gamma"], weights[f"{name}/beta"])

    for index in range(depth):
        part = f"block_{index}_"
        h = norm(x, f"{part}attention_norm")
        queries, keys, values = (split(dense(h, part + name), heads) for name in ("query", "key", "value"))
        mixed = [attend(*of_head) for of_head in zip(queries, keys, values, strict=True)]
        x = x + dense(np.concatenate(mixed, axis=-1), f"{part}output")
        x = x + dense(gelu(dense(norm(x, f"{part}feed_forward_norm"), f"{part}expand")), f"{part}project")
    return np.asarray(norm(x, "norm") @ table.T)


def rms(x: Array, scale: NDArray[np.float32]) -> Array:
    return np.asarray(x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5) * scale)


def layer_norm(x: Array, gamma: NDArray[np.float32], beta: NDArray[np.float32]) -> Array:
    return np.asarray((x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * gamma + beta)


def gelu(x: Array) -> Array:
    return np.asarray(0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))))


def split(rows: Array, heads: int) -> Array:
    """Return rows (N, heads * size) as (heads, N, size)."""
    return np.stack(np.split(rows, heads, axis=-1))


def rotated(x: Array) -> Array:
    """Return x (heads, N, size) with the channels i and i + half as complex numbers, turned by the position's angle."""
    half = x.shape[-1] // 2
    turns = np.exp(1j * np.arange(x.shape[1])[:, None] * 10_000.0 ** (-np.arange(half) / half))
    turned = (x[..., :half] + 1j * x[..., half:]) * turns
    return np.concatenate([turned.real, turned.imag], axis=-1)


def attend(queries: Array, keys: Array, values: Array) -> Array:
    """Return the mixed values (N, size) of one head."""
    scores = queries @ keys.T / np.sqrt(queries.shape[-1])
    scores[np.triu_indices(len(scores), 1)] = -np.inf
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    return np.asarray(shares / shares.sum(-1, keepdims=True) @ values)
