"""Operators for which LiteRT's tables of 16 bits are wrong by many steps compute in float in w8a16 files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from calibration.ranges import Ranges
from export.formats import QuantizationPlan
from export.formats.tflite import TFLITE, flatbuffer, mixed
from export.formats.tflite.dissect import load
from export.formats.tflite.isolated import Isolated
from export.proof.tolerances import ARITHMETIC
from export.recipe import Io, Width
from export.runtime.jobs.isolate import INTERPOLATED
from export.scheme import INT8, W8A16, Scheme

SIZES = [2, 10, mixed.LONGEST_SOFTMAX, mixed.LONGEST_SOFTMAX + 1, 64, 1000]


def made(
    size: int,
    operation: Callable[[Any], Any],
    values: tuple[float, float],
    scheme: Scheme = W8A16,
    raised: Width | None = None,
) -> tuple[bytes, bytes]:
    """Return the float file of one operation on numbers from -32 to 32, and the integer one."""
    import keras

    scores = keras.Input((size,), name="scores")
    content = TFLITE.convert(keras.Model(scores, operation(scores)))
    model = flatbuffer.read(content)
    (output,) = (model.subgraphs[0].tensors[index].name.decode() for index in model.subgraphs[0].outputs)
    names = flatbuffer.activations(model).values()
    ranges = Ranges(by_tensor={**dict.fromkeys(names, (-32.0, 32.0)), output: values}, observer="tests")
    plan = QuantizationPlan(
        scheme=scheme, io=Io.FLOAT32, ranges=ranges, input_ranges={}, raised={output: raised} if raised else {}
    )
    return content, TFLITE.quantize(content, plan, {})


def softmax(scores: Any) -> Any:
    from keras import layers

    return layers.Softmax()(scores)


def root_of_square(scores: Any) -> Any:
    from keras import ops

    return ops.rsqrt(ops.square(scores) + 0.01)


def peaked(size: int) -> np.ndarray:
    """Return scores of which one is so much larger that its share is 1."""
    return np.where(np.arange(size) == size // 2, 25.0, -5.0)[None].astype(np.float32)


@pytest.mark.parametrize("size", SIZES)
def test_the_largest_share_of_a_softmax_of_16_bits_is_right_for_every_number_of_scores(size: int) -> None:
    _, content = made(size, softmax, (0.0, 1.0))
    session = load(content)
    session.invoke({session.inputs[0].name: peaked(size)})
    (output,) = flatbuffer.read(content).subgraphs[0].outputs
    assert np.max(session.view(output)) > 1 - 1.1e-3


@pytest.mark.parametrize("size", SIZES)
def test_a_softmax_of_16_bits_passes_the_check_of_its_arithmetic(size: int) -> None:
    float_file, content = made(size, softmax, (0.0, 1.0))
    operators = Isolated(content, float_file)
    for one in operators.errors({operators.inputs[0].name: peaked(size)}):
        assert one.steps.max() <= ARITHMETIC["int16"].largest * INTERPOLATED.get((one.op, one.dtype), 1.0)


def test_reciprocal_roots_near_zero_are_right() -> None:
    _, content = made(8, root_of_square, (0.0, 10.0))
    session = load(content)
    scores = np.linspace(0, 1, 8, dtype=np.float32)[None]
    session.invoke({session.inputs[0].name: scores})
    (output,) = flatbuffer.read(content).subgraphs[0].outputs
    np.testing.assert_allclose(session.view(output), 1 / np.sqrt(scores**2 + 0.01), rtol=0.01)


@pytest.mark.parametrize(("size", "expected"), [(mixed.LONGEST_SOFTMAX, "int16"), (64, "float32")])
def test_a_layer_of_an_int8_file_that_is_raised_to_int16_has_no_bad_table(size: int, expected: str) -> None:
    _, content = made(size, softmax, (0.0, 1.0), INT8, Width.INT16)
    model = flatbuffer.read(content)
    (found,) = (one for one in model.subgraphs[0].operators if flatbuffer.op_name(model, one) == "SOFTMAX")
    is_float = flatbuffer.is_float(model.subgraphs[0].tensors[found.outputs[0]])
    assert ("float32" if is_float else "int16") == expected
