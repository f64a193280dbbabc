"""Masked attention and masked maxima keep their outputs in integers: a mask of -1e9 does not widen a grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from calibration.ranges import Range
from calibration.samples import Samples
from export.formats import PRIMARY
from export.quantization import ranges
from export.scheme import FLOAT16, INT8, W8A16
from tests.export.own_export import exported, failures

STEPS, SIZE = 12, 16


def attention(x: Any, mask: Callable[[Any], Any]) -> Any:
    """Return the attention of x (N, 12, 16) to itself; `mask` changes the scores (N, 12, 12)."""
    query, key, value = (layers.Dense(SIZE)(x) for _ in range(3))
    scores = mask(ops.matmul(query, ops.transpose(key, (0, 2, 1))) / 4.0)
    return ops.matmul(ops.softmax(scores), value)


def later_steps() -> Any:
    return ops.convert_to_tensor(np.triu(np.full((STEPS, STEPS), -1e9, np.float32), 1))


# Of x (N, 12, 16) and, where 1 stands for a step to keep, valid (N, 12).
MASKS: dict[str, Callable[[Any, Any], Any]] = {
    "causal layer": lambda x, _: layers.MultiHeadAttention(2, 8)(x, x, use_causal_mask=True),
    "causal Attention": lambda x, _: layers.Attention()([x, x], use_causal_mask=True),
    "added constant": lambda x, _: attention(x, lambda scores: scores + later_steps()),
    "added twice": lambda x, valid: attention(
        x, lambda scores: scores + later_steps() + (1.0 - ops.expand_dims(valid, 1)) * -1e9
    ),
    "multiplied": lambda x, valid: attention(x, lambda scores: scores + (1.0 - ops.expand_dims(valid, 1)) * -1e9),
    "subtracted": lambda x, valid: attention(x, lambda scores: scores - (1.0 - ops.expand_dims(valid, 1)) * 1e9),
    "selected to be added": lambda x, valid: attention(
        x, lambda scores: scores + ops.where(ops.expand_dims(valid, 1) > 0.5, 0.0, -1e9)
    ),
    "selected": lambda x, valid: layers.MultiHeadAttention(2, 8)(x, x, attention_mask=ops.expand_dims(valid, 1)),
    "shared by two layers": lambda x, valid: twice(x, (1.0 - ops.expand_dims(valid, 1)) * -1e9),
    "maximum": lambda x, valid: ops.max(
        ops.where(ops.expand_dims(valid, -1) > 0.5, x, -1e9), axis=1, keepdims=True
    ),
}  # fmt: skip


def twice(x: Any, mask: Any) -> Any:
    return attention(attention(x, lambda scores: scores + mask), lambda scores: scores + mask)


def made(name: str) -> tuple[keras.Model, Mapping[str, np.ndarray]]:
    """Return a masked network with large weights, and its inputs."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    x, valid = keras.Input((STEPS, SIZE), name="x"), keras.Input((STEPS,), name="valid")
    y = layers.Dense(8, name="y")(MASKS[name](layers.Dense(SIZE)(x), valid))
    model = keras.Model([x, valid], [y, layers.Dense(2, name="count")(valid)])
    for variable in model.trainable_variables:
        variable.assign(1.5 * variable.numpy())
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, STEPS + 1, (120, 1))
    values = {"x": rng.normal(size=(120, STEPS, SIZE)), "valid": np.arange(STEPS)[None] < lengths}
    return model, {key: one.astype(np.float32) for key, one in values.items()}


def observed(content: bytes, inputs: Mapping[str, np.ndarray], folder: Path) -> dict[str, Range]:
    path = folder / "float.tflite"
    path.write_bytes(content)
    Samples(inputs=inputs, source="tests", seed=0).save(folder / "samples")
    return dict(ranges.observe(path, folder / "samples", ranges.WHOLE).ranges.by_tensor)


def outputs(content: bytes, inputs: Mapping[str, np.ndarray], folder: Path) -> np.ndarray:
    path = folder / "one.tflite"
    path.write_bytes(content)
    session = PRIMARY.open(path)
    return np.stack(
        [session.run({key: one[row : row + 1] for key, one in inputs.items()})["y"][0] for row in range(20)]
    )


# The others run with the large tests.
QUICK = {"causal layer", "maximum"}
NO_MASKS_QUICK = {"a bias is selected", "a constant is added behind"}


def cases(quick: set[str]) -> list[Any]:
    return [pytest.param(name, marks=() if name in quick else pytest.mark.large) for name in MASKS]


@pytest.mark.parametrize("name", cases(QUICK))
def test_smaller_masks_give_the_same_outputs_and_ranges_that_a_grid_holds(name: str, tmp_path: Path) -> None:
    model, inputs = made(name)
    content = PRIMARY.convert(model)
    before = observed(content, inputs, tmp_path)
    assert min(low for low, _ in before.values()) < -1e8
    bounded = PRIMARY.with_bounded_masks(content, before)
    assert bounded is not None
    np.testing.assert_allclose(
        outputs(bounded.content, inputs, tmp_path), outputs(content, inputs, tmp_path), rtol=0, atol=1e-3
    )
    after = observed(bounded.content, inputs, tmp_path)
    assert max(max(-low, high) for low, high in after.values()) < 1e3
    assert bounded.lowest


@pytest.mark.parametrize("mask", ["selected", "multiplied"])
def test_masked_steps_count_nothing_even_if_all_scores_are_alike(mask: str, tmp_path: Path) -> None:
    _, inputs = made("multiplied")
    keras.backend.clear_session()
    x, valid = keras.Input((STEPS, SIZE), name="x"), keras.Input((STEPS,), name="valid")
    kept = ops.expand_dims(valid, 1)
    masked = {
        "selected": lambda scores: ops.where(kept > 0.5, 0.001 * scores, -1e9),
        "multiplied": lambda scores: 0.001 * scores + (1.0 - kept) * -1e9,
    }
    model = keras.Model([x, valid], layers.Identity(name="y")(attention(x, masked[mask])))
    content = PRIMARY.convert(model)
    bounded = PRIMARY.with_bounded_masks(content, observed(content, inputs, tmp_path))
    assert bounded is not None
    found, expected = (outputs(one, inputs, tmp_path) for one in (bounded.content, content))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)


def valid_scores(scores: Any, valid: Any) -> Any:
    return (1.0 - ops.expand_dims(valid, 1)) * -1e9 + scores


# What looks like a mask and is none, or has scores added behind it: of scores (N, 12, 12) and valid (N, 12).
NO_MASKS: dict[str, Callable[[Any, Any], Any]] = {
    "a bias is selected": lambda scores, valid: scores + ops.where(ops.expand_dims(valid, 1) > 0.5, -30.0, -1e9),
    "a share is multiplied": lambda scores, valid: scores + (1 - ops.sigmoid(ops.expand_dims(valid, 1))) * -1e4,
    "a prior is large everywhere": lambda scores, _: scores + ops.linspace(-1010.0, -1000.0, STEPS),
    "scores are subtracted from a mask": lambda scores, _: later_steps() - scores,
    "a bias is added behind": lambda scores, valid: valid_scores(scores, valid) + 20 * ops.expand_dims(valid, 2),
    "a constant is added behind": lambda scores, valid: valid_scores(scores, valid) + ops.linspace(0.0, 40.0, STEPS),
    "one is stacked": lambda scores, valid: ops.stack([valid_scores(scores, valid), scores - 60], axis=1)[:, 1],
}


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=() if one in NO_MASKS_QUICK else pytest.mark.large) for one in NO_MASKS]
)
def test_what_is_no_mask_keeps_the_outputs(name: str, tmp_path: Path) -> None:
    _, inputs = made("multiplied")
    keras.backend.clear_session()
    x, valid = keras.Input((STEPS, SIZE), name="x"), keras.Input((STEPS,), name="valid")
    y = attention(x, lambda scores: NO_MASKS[name](scores, valid))
    model = keras.Model([x, valid], [layers.Identity(name="y")(y), layers.Dense(2)(valid)])
    content = PRIMARY.convert(model)
    bounded = PRIMARY.with_bounded_masks(content, observed(content, inputs, tmp_path))
    if bounded is not None:
        found, expected = (outputs(one, inputs, tmp_path) for one in (bounded.content, content))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)
        assert np.isfinite(list(bounded.lowest.values())).all()


def test_mask_that_another_layer_reads_is_left_alone(tmp_path: Path) -> None:
    keras.backend.clear_session()
    x, valid = keras.Input((STEPS, SIZE), name="x"), keras.Input((STEPS,), name="valid")
    mask = (1.0 - ops.expand_dims(valid, 1)) * -1e9
    model = keras.Model([x, valid], [attention(x, lambda scores: scores + mask), ops.sum(mask, axis=1)])
    _, inputs = made("multiplied")
    content = PRIMARY.convert(model)
    assert PRIMARY.with_bounded_masks(content, observed(content, inputs, tmp_path)) is None


def test_maximum_of_rows_without_any_value_is_left_alone(tmp_path: Path) -> None:
    model, inputs = made("maximum")
    empty = {**inputs, "valid": np.where(np.arange(120)[:, None] < 3, 0, inputs["valid"]).astype(np.float32)}
    content = PRIMARY.convert(model)
    assert PRIMARY.with_bounded_masks(content, observed(content, empty, tmp_path)) is None


@pytest.mark.parametrize("name", cases({"causal layer"}))
def test_files_of_both_formats_are_proven(name: str, tmp_path: Path) -> None:
    model, inputs = made(name)
    delivery = exported(model, inputs, tmp_path, (FLOAT16, INT8, W8A16))
    assert failures(delivery) == []
    assert "masks" in [record["name"] for record in delivery.manifest["passes"]]
