"""Large kernels are rounded like small ones, constants on any grid with a single scale; weights are read once."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.formats.tflite.patches import (
    LARGEST_BYTES,
    constants_on_grids_of_another_rank,
    large_kernels_in_slices,
    without_restoring_variables,
)

SHAPE = (66, 2, 2, 2**15)  # 33 MiB of float32


def parameters(scale: np.ndarray, axis: int | None) -> Any:
    from ai_edge_quantizer import qtyping

    return qtyping.UniformQuantParams(
        scale=scale,
        zero_point=np.zeros(scale.shape, np.int32),
        num_bits=8,
        symmetric=True,
        quantized_dimension=axis,
    )


def rounded(values: np.ndarray, described: Any) -> np.ndarray:
    from ai_edge_quantizer.algorithms.uniform_quantize import uniform_quantize_tensor

    found: np.ndarray = uniform_quantize_tensor.uniform_quantize(values, described)
    return found


@pytest.fixture(scope="module")
def kernel() -> np.ndarray:
    values = np.random.default_rng(0).integers(-254, 255, SHAPE, np.int16).astype(np.float32)
    assert values.nbytes > LARGEST_BYTES
    return values


@pytest.mark.parametrize("axis", [0, 3])
def test_every_channel_has_its_own_scale(kernel: np.ndarray, axis: int) -> None:
    size = SHAPE[axis]
    scale = np.where(np.arange(size) % 2, 2.0, 4.0).astype(np.float32)
    shape = [size if one == axis else 1 for one in range(4)]
    with large_kernels_in_slices():
        found = rounded(kernel, parameters(scale.reshape(shape), axis))
    expected = np.rint(kernel / scale.reshape(shape)).clip(-127, 127)
    assert found.dtype == np.int8
    assert (found == expected).all()


def test_small_kernel_is_rounded_by_the_library(kernel: np.ndarray) -> None:
    some, scale = kernel[:2], np.full((2, 1, 1, 1), 2, np.float32)
    alone = rounded(some, parameters(scale, 0))
    with large_kernels_in_slices():
        assert (rounded(some, parameters(scale, 0)) == alone).all()


def test_patch_of_ai_edge_quantizer_is_still_necessary(kernel: np.ndarray) -> None:
    with pytest.raises(ValueError, match="more dimensions"):
        rounded(kernel, parameters(np.full((SHAPE[0], 1, 1, 1), 2, np.float32), 0))


def test_constant_is_rounded_to_a_scale_of_another_rank() -> None:
    values = np.array([[1.0, -2.0, 0.6]], np.float32)
    scale = np.full((1, 1, 1, 1), 0.5, np.float32)
    with pytest.raises(ValueError, match="must be the same as the tensor rank"):
        rounded(values, parameters(scale, None))  # When this fails, the patch is no longer necessary.
    with constants_on_grids_of_another_rank():
        found = rounded(values, parameters(scale, None))
    np.testing.assert_array_equal(found, [[2, -4, 1]])


def test_the_converter_does_not_need_the_weights_that_it_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras
    from tensorflow.lite.python import lite

    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,))
    model = keras.Model(inputs, keras.layers.Dense(5)(keras.layers.Dense(4, activation="relu")(inputs)))
    model.export(tmp_path / "saved", verbose=False)
    loaded: list[bool] = []
    load = lite._load

    def watched(*arguments: Any, **options: Any) -> Any:
        root = load(*arguments, **options)
        loaded.append(all(bool(variable.is_initialized()) for variable in root._all_variables))
        return root

    monkeypatch.setattr(lite, "_load", watched)
    contents = []
    for patch in (nullcontext, without_restoring_variables):
        converter = lite.TFLiteSavedModelConverterV2(str(tmp_path / "saved"), {"serve"}, ["serve"])
        with patch():
            contents.append(bytes(converter.convert()))
    assert loaded == [True, False]  # [False, False] if the patch is no longer necessary
    assert contents[0] == contents[1]
