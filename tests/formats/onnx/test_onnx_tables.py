"""The tables of embeddings in an .onnx are compared with those of its sibling, number by number."""

from __future__ import annotations

import keras
import numpy as np
import onnx
import pytest
from keras import layers
from onnx import numpy_helper

from export.formats.onnx.storage import compare_with_sibling
from export.scheme import INT8, W8A16
from tests.export.own_export import exported, failures


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Export a network whose only weights are two tables, and return its files by name."""
    keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("tables")
    user, item = (keras.Input((1,), dtype="int32", name=name) for name in ("user", "item"))
    tables = (layers.Embedding(30, 8, embeddings_initializer="normal")(one) for one in (user, item))
    model = keras.Model([user, item], layers.Flatten(name="score")(layers.Dot(2)(list(tables))))
    random = np.random.default_rng(0)
    inputs = {name: random.integers(0, 30, (120, 1)).astype(np.int32) for name in ("user", "item")}
    delivery = exported(model, inputs, folder, (INT8, W8A16))
    assert failures(delivery) == []
    return {file["file"]: (folder / "out" / "own" / file["file"]).read_bytes() for file in delivery.manifest["files"]}


@pytest.mark.parametrize("scheme", [INT8, W8A16])
def test_tables_are_those_of_the_sibling(scheme: object, files: dict[str, bytes]) -> None:
    report = compare_with_sibling(files[f"own-{scheme}.tflite"], files[f"own-{scheme}.onnx"])
    assert report is not None
    assert report.constants == 2
    assert report.worst_steps < 1e-3


@pytest.mark.parametrize("scheme", [INT8, W8A16])
def test_one_number_that_is_off_by_a_step_is_found(scheme: object, files: dict[str, bytes]) -> None:
    proto = onnx.load_from_string(files[f"own-{scheme}.onnx"])
    table = next(one for one in proto.graph.initializer if list(one.dims) == [30, 8])
    values = numpy_helper.to_array(table).copy()
    values[17, 3] = values[17, 3] + 1 if values[17, 3] < 100 else values[17, 3] - 1
    table.CopyFrom(numpy_helper.from_array(values, table.name))
    report = compare_with_sibling(files[f"own-{scheme}.tflite"], proto.SerializeToString())
    assert report is not None
    assert report.worst_steps == pytest.approx(1, rel=1e-3)
    assert report.where.startswith("table of")
