"""The network for whole texts computes what the papers say: compared with plain NumPy in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import zoo
from tests.language import plain_decoders
from tests.language.small_decoders import NAMES, Small, small
from zoo import weights
from zoo.language import cached_attention, rotary, tied_embedding
from zoo.language.cached_attention import MASKED
from zoo.weights.patches import blank_weights


@pytest.fixture(scope="module", params=NAMES)
def decoder(request: pytest.FixtureRequest) -> Small:
    return small(request.param)


def distance(decoder: Small) -> float:
    """Return the largest difference of the logits; their standard deviation is about 1."""
    return float(np.abs(np.asarray(decoder.model(decoder.tokens)) - decoder.logits).max())


def test_the_logits_are_those_of_numpy(decoder: Small) -> None:
    assert 0.3 < decoder.logits.std() < 5
    assert distance(decoder) < 1e-4


def test_a_token_changes_only_the_logits_behind_it(decoder: Small) -> None:
    changed = decoder.tokens.copy()
    changed[:, 7] = (changed[:, 7] + 1) % 90
    before, after = (np.asarray(decoder.model(tokens)) for tokens in (decoder.tokens, changed))
    differences = np.abs(before - after).max(axis=(0, 2))
    assert (differences[:7] == 0).all()
    assert (differences[7:] > 1e-3).all()


def heads_swapped(layer: Any, rows: Any, tokens: Any) -> Any:
    """Take every third channel for a head, where neighbouring channels belong together."""
    batch, length = (-1 if size is None else size for size in tokens.shape)
    return ops.transpose(ops.reshape(rows, (batch, length, -1, layer.heads)), (0, 3, 1, 2))


def halves_interleaved(_: Any, x: Any, cosines: Any, sines: Any) -> Any:
    first, second = x[..., ::2], x[..., 1::2]
    turned = ops.stack([first * cosines - second * sines, second * cosines + first * sines], axis=-1)
    return ops.reshape(turned, ops.shape(x))


def keys_repeated_in_turns(layer: Any, x: Any) -> Any:
    """Give heads 0, 1, 2, 3 the key heads 0, 1, 0, 1 where 0, 0, 1, 1 is right."""
    return ops.tile(x, (1, layer.heads // layer.key_heads, 1, 1))


def head_not_transposed(layer: Any, x: Any, reverse: bool = False) -> Any:
    matrix = ops.convert_to_tensor(layer.embeddings)
    other = ops.reshape(matrix, (layer.width, layer.vocabulary))
    return ops.matmul(x, other) if reverse else tied_embedding.rows_of(matrix, x)


def mask_inverted(_: Any, tokens: Any) -> Any:
    length = tokens.shape[1]
    return ops.convert_to_tensor(np.tril(np.full((1, 1, length, length), MASKED, np.float32), -1))


def positions_from_one(_: Any, tokens: Any) -> Any:
    return ops.convert_to_tensor(np.arange(1, tokens.shape[1] + 1, dtype=np.int32))


FAULTS: list[tuple[str, type[Any], str, Callable[..., Any]]] = [
    ("stories15m", cached_attention.SplitHeads, "call", heads_swapped),
    ("gpt2", cached_attention.SplitHeads, "call", heads_swapped),
    ("stories15m", rotary.Rotate, "call", halves_interleaved),
    ("stories15m", cached_attention.GroupedAttention, "_for_all_heads", keys_repeated_in_turns),
    ("stories15m", tied_embedding.TiedEmbedding, "call", head_not_transposed),
    ("gpt2", tied_embedding.TiedEmbedding, "call", head_not_transposed),
    ("stories15m", cached_attention.CausalMask, "call", mask_inverted),
    ("gpt2", cached_attention.Positions, "call", positions_from_one),
]


@pytest.mark.parametrize(("name", "layer", "method", "fault"), FAULTS)
def test_a_planted_fault_changes_the_logits(
    name: str, layer: type[Any], method: str, fault: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = small(name)
    assert distance(decoder) < 1e-4
    monkeypatch.setattr(layer, method, fault)
    assert distance(decoder) > 0.1


def test_a_network_is_saved_and_loaded_with_its_layers(decoder: Small, tmp_path: Any) -> None:
    decoder.model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(np.asarray(loaded(decoder.tokens)), np.asarray(decoder.model(decoder.tokens)))


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("gpt2", 124_439_808), ("gpt2_medium", 354_823_168), ("gpt2_large", 774_030_080), ("gpt2_xl", 1_557_611_200)],
)
def test_every_gpt2_has_the_parameters_of_openai(name: str, parameters: int) -> None:
    """Counted by hand, because the largest has 6 GB: embeddings, blocks, the last normalization."""
    architecture = zoo.find(name)
    options = architecture.build.keywords  # type: ignore[attr-defined]  # a partial
    width, depth = options["width"], options["depth"]
    block = 12 * width**2 + 13 * width
    assert architecture.parameter_count == parameters == (50_257 + 1024) * width + depth * block + 2 * width
    with blank_weights():
        one, two = (architecture.build.func(**options | {"depth": count, "vocabulary": 5}) for count in (1, 2))  # type: ignore[attr-defined]
    assert two.count_params() - one.count_params() == block
    assert one.count_params() == (5 + 1024) * width + block + 2 * width


@pytest.mark.imagenet
def test_stories15m_computes_with_its_trained_weights_what_numpy_computes() -> None:
    architecture = zoo.find("stories15m")
    model = architecture.build()
    assert weights.load(model, architecture, "stories").trained
    tokens = np.random.default_rng(0).integers(0, 32_000, 64).astype(np.int32)
    stored = {weight.path: weight.numpy() for weight in model.weights}
    expected = plain_decoders.llama(stored, tokens, heads=6, key_heads=6, depth=6)
    assert np.abs(np.asarray(model(tokens[None]))[0] - expected).max() < 1e-4
