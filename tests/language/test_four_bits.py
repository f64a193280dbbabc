"""Files with weights of 4 bits: one rounding for both formats, and every fault of the stored numbers is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from calibration.samples import Samples
from export.bundle.file_facts import fits
from export.formats import FORMATS, blocks
from export.formats.format import QuantizationPlan
from export.formats.onnx import storage
from export.formats.tflite import flatbuffer, four_bits, structure
from export.formats.tflite import storage as stored_in_tflite
from export.passes import PassResult
from export.passes.round_blocks import RoundBlocks, of
from export.recipe import Io
from export.scheme import INT4, INT8_DYNAMIC
from tests.language.small_decoders import Small, small
from tests.language.test_rounded_rows import outputs, sqnr_db

PLAN = QuantizationPlan(scheme=INT4, io=Io.FLOAT32, ranges=None, input_ranges={})
SIZES = {"width": 96, "hidden": 64}  # multiples of 32
STEPS = 0.51  # the threshold of the proof
Files = dict[str, bytes]


def converted(model: Any, forms: Any) -> Files:
    return {name: one.convert(model, decoder=forms(model)) for name, one in FORMATS.items()}


def quantized(floats: Files) -> Files:
    first = FORMATS["tflite"].quantize(floats["tflite"], PLAN, {})
    return {"tflite": first, "onnx": FORMATS["onnx"].quantize(floats["onnx"], PLAN, {"tflite": first})}


def forms_of(found: Small) -> Any:
    import zoo

    return zoo.find(found.name).decoder


def squared_error(expected: Any, found: Any) -> float:
    return float(np.mean((expected["logits"] - found["logits"]) ** 2))


@pytest.fixture(scope="module")
def network() -> Small:
    return small("stories15m", **SIZES)


@pytest.fixture(scope="module")
def rounded(network: Small) -> PassResult:
    tokens = np.random.default_rng(1).integers(0, 90, (40, 12)).astype(np.int32)
    return RoundBlocks(loss=squared_error)(network.model, Samples(inputs={"tokens": tokens}, source="", seed=0))


@pytest.fixture(scope="module")
def original(network: Small) -> Files:
    return converted(network.model, forms_of(network))


@pytest.fixture(scope="module")
def floats(network: Small, rounded: PassResult) -> Files:
    return converted(rounded.model, forms_of(network))


@pytest.fixture(scope="module")
def files(floats: Files) -> Files:
    return quantized(floats)


def test_matrices_lie_on_grids_or_stay(network: Small, rounded: PassResult) -> None:
    before, after = of(network.model), of(rounded.model)
    assert set(rounded.record.layers) | set(rounded.record.skipped) == set(after)
    for name, layer in after.items():
        kernel = layer.kernel.numpy()
        is_kept = name in rounded.record.skipped
        assert np.array_equal(kernel, before[name].kernel.numpy()) == is_kept
        assert (blocks.on_grid(kernel.T) is None) == is_kept
    kept = sum(after[name].kernel.shape[0] * after[name].kernel.shape[1] for name in rounded.record.skipped)
    assert 0 < kept <= sum(np.prod(layer.kernel.shape) for layer in after.values()) / 3
    assert set(rounded.record.measured) == {f"loss of {name}" for name in ROLES}


ROLES = [f"block_*_{part}" for part in ("query", "key", "value", "output", "gate", "up", "down")]


def test_feedback_keeps_the_outputs_better_than_rounding_to_nearest(network: Small, rounded: PassResult) -> None:
    expected = network.model(network.tokens).numpy()
    found = rounded.model(network.tokens).numpy()
    plain = {name: layer.kernel.numpy() for name, layer in of(rounded.model).items()}
    for name in rounded.record.layers:
        nearest = blocks.nearest(of(network.model)[name].kernel.numpy().T).values.T
        of(rounded.model)[name].kernel.assign(nearest)
    simple = rounded.model(network.tokens).numpy()
    for name, kernel in plain.items():
        of(rounded.model)[name].kernel.assign(kernel)
    assert sqnr_db(expected, found) > 1 + sqnr_db(expected, simple)


def test_both_formats_compute_nearly_the_same(original: Files, files: Files, tmp_path: Path) -> None:
    expected = outputs("tflite", original["tflite"], tmp_path)
    found = {name: outputs(name, content, tmp_path) for name, content in files.items()}
    assert min(sqnr_db(expected, one) for one in found.values()) > 8
    assert sqnr_db(found["tflite"], found["onnx"]) > 6 + sqnr_db(expected, found["tflite"])


@pytest.mark.parametrize("which", ["floats", "original"])
def test_both_formats_store_the_same_integers(which: str, request: pytest.FixtureRequest) -> None:
    """Without a pass, the matrices of the original are rounded to nearest."""
    floats = request.getfixturevalue(which)
    files = quantized(floats)
    assert stored_in_tflite.compare(floats["tflite"], files["tflite"]).worst_steps < STEPS
    assert structure.compare(floats["tflite"], files["tflite"]).differences == ()
    in_onnx = storage.compare_with_sibling(files["tflite"], files["onnx"])
    assert in_onnx is not None
    assert in_onnx.worst_steps == 0
    assert in_onnx.constants >= 16
    for name, content in files.items():
        types = FORMATS[name].number_types(content)
        assert types.weights & {"int4", "uint4"}
        assert fits(INT4, types, raised=False)
        assert not fits(INT8_DYNAMIC, types, raised=False)


def test_a_file_of_8_bits_is_no_file_of_4_bits(original: Files) -> None:
    from dataclasses import replace

    content = FORMATS["tflite"].quantize(original["tflite"], replace(PLAN, scheme=INT8_DYNAMIC), {})
    types = replace(FORMATS["tflite"].number_types(content), has_many=True)
    assert fits(INT8_DYNAMIC, types, raised=False)
    assert not fits(INT4, types, raised=False)


def changed_tflite(content: bytes, change: Callable[[flatbuffer.Model, Any, Any], None]) -> bytes:
    """Return a .tflite in which `change` was made to the first matrix of 4 bits, of a model and its graph."""
    model = flatbuffer.read(content)
    graph, tensor = next(
        (graph, tensor) for graph in model.subgraphs for tensor in graph.tensors if four_bits.is_stored(tensor)
    )
    for buffer in model.buffers:
        buffer.data = None if buffer.data is None else buffer.data.copy()
    change(model, graph, tensor)
    return flatbuffer.write(model)


def _a_nibble(model: flatbuffer.Model, _: Any, tensor: Any) -> None:
    model.buffers[tensor.buffer].data[5] ^= 0x10


def _swapped_nibbles(model: flatbuffer.Model, _: Any, tensor: Any) -> None:
    data = model.buffers[tensor.buffer].data
    model.buffers[tensor.buffer].data = (data >> 4) | (data << 4)


def _shifted_scales(model: flatbuffer.Model, graph: Any, tensor: Any) -> None:
    scales = graph.tensors[tensor.quantization.details.scales]
    data = model.buffers[scales.buffer].data
    model.buffers[scales.buffer].data = np.roll(data.view(np.float16), 1).view(np.uint8)


def _a_scale(model: flatbuffer.Model, graph: Any, tensor: Any) -> None:
    scales = graph.tensors[tensor.quantization.details.scales]
    model.buffers[scales.buffer].data.view(np.float16)[3] *= 1.1


def _a_coarser_grid(model: flatbuffer.Model, graph: Any, tensor: Any) -> None:
    """Let all integers be half as large, and all scales twice as large."""
    found = four_bits.stored(model, tensor)
    model.buffers[tensor.buffer].data = blocks.packed(np.rint(found.integers / 2).astype(np.int8)).reshape(-1)
    scales = graph.tensors[tensor.quantization.details.scales]
    model.buffers[scales.buffer].data.view(np.float16)[:] *= 2


def _zero_points(_: flatbuffer.Model, __: Any, tensor: Any) -> None:
    tensor.quantization.details.zeroPoints = tensor.quantization.details.scales


def _another_block_size(_: flatbuffer.Model, __: Any, tensor: Any) -> None:
    tensor.quantization.details.blockSize = 64


IN_TFLITE = [_a_nibble, _swapped_nibbles, _shifted_scales, _a_scale, _a_coarser_grid, _zero_points, _another_block_size]


@pytest.mark.parametrize("fault", IN_TFLITE)
@pytest.mark.parametrize("which", ["floats", "original"])
def test_every_changed_number_of_a_tflite_is_found(which: str, fault: Any, request: pytest.FixtureRequest) -> None:
    """Planted: one change of the first matrix of 4 bits, in a file with error feedback and in one without."""
    floats = request.getfixturevalue(which)
    healthy = FORMATS["tflite"].quantize(floats["tflite"], PLAN, {})
    found = stored_in_tflite.compare(floats["tflite"], changed_tflite(healthy, fault))
    assert found.worst_steps > STEPS


def test_matrices_without_error_feedback_are_found(original: Files, floats: Files) -> None:
    """Planted: the original's matrices, rounded to nearest, in place of the pass's."""
    plain = FORMATS["tflite"].quantize(original["tflite"], PLAN, {})
    assert stored_in_tflite.compare(floats["tflite"], plain).worst_steps > STEPS


def test_one_matrix_without_error_feedback_is_found(network: Small, rounded: PassResult, floats: Files) -> None:
    """Planted: one layer of the rounded model is rounded to nearest from the original."""
    name = rounded.record.layers[-1]
    layer, kernel = of(rounded.model)[name], of(rounded.model)[name].kernel.numpy()
    layer.kernel.assign(blocks.nearest(of(network.model)[name].kernel.numpy().T).values.T)
    forms = forms_of(network)
    other = FORMATS["tflite"].convert(rounded.model, decoder=forms(rounded.model))
    layer.kernel.assign(kernel)
    wrong = FORMATS["tflite"].quantize(other, PLAN, {})
    assert stored_in_tflite.compare(floats["tflite"], wrong).worst_steps > STEPS


def test_a_matrix_that_is_in_4_bits_against_the_plan_is_found(
    network: Small, rounded: PassResult, floats: Files
) -> None:
    """Planted: a matrix that the pass keeps at 8 bits is stored in 4 bits, in steps that hide any content."""
    layer, forms = of(rounded.model)[rounded.record.layers[-1]], forms_of(network)
    kernel = layer.kernel.numpy()
    layer.kernel.assign(kernel + np.random.default_rng(0).normal(0, 0.01, kernel.shape).astype(np.float32))  # no grid
    reference = FORMATS["tflite"].convert(rounded.model, decoder=forms(rounded.model))
    layer.kernel.assign(kernel)
    wrong = FORMATS["tflite"].quantize(floats["tflite"], PLAN, {})
    assert stored_in_tflite.compare(reference, wrong).worst_steps > STEPS


def test_a_matrix_that_stays_at_8_bits_against_the_plan_is_found(floats: Files) -> None:
    """Planted: one matrix of 4 bits is left in 8 bits."""
    healthy = FORMATS["tflite"].quantize(floats["tflite"], PLAN, {})
    reference = flatbuffer.read(floats["tflite"])

    def widen(model: flatbuffer.Model, _: Any, tensor: Any) -> None:
        from ai_edge_litert import schema_py_generated as schema

        name = tensor.name
        real = next(one for graph in reference.subgraphs for one in graph.tensors if one.name == name)
        rows = flatbuffer.constant(reference, real)
        scales = np.abs(rows).max(axis=1) / 127
        stored = np.rint(rows / scales[:, None]).astype(np.int8)
        model.buffers[tensor.buffer].data = stored.reshape(-1).view(np.uint8)
        tensor.type, grid = schema.TensorType.INT8, schema.QuantizationParametersT()
        grid.scale, grid.zeroPoint = scales.astype(np.float32), np.zeros(len(scales), np.int64)
        tensor.quantization = grid

    assert stored_in_tflite.compare(floats["tflite"], changed_tflite(healthy, widen)).worst_steps > STEPS


def changed_onnx(content: bytes, change: Callable[[Any, Any, Callable[[str], Any]], None]) -> bytes:
    """Return an .onnx in which `change` was made to the first product of 4 bits; it may replace stored tensors."""
    proto = onnx.load_from_string(content)
    node = next(one for one in proto.graph.node if one.op_type == "MatMulNBits")
    makers = {one.output[0]: one for one in proto.graph.node}

    def replace(name: str) -> Any:
        name = makers[name].input[0] if name in makers else name
        return next(one for one in proto.graph.initializer if one.name == name)

    change(proto, node, replace)
    return bytes(proto.SerializeToString())


def _stored(node: Any, place: int, change: Callable[[Any], Any], find: Callable[[str], Any]) -> None:
    tensor = find(node.input[place])
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor).copy()), tensor.name))


def _flipped(values: Any) -> Any:
    values[0, 0, 3] ^= 0x01
    return values


def _a_bit(_: Any, node: Any, find: Any) -> None:
    _stored(node, 1, _flipped, find)


def _swapped_halves(_: Any, node: Any, find: Any) -> None:
    _stored(node, 1, lambda values: (values >> 4) | (values << 4), find)


def _swapped_blocks(_: Any, node: Any, find: Any) -> None:
    _stored(node, 2, lambda values: np.roll(values.reshape(-1), 1).reshape(values.shape), find)


def _points_of_zero(proto: Any, node: Any, _: Any) -> None:
    count = next(one.i for one in node.attribute if one.name == "N")
    width = next(one.i for one in node.attribute if one.name == "K")
    points = np.full((count, -(-width // blocks.BLOCK // 2)), 0x77, np.uint8)
    proto.graph.initializer.append(numpy_helper.from_array(points, "points"))
    node.input.append("points")


def _larger_blocks(_: Any, node: Any, __: Any) -> None:
    for one in node.attribute:
        one.i = 64 if one.name == "block_size" else one.i


IN_ONNX = [_a_bit, _swapped_halves, _swapped_blocks, _points_of_zero, _larger_blocks]


@pytest.mark.parametrize("fault", IN_ONNX)
def test_every_changed_number_of_an_onnx_is_found(fault: Any, files: Files) -> None:
    """Planted: one change of the first product with a matrix of 4 bits."""
    found = storage.compare_with_sibling(files["tflite"], changed_onnx(files["onnx"], fault))
    assert found is None or found.worst_steps > STEPS


def test_grids_are_stored_once_for_all_functions(files: Files) -> None:
    """The functions of a decoder share the scales of their matrices, and equal lists of them in 8 bits."""
    model = flatbuffer.read(files["tflite"])
    assert len(model.subgraphs) == 2
    scales = [
        graph.tensors[tensor.quantization.details.scales].buffer
        for graph in model.subgraphs
        for tensor in graph.tensors
        if four_bits.is_stored(tensor)
    ]
    assert len(scales) > len(set(scales))
    assert len(flatbuffer.write(model, shares_grids=True)) < len(flatbuffer.write(model))


class TestGrids:
    def test_a_rounded_matrix_is_found_again(self) -> None:
        matrix = np.random.default_rng(3).normal(0, 0.05, (40, 96)).astype(np.float32)
        matrix[3, 32:64] = 0
        rounded = blocks.nearest(matrix)
        found = blocks.on_grid(rounded.values)
        assert found is not None
        assert np.array_equal(found.values, rounded.values)
        assert np.abs(rounded.values - matrix).max() <= 0.5001 * rounded.scales.max()
        assert blocks.on_grid(matrix) is None

    def test_integers_survive_packing(self) -> None:
        integers = np.random.default_rng(4).integers(-8, 8, (6, 64)).astype(np.int8)
        assert np.array_equal(blocks.unpacked(blocks.packed(integers).reshape(-1), (6, 64)), integers)

    def test_scales_are_numbers_of_all_formats(self) -> None:
        import ml_dtypes

        wanted = np.exp(np.random.default_rng(5).uniform(-16, 8, 4000))
        scales = blocks.storable(wanted)
        assert np.array_equal(scales.astype(np.float16).astype(np.float32), scales)
        assert np.array_equal(scales.astype(ml_dtypes.bfloat16).astype(np.float32), scales)
        assert (scales >= wanted.astype(np.float32) * (1 - 1e-7)).all()
        assert (scales <= wanted * (1 + 2.0**-7) + blocks.FINEST).all()

    def test_matrices_that_cannot_be_divided_have_no_grid(self) -> None:
        assert blocks.on_grid(np.zeros((4, 40), np.float32)) is None
        assert not blocks.fits((4, 40))
        assert not blocks.fits((32,))
