"""Faults of grids that are written in an unusual way are caught, too."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.formats.tflite import flatbuffer
from tests.foreign import files
from tests.foreign.files import Trained


@pytest.fixture(scope="session")
def int8_onnx(trained: Trained) -> bytes:
    """The int8 file of ONNX Runtime."""
    folder = Path(tempfile.mkdtemp(dir=trained.run.work))
    return files.by_onnx_runtime(files.by_tf2onnx(trained.model), trained.rows, folder)


def changed(proto: Any, name: str, change: Callable[[Any], Any]) -> None:
    """Change a stored tensor of an .onnx."""
    from onnx import numpy_helper

    stored = next(one for one in proto.graph.initializer if one.name == name)
    values = numpy_helper.to_array(stored)
    stored.CopyFrom(numpy_helper.from_array(np.asarray(change(values), values.dtype), name))


def behind(proto: Any, op: str, place: int = -1) -> list[Any]:
    """Return the operators that round the output of an operator of a kind, the last one unless told, and read it."""
    results = {node.output[0] for node in proto.graph.node if node.op_type == op}
    rounding = [one for one in proto.graph.node if one.op_type == "QuantizeLinear" and one.input[0] in results][place]
    return [rounding, *(node for node in proto.graph.node if rounding.output[0] in node.input)]


def behind_identity(proto: Any, nodes: list[Any]) -> None:
    from onnx import helper

    scale = nodes[0].input[1]
    for node in nodes:
        node.input[1] = "hidden"
    proto.graph.node.insert(0, helper.make_node("Identity", [scale], ["hidden"]))


def without_zero_point(_proto: Any, nodes: list[Any]) -> None:
    for node in nodes:
        del node.input[2:]


def for_each_channel(proto: Any, nodes: list[Any]) -> None:
    for place in (1, 2):
        changed(proto, nodes[0].input[place], lambda values: np.full(8, values))


@pytest.mark.parametrize("hide", [behind_identity, without_zero_point])
def test_a_wide_grid_is_named_however_it_is_written(
    hide: Callable[[Any, list[Any]], None], int8_onnx: bytes, trained: Trained
) -> None:
    import onnx

    proto = onnx.load_from_string(int8_onnx)
    nodes = behind(proto, "Conv", 0)  # its zero point is 0
    changed(proto, nodes[0].input[1], lambda scale: scale * 40)
    hide(proto, nodes)
    proof = trained.proof(proto.SerializeToString(), ".onnx")
    assert "layer conv: the activation range" in "; ".join(proof.faults)


def test_a_file_with_a_scale_for_each_channel_of_an_activation_is_not_proven(
    int8_onnx: bytes, trained: Trained
) -> None:
    import onnx

    proto = onnx.load_from_string(int8_onnx)
    for_each_channel(proto, behind(proto, "Conv"))
    proof = trained.proof(proto.SerializeToString(), ".onnx")
    assert (proof.proven, proof.missing) == (False, ("arithmetic", "ranges"))
    assert "not one stored number" in proof.findings.not_made["ranges"].reason


def round_activation(content: bytes, scale: float) -> bytes:
    """Return a .tflite that rounds the output of its first convolution to int8."""
    from ai_edge_litert import schema_py_generated as schema

    model = flatbuffer.read(content)
    graph = model.subgraphs[0]
    names = [flatbuffer.op_name(model, one) for one in graph.operators]
    place = names.index("CONV_2D")
    source = int(graph.operators[place].outputs[0])
    new = []
    for kind, code in ((schema.TensorType.INT8, "QUANTIZE"), (schema.TensorType.FLOAT32, "DEQUANTIZE")):
        tensor, operator, declared = schema.TensorT(), schema.OperatorT(), schema.OperatorCodeT()
        tensor.name, tensor.type, tensor.buffer = f"rounded/{code}".encode(), kind, 0
        tensor.shape, tensor.quantization = graph.tensors[source].shape, None
        if code == "QUANTIZE":
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = np.float32([scale]), np.int64([-128])
        graph.tensors.append(tensor)
        declared.builtinCode = declared.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, code)
        declared.version = 2
        model.operatorCodes.append(declared)
        last = len(graph.tensors) - 1
        operator.opcodeIndex = len(model.operatorCodes) - 1
        operator.inputs, operator.outputs = np.int32([last - 1 if new else source]), np.int32([last])
        new.append(operator)
    for operator in graph.operators[place + 1 :]:
        operator.inputs = [len(graph.tensors) - 1 if index == source else index for index in operator.inputs]
    graph.operators = [*graph.operators[: place + 1], *new, *graph.operators[place + 1 :]]
    return flatbuffer.write(model)


def test_a_float16_file_with_a_rounded_activation_is_not_proven(trained: Trained) -> None:
    import tensorflow as tf

    def halve(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]

    content = files.by_tensorflow(trained.model, change=halve)
    assert trained.proof(content, ".tflite").proven
    proof = trained.proof(round_activation(content, 0.05), ".tflite")
    assert not proof.proven
    assert {"arithmetic", "ranges"} <= set(proof.missing)
    assert "QUANTIZE rounded/QUANTIZE" in proof.findings.not_made["ranges"].reason


def coarse(scale: float) -> Callable[[Any], Any]:
    return lambda values: np.full_like(values, scale)


def test_a_bias_that_its_grid_cannot_hold_is_named(int8_onnx: bytes, trained: Trained) -> None:
    import onnx
    from onnx import numpy_helper

    proto = onnx.load_from_string(int8_onnx)
    stored = {one.name: numpy_helper.to_array(one) for one in proto.graph.initializer}
    sums = [node for node in proto.graph.node if node.op_type == "Add"]
    makers = {node.output[0]: node for node in proto.graph.node}
    read = [makers[name] for name in sums[-1].input if makers[name].input[0] in stored]
    integers, scale, zero = read[0].input
    largest = np.abs(stored[integers].astype(np.int32) - int(stored[zero])).max() * stored[scale]
    changed(proto, scale, coarse(2.1 * float(largest)))
    changed(proto, integers, lambda _: np.full_like(stored[integers], stored[zero]))
    proof = trained.proof(proto.SerializeToString(), ".onnx")
    assert "are zeros: they were lost" in "; ".join(proof.faults)


def test_a_constant_on_a_coarse_grid_is_named(trained: Trained) -> None:
    model = flatbuffer.read(files.by_tensorflow(trained.model, trained.rows))
    graph = model.subgraphs[0]
    sums = [one for one in graph.operators if flatbuffer.op_name(model, one) == "ADD"]
    tensors = [graph.tensors[index] for one in sums for index in one.inputs]
    constant = next(one for one in tensors if model.buffers[one.buffer].data is not None)
    grid, buffer = constant.quantization, model.buffers[constant.buffer]
    real = (buffer.data.view(np.int8).astype(np.float64) - grid.zeroPoint[0]) * grid.scale[0]
    step = float(np.abs(real).max()) / 3
    buffer.data = np.rint(real / step).astype(np.int8).view(np.uint8)
    grid.scale, grid.zeroPoint = np.float32([step]), np.int64([0])
    proof = trained.proof(flatbuffer.write(model), ".tflite")
    assert "constants of conv_norm use about" in "; ".join(proof.faults)


def test_a_wide_grid_of_a_softmax_is_named(int8_onnx: bytes, trained: Trained) -> None:
    import onnx

    proto = onnx.load_from_string(int8_onnx)
    changed(proto, behind(proto, "Softmax")[0].input[1], lambda scale: scale * 60)
    proof = trained.proof(proto.SerializeToString(), ".onnx")
    assert any("layer classes" in line and line.endswith("x as wide as its values, 0 to 1") for line in proof.faults)


def test_an_onnx_that_rounds_an_activation_twice_is_not_proven(int8_onnx: bytes, trained: Trained) -> None:
    import onnx
    from onnx import helper

    proto = onnx.load_from_string(int8_onnx)
    rounding, reading = behind(proto, "Conv")
    result, grid = reading.output[0], list(rounding.input[1:])
    for node in proto.graph.node:
        node.input[:] = ["again/real" if name == result else name for name in node.input]
    place = list(proto.graph.node).index(reading)
    proto.graph.node.insert(place + 1, helper.make_node("QuantizeLinear", [result, *grid], ["again"]))
    proto.graph.node.insert(place + 2, helper.make_node("DequantizeLinear", ["again", *grid], ["again/real"]))
    proof = trained.proof(proto.SerializeToString(), ".onnx")
    assert (proof.proven, proof.failed, proof.missing) == (False, False, ("arithmetic",))
    assert "rounded a second time" in proof.findings.not_made["arithmetic"].reason


def test_a_bias_of_zeros_with_a_large_scale_is_named(int8_onnx: bytes, trained: Trained) -> None:
    import onnx

    proto = onnx.load_from_string(int8_onnx)
    makers = {node.output[0]: node for node in proto.graph.node}
    layers = [node for node in proto.graph.node if node.op_type == "Conv"]
    bias = makers[layers[-1].input[2]]
    changed(proto, bias.input[0], lambda values: values * 0)
    changed(proto, bias.input[1], lambda values: np.full_like(values, 100))
    proof = trained.proof(proto.SerializeToString(), ".onnx")
    assert "the biases of project are zeros: they were lost" in "; ".join(proof.faults)


def test_a_wide_grid_behind_a_softmax_of_a_tflite_is_named(trained: Trained) -> None:
    import tensorflow as tf

    def whole(converter: Any) -> None:
        converter.inference_output_type = tf.uint8

    model = flatbuffer.read(files.by_tensorflow(trained.model, trained.rows, whole))
    graph = model.subgraphs[0]
    names = [flatbuffer.op_name(model, one) for one in graph.operators]
    result = graph.operators[names.index("SOFTMAX")].outputs[0]
    last = next(
        one for one, name in zip(graph.operators, names, strict=True) if name == "QUANTIZE" and one.inputs[0] == result
    )
    assert trained.proof(flatbuffer.write(model), ".tflite").proven
    grid = graph.tensors[last.outputs[0]].quantization
    grid.scale = grid.scale * 60
    proof = trained.proof(flatbuffer.write(model), ".tflite")
    assert any("layer classes" in line and "x as wide as its values" in line for line in proof.faults)


def test_a_bias_of_zeros_with_a_large_scale_in_a_tflite_is_named(trained: Trained) -> None:
    model = flatbuffer.read(files.by_tensorflow(trained.model, trained.rows))
    graph = model.subgraphs[0]
    layer = next(one for one in graph.operators if flatbuffer.op_name(model, one) == "CONV_2D")
    bias = graph.tensors[layer.inputs[2]]
    model.buffers[bias.buffer].data = np.zeros_like(model.buffers[bias.buffer].data)
    bias.quantization.scale = np.full_like(bias.quantization.scale, 100)
    proof = trained.proof(flatbuffer.write(model), ".tflite")
    assert "the biases of conv are zeros: they were lost" in "; ".join(proof.faults)
