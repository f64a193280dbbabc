"""A DequantizeLinear whose scales fit to no axis is refused with a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from export.errors import ConversionError
from export.formats.onnx.constants import Constants


def graph(axis: int, scales: int) -> Any:
    from onnx import helper, numpy_helper

    stored = {
        "stored": np.arange(12, dtype=np.int8).reshape(4, 3),
        "scale": np.ones(scales, np.float32),
        "zero": np.zeros(scales, np.int8),
    }
    node = helper.make_node("DequantizeLinear", list(stored), ["real"], name="weights", axis=axis)
    initializers = [numpy_helper.from_array(values, name) for name, values in stored.items()]
    return helper.make_graph([node], "one", [], [], initializers)


@pytest.mark.parametrize(("axis", "scales"), [(2, 4), (-3, 4), (0, 3), (1, 4)])
def test_scales_that_fit_to_no_axis_are_refused(axis: int, scales: int) -> None:
    with pytest.raises(ConversionError, match=f"weights has {scales} scales, but not on its axis {axis}"):
        Constants(graph(axis, scales)).real("real")


@pytest.mark.parametrize(("axis", "scales"), [(0, 4), (1, 3), (-1, 3), (5, 1)])
def test_scales_of_an_axis_or_of_the_tensor_are_read(axis: int, scales: int) -> None:
    found = Constants(graph(axis, scales)).real("real")
    assert found is not None
    assert np.array_equal(found, np.arange(12).reshape(4, 3))
