"""What is said to be lacking on a microcontroller is what the interpreter of its runtime refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from benchmarks.layers import names, network
from export.errors import ConversionError
from export.formats.tflite import flatbuffer
from export.formats.tflite.micro.footprint import footprint
from export.progress import Quiet
from export.runtime.tools import tflite_micro
from tests.formats.tflite.micro_networks import int8
from zoo.errors import CheckFailedError

ROOM_BYTES = 1 << 24
NO_PLAN = (
    "LiteRT has no operator",
    "graphs, and memory is planned for one",
    "COMPLEX64",
)  # docs/layers.md has the layers
VECTOR, IMAGE, VOLUME, FIVE = (12,), (8, 8, 4), (2, 4, 4, 3), (2, 2, 4, 2, 3)
# Shape of a sample, and what is computed of it.
OPERATIONS: Mapping[str, tuple[tuple[int, ...], Callable[[Any], Any]]] = {
    "square root": (VECTOR, lambda x: ops.sqrt(ops.abs(x) + 0.5)),
    "reciprocal square root": (VECTOR, lambda x: ops.rsqrt(ops.abs(x) + 0.5)),
    "positions": (VECTOR, lambda x: ops.take(x, np.array([1, 3, 5]), axis=1)),
    "slice": (IMAGE, lambda x: x[:, ::2, ::2]),
    "slice of a volume": (VOLUME, lambda x: x[:, :, 1:3]),
    "turned volume": (VOLUME, lambda x: ops.transpose(x, (0, 2, 1, 4, 3))),
    "six turned dimensions": (FIVE, lambda x: ops.transpose(x, (0, 2, 1, 4, 3, 5))),
    "padded volume": (VOLUME, lambda x: ops.pad(x, ((0, 0), (1, 1), (0, 0), (0, 0), (0, 0)))),
    "chosen": (VECTOR, lambda x: ops.where(x > 0, x, -x)),
    "leaky slope": (IMAGE, lambda x: layers.LeakyReLU(0.1)(layers.Conv2D(4, 3)(x))),
    "learned slope": (IMAGE, lambda x: layers.PReLU(shared_axes=[1, 2])(layers.Conv2D(4, 3)(x))),
    "attention": ((6, 8), lambda x: layers.MultiHeadAttention(2, 4)(x, x)),
}


def _runs(content: bytes, work: Path) -> bool:
    graph = flatbuffer.read(content).subgraphs[0]
    path = work / "model.tflite"
    path.write_bytes(content)
    given = [graph.tensors[int(index)] for index in graph.inputs]
    rows = [np.zeros(tuple(tensor.shape), flatbuffer.type_name(tensor).lower()) for tensor in given]
    try:
        tflite_micro.run(path, rows, ["y"], ROOM_BYTES, Quiet())
    except CheckFailedError:
        return False
    return True


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_lacks_nothing_runs_and_what_lacks_something_does_not(name: str, tmp_path: Path) -> None:
    shape, operation = OPERATIONS[name]
    x = keras.Input(shape, batch_size=1, name="x")
    content = int8(keras.Model(x, layers.Identity()(operation(x))))
    assert _runs(content, tmp_path) == (not footprint(content).lacking)


@pytest.mark.large
@pytest.mark.parametrize("name", names())
def test_a_layer_runs_unless_something_is_lacking(name: str, tmp_path: Path) -> None:
    model, _ = network(name)
    x = keras.Input(model.input.shape[1:], batch_size=1, dtype=model.input.dtype, name="x")
    try:
        content = int8(keras.Model(x, model(x)))
        lacking = footprint(content).lacking
    except ConversionError as error:
        refused = str(error)
    else:
        assert _runs(content, tmp_path) == (not lacking)
        return
    assert any(reason in refused for reason in NO_PLAN)
