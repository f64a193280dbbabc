"""Files whose layers round their inputs as they run: the same integers in both formats, and every fault is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from export.formats import FORMATS
from export.formats.format import QuantizationPlan
from export.formats.onnx import storage
from export.formats.tflite import flatbuffer, lookups, structure
from export.formats.tflite import storage as stored_in_tflite
from export.recipe import Io
from export.scheme import INT8_DYNAMIC
from tests.language.small_decoders import small
from tests.language.small_texts import SIZES
from zoo import bert
from zoo.weights.random_weights import fill

PLAN = QuantizationPlan(scheme=INT8_DYNAMIC, io=Io.FLOAT32, ranges=None, input_ranges={})
Files = dict[str, bytes]


def quantized(floats: Files) -> Files:
    first = FORMATS["tflite"].quantize(floats["tflite"], PLAN, {})
    return {"tflite": first, "onnx": FORMATS["onnx"].quantize(floats["onnx"], PLAN, {"tflite": first})}


@pytest.fixture(scope="module")
def encoder() -> tuple[Files, Files]:
    model = bert.build(head="sentence", **{**SIZES, "vocabulary": 400})
    fill(model, None, seed=3)
    floats = {name: one.convert(model) for name, one in FORMATS.items()}
    return floats, quantized(floats)


@pytest.fixture(scope="module")
def decoder() -> tuple[Files, Files]:
    found = small("stories15m")
    floats = {name: one.convert(found.model, decoder=found.decoder()) for name, one in FORMATS.items()}
    return floats, quantized(floats)


def outputs(name: str, content: bytes, folder: Path) -> Any:
    path = folder / f"model{FORMATS[name].suffix}"
    path.write_bytes(content)
    session = FORMATS[name].open(path)
    generator, rows = np.random.default_rng(5), []
    for _ in range(4):
        inputs = {spec.name: generator.integers(0, 2, spec.shape).astype(spec.dtype) for spec in session.inputs}
        inputs |= {"mask": np.ones((1, 12), np.int32)} if "mask" in inputs else {}
        for key in {"ids", "tokens"} & set(inputs):
            inputs[key] = generator.integers(0, 90, inputs[key].shape).astype(np.int32)
        rows.append(next(iter(session.run(inputs).values())))
    return np.concatenate(rows)


def sqnr_db(expected: Any, found: Any) -> float:
    return float(10 * np.log10((expected**2).sum() / ((expected - found) ** 2).sum()))


@pytest.mark.parametrize("which", ["encoder", "decoder"])
def test_both_formats_compute_nearly_the_same(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    floats, files = request.getfixturevalue(which)
    expected = outputs("tflite", floats["tflite"], tmp_path)
    found = {name: outputs(name, content, tmp_path) for name, content in files.items()}
    assert min(sqnr_db(expected, one) for one in found.values()) > 20
    assert sqnr_db(found["tflite"], found["onnx"]) > 3 + sqnr_db(expected, found["tflite"])


@pytest.mark.parametrize("which", ["encoder", "decoder"])
def test_both_formats_store_the_same_integers_once(which: str, request: pytest.FixtureRequest) -> None:
    floats, files = request.getfixturevalue(which)
    in_tflite = stored_in_tflite.compare(floats["tflite"], files["tflite"])
    assert 0.4 < in_tflite.worst_steps < 0.51
    in_onnx = storage.compare_with_sibling(files["tflite"], files["onnx"])
    assert in_onnx is not None
    assert in_onnx.worst_steps == 0
    assert in_onnx.constants >= 12
    assert structure.compare(floats["tflite"], files["tflite"]).differences == ()
    matrices = [one for one in onnx.load_from_string(files["onnx"]).graph.initializer if np.prod(one.dims) > 2000]
    assert {numpy_helper.to_array(one).dtype.name for one in matrices} <= {"int8", "uint8"}


def test_a_table_that_is_also_the_head_is_multiplied_as_integers_and_stored_once() -> None:
    model = bert.build(head="masked_lm", **{**SIZES, "vocabulary": 400})
    fill(model, None, seed=3)
    files = quantized({name: one.convert(model) for name, one in FORMATS.items()})
    first = flatbuffer.read(files["tflite"])
    operators = [flatbuffer.op_name(first, one) for one in first.subgraphs[0].operators]
    graph = onnx.load_from_string(files["onnx"]).graph
    layers = sum(node.op_type == "MatMulInteger" for node in graph.node)
    assert layers == operators.count("FULLY_CONNECTED") == 14
    assert [one.data_type for one in graph.initializer if sorted(one.dims) == [32, 400]] == [onnx.TensorProto.UINT8]
    assert storage.compare_with_sibling(files["tflite"], files["onnx"]).worst_steps == 0  # type: ignore[union-attr]


def changed(content: bytes, change: Callable[[str, Any], Any]) -> bytes:
    """Return an .onnx with other stored tensors where `change` returns some; fail if it never does."""
    proto, count = onnx.load_from_string(content), 0
    for tensor in proto.graph.initializer:
        values = change(tensor.name, numpy_helper.to_array(tensor).copy())
        if values is not None:
            count += 1
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    assert count
    return bytes(proto.SerializeToString())


def _a_weight(_: str, values: Any) -> Any:
    if values.dtype != np.uint8 or values.ndim != 2:
        return None
    values[1, 1] ^= 1
    return values


def _a_column_sum(_: str, values: Any) -> Any:
    whole = values.dtype == np.float32 and values.ndim == 1 and values.size > 8 and (values == np.rint(values)).all()
    return values + 1 if whole and np.abs(values).max() > 10 else None


def _a_scale(_: str, values: Any) -> Any:
    is_scale = values.dtype == np.float32 and values.ndim == 1 and values.size > 8 and values.min() > 0
    return values * 1.02 if is_scale and values.max() < 0.1 else None


def _a_row_scale(_: str, values: Any) -> Any:
    return values * 1.02 if values.ndim == 2 and values.shape[1] == 1 and values.size > 8 else None


def _a_row(_: str, values: Any) -> Any:
    if values.dtype != np.int8 or values.ndim != 2:
        return None
    values[3] = values[4]
    return values


def _a_vector(_: str, values: Any) -> Any:
    """Change one number of a normalization's scale or offset, or of a bias, whichever comes first."""
    is_vector = values.dtype == np.float32 and values.ndim <= 2 and values.size in (32, 48)
    if not is_vector or np.array_equal(values, np.rint(values)) or values.min() > 0 > values.max():
        return None
    values.reshape(-1)[0] += 0.01
    return values


def _the_step(_: str, values: Any) -> Any:
    return np.float32(values * 1.01) if values.ndim == 0 and values == np.float32(1 / 255) else None


@pytest.mark.parametrize("fault", [_a_weight, _a_column_sum, _a_scale, _a_row_scale, _a_vector, _the_step])
@pytest.mark.parametrize("which", ["encoder", "decoder"])
def test_every_changed_constant_is_found(which: str, fault: Any, request: pytest.FixtureRequest) -> None:
    """Planted: one number of each kind that the .onnx stores."""
    _, files = request.getfixturevalue(which)
    found = storage.compare_with_sibling(files["tflite"], changed(files["onnx"], fault))
    assert found is not None
    assert found.worst_steps > 0.51


def _another_axis(node: Any) -> bool:
    if node.op_type != "QuantizeLinear":
        return False
    next(one for one in node.attribute if one.name == "axis").i = 1
    return True


def _zero_points_not_negated(node: Any) -> bool:
    if node.op_type != "Neg" or not node.input[0].startswith("Round"):
        return False
    node.op_type = "Abs"
    return True


def _zero_points_cut_off(node: Any) -> bool:
    if node.op_type != "Round":
        return False
    node.op_type = "Floor"
    return True


@pytest.mark.parametrize("fault", [_another_axis, _zero_points_not_negated, _zero_points_cut_off])
@pytest.mark.parametrize("which", ["encoder", "decoder"])
def test_another_rounding_is_found(which: str, fault: Any, request: pytest.FixtureRequest) -> None:
    """Planted: an operator of the rounding computes something else in one layer."""
    _, files = request.getfixturevalue(which)
    proto = onnx.load_from_string(files["onnx"])
    assert any(fault(node) for node in proto.graph.node)
    found = storage.compare_with_sibling(files["tflite"], proto.SerializeToString())
    assert found is not None
    assert found.worst_steps > 0.51


@pytest.mark.parametrize("which", ["encoder", "decoder"])
def test_another_zero_point_of_an_input_is_found(which: str, request: pytest.FixtureRequest) -> None:
    """Planted: one product takes a step off its rounded input."""
    _, files = request.getfixturevalue(which)
    proto = onnx.load_from_string(files["onnx"])
    proto.graph.initializer.append(numpy_helper.from_array(np.uint8(1), "one"))
    next(node for node in proto.graph.node if node.op_type == "MatMulInteger").input[2] = "one"
    found = storage.compare_with_sibling(files["tflite"], proto.SerializeToString())
    assert found is not None
    assert found.worst_steps > 0.51


def test_a_changed_row_of_the_table_is_found(encoder: tuple[Files, Files]) -> None:
    _, files = encoder
    found = storage.compare_with_sibling(files["tflite"], changed(files["onnx"], _a_row))
    assert found is not None
    assert found.worst_steps > 0.51


def test_a_bias_that_is_added_twice_is_found(encoder: tuple[Files, Files]) -> None:
    """Planted: another Add of the same constant behind the first."""
    _, files = encoder
    proto = onnx.load_from_string(files["onnx"])
    vectors = {one.name for one in proto.graph.initializer if list(one.dims) == [32]}
    place, node = next(
        (place, node)
        for place, node in enumerate(proto.graph.node)
        if node.op_type == "Add" and node.input[1] in vectors
    )
    again = onnx.helper.make_node("Add", [f"{node.output[0]}/once", node.input[1]], [node.output[0]])
    proto.graph.node[place].output[0] = f"{node.output[0]}/once"
    proto.graph.node.insert(place + 1, again)
    found = storage.compare_with_sibling(files["tflite"], proto.SerializeToString())
    assert found is None or found.worst_steps > 0.51


def test_a_product_of_a_product_has_both_formats(tmp_path: Path) -> None:
    import keras

    x = keras.Input((8,))
    model = keras.Model(x, keras.layers.Dense(3)(keras.layers.Dense(24)(x)))
    floats = {name: one.convert(model) for name, one in FORMATS.items()}
    files = quantized(floats)
    expected = outputs("tflite", floats["tflite"], tmp_path)
    for name, content in files.items():
        assert sqnr_db(expected, outputs(name, content, tmp_path)) > 25


def test_rows_of_a_table_are_picked_as_before(encoder: tuple[Files, Files], tmp_path: Path) -> None:
    floats, _ = encoder
    model = flatbuffer.read(floats["tflite"])
    assert lookups.use(model)
    kinds = [flatbuffer.op_name(model, one) for one in model.subgraphs[0].operators]
    assert "EMBEDDING_LOOKUP" in kinds
    expected = outputs("tflite", floats["tflite"], tmp_path)
    assert np.array_equal(outputs("tflite", flatbuffer.write(model), tmp_path), expected)
    lookups.undo(model)
    assert "EMBEDDING_LOOKUP" not in [flatbuffer.op_name(model, one) for one in model.subgraphs[0].operators]
    assert np.array_equal(outputs("tflite", flatbuffer.write(model), tmp_path), expected)


def test_a_decoder_with_another_matrix_is_refused(decoder: tuple[Files, Files]) -> None:
    """Planted: a float .onnx of other weights than the .tflite."""
    from export.errors import ConversionError

    other = small("stories15m", seed=9)
    content = FORMATS["onnx"].convert(other.model, decoder=other.decoder())
    with pytest.raises(ConversionError, match="is not in the file of the other format"):
        FORMATS["onnx"].quantize(content, PLAN, {"tflite": decoder[1]["tflite"]})
