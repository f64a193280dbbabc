"""The Transformer computes what the paper says, and its files compute the same in both formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

import zoo
from tests.language.small_transformer import REAL, SIZES, Numbers, built, expected, tokens
from zoo import transformer
from zoo.language import cached_attention, cross_attention, sinusoids, tied_embedding
from zoo.weights.patches import blank_weights


def logits(model: keras.Model, *given: Numbers) -> NDArray[np.float32]:
    return np.asarray(model(list(given)))


def distance(model: keras.Model) -> float:
    """Return the largest difference from NumPy; the logits' standard deviation is about 1."""
    right = expected(model)
    assert 0.3 < right.std() < 5
    return float(np.abs(logits(model, *tokens()) - right).max())


def test_the_logits_are_those_of_numpy() -> None:
    assert distance(built()) < 1e-4


def test_random_weights_keep_the_tokens_of_a_deep_network_apart() -> None:
    """Otherwise all predictions are equal, and a comparison of files says little."""
    model = built(depth=6, vocabulary=400)
    generator = np.random.default_rng(0)
    source, target = (generator.integers(0, 400, (8, SIZES[name])) for name in ("length", "target_length"))
    found = logits(model, source, np.ones_like(source), target).argmax(-1)
    assert len(np.unique(found)) > 15


def test_padding_and_later_tokens_change_nothing() -> None:
    model, (source, mask, target) = built(), tokens()
    before = logits(model, source, mask, target)
    padded, later = source.copy(), target.copy()
    padded[:, REAL:] = 7
    assert np.array_equal(logits(model, padded, mask, target), before)
    later[:, 4] = (later[:, 4] + 1) % 50
    changed = np.abs(logits(model, source, mask, later) - before).max(axis=(0, 2))
    assert (changed[:4] == 0).all()
    assert (changed[4:] > 1e-3).all()


def test_every_token_of_the_source_matters() -> None:
    model, (source, mask, target) = built(), tokens()
    before = logits(model, source, mask, target)
    for place in range(REAL):
        changed = source.copy()
        changed[:, place] = (changed[:, place] + 1) % 50
        assert np.abs(logits(model, changed, mask, target) - before).max() > 1e-3


def _future_seen(_: Any, tokens: Any) -> Any:
    return keras.ops.zeros((1, 1, tokens.shape[1], tokens.shape[1]))


def _not_scaled(table: Any, x: Any, reverse: bool = False) -> Any:
    found = TABLE(table, x, reverse=reverse)
    return found if reverse else found * table.width**-0.5


def _other_epsilon(network: Any, x: Any, found: Any, name: str) -> Any:
    return keras.layers.LayerNormalization(epsilon=0.1, name=name)(x + found)


def _one_too_far(layer: Any, positions: Any) -> Any:
    return tied_embedding.rows_of(sinusoids.sinusoids(layer.context + 1, layer.width), positions + 1)


def _memory_of_another_block(network: Any, *given: Any) -> Any:
    return ENCODER(network, *given)[::-1]


def _keys_as_values(network: Any, *given: Any) -> Any:
    return [(values, keys) for keys, values in ENCODER(network, *given)]


def _sines_then_cosines(length: int, width: int) -> NDArray[np.float32]:
    angles = np.arange(length)[:, None] * 10_000.0 ** (-2 * np.arange(width // 2) / width)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=-1).astype(np.float32)


TABLE, ENCODER = tied_embedding.TiedEmbedding.call, transformer._Network.encoder


@pytest.mark.parametrize(
    ("place", "name", "fault"),
    [
        (cached_attention.CausalMask, "call", _future_seen),
        (tied_embedding.TiedEmbedding, "call", _not_scaled),
        (transformer._Network, "encoder", _memory_of_another_block),
        (transformer._Network, "encoder", _keys_as_values),
        (sinusoids.SinusoidalPositions, "call", _one_too_far),
        (sinusoids, "sinusoids", _sines_then_cosines),
        (cross_attention, "MASKED", 0.0),
        (transformer._Network, "_add_and_normalise", _other_epsilon),
    ],
)
def test_a_planted_fault_changes_the_logits(place: Any, name: str, fault: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, name, fault)
    assert distance(built()) > 0.03


@pytest.mark.parametrize("size", ["base", "small"])
def test_the_sizes_are_those_of_the_table(size: str) -> None:
    """Counted by hand: the table, attention without biases, two Dense layers and the layer norms."""
    with blank_weights():
        count = transformer.build(size=size).count_params()
    width = transformer.WIDTHS[size]
    feed_forward, norm = 2 * width * 2048 + 2048 + width, 2 * width
    blocks = 6 * (4 * width**2 + feed_forward + 2 * norm) + 6 * (8 * width**2 + feed_forward + 3 * norm)
    assert count == 37_000 * width + blocks
    assert f"{count:,}" in (transformer.__doc__ or "")
    if size == "base":
        assert count == zoo.find("transformer").parameter_count


def test_it_is_saved_and_loaded_with_its_layers(tmp_path: Path) -> None:
    model = built()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(logits(loaded, *tokens()), logits(model, *tokens()))
