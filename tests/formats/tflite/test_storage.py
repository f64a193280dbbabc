"""The storage report of a .tflite detects a changed constant in every subgraph."""

from __future__ import annotations

import numpy as np
import pytest

from export.formats import PRIMARY, QuantizationPlan
from export.formats.tflite import flatbuffer
from export.proof.tolerances import STORAGE
from export.recipe import Io
from export.scheme import W8A32


@pytest.fixture(scope="module")
def loop() -> tuple[bytes, bytes]:
    """A float file with an LSTM, whose step is a subgraph of its own, and its w8a32 file."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    series = keras.Input((6, 4), name="series")
    model = keras.Model(series, layers.Dense(3)(layers.LSTM(8, return_sequences=True)(series)))
    plan = QuantizationPlan(scheme=W8A32, io=Io.FLOAT32, ranges=None, input_ranges={})
    content = PRIMARY.convert(model)
    return content, PRIMARY.quantize(content, plan, {})


def changed(content: bytes) -> list[bytes]:
    """Return for each constant with weights a file in which its largest row is zero."""
    found = []
    for graph in range(len(flatbuffer.read(content).subgraphs)):
        for index in range(len(flatbuffer.read(content).subgraphs[graph].tensors)):
            model = flatbuffer.read(content)
            tensor = model.subgraphs[graph].tensors[index]
            buffer = model.buffers[tensor.buffer]
            if buffer.data is None or len(tensor.shape) != 2 or min(tensor.shape) < 2:
                continue
            values = flatbuffer.constant(model, tensor).copy()
            values[np.abs(values.astype(np.float64)).sum(axis=1).argmax()] = 0
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            found.append(flatbuffer.write(model))
    return found


def test_the_constants_of_all_subgraphs_are_compared(loop: tuple[bytes, bytes]) -> None:
    found = PRIMARY.storage(*loop, {})
    assert found is not None
    assert found.worst_steps <= STORAGE.largest
    assert found.constants >= 6  # two kernels and a bias of the LSTM, those of the dense layer, and its loop's limits


def test_a_zeroed_row_is_detected_in_every_subgraph(loop: tuple[bytes, bytes]) -> None:
    files = changed(loop[1])
    assert len(files) >= 3  # two kernels of the LSTM and one of the dense layer
    found = [PRIMARY.storage(loop[0], content, {}) for content in files]
    assert all(one is not None and one.worst_steps > 10 for one in found)


def test_a_lost_subgraph_is_detected(loop: tuple[bytes, bytes]) -> None:
    model = flatbuffer.read(loop[1])
    model.subgraphs[-1].operators = model.subgraphs[-1].operators[:-1]
    found = PRIMARY.storage(loop[0], flatbuffer.write(model), {})
    assert found is not None
    assert found.worst_steps == float("inf")
