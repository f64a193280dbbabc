"""Read a quantized .tflite as an ONNX graph with the same integers.

tf2onnx writes each quantized operator as a float operator between DequantizeLinear and QuantizeLinear; ONNX Runtime
fuses the three into an integer operator if it has one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from export import temporary
from export.formats.onnx.flattening import flatten_before_dense
from export.formats.onnx.float_file import refuse_unknown_operators
from export.formats.onnx.naming import canonicalize, share_equal_tensors, subgraphs
from export.formats.onnx.pads import keep_zeros
from export.formats.onnx.protos import GraphProto, ModelProto
from export.formats.onnx.session import METADATA_KEY
from export.formats.onnx.tf2onnx_call import OPSET, call
from export.formats.tflite import flatbuffer

LARGEST_OLD_CODE = 127  # tf2onnx still reads the deprecated one-byte field of operator codes.


def read_sibling(content: bytes) -> ModelProto:
    """Return the .tflite file `content` as an ONNX model, with inputs and outputs named as in the signature.

    Raises:
        ConversionError: tf2onnx cannot convert an operator.
    """
    model = flatbuffer.read(content)
    names, quantization = _signature(model)
    _prepare(model)
    proto = _convert(flatbuffer.write(model))
    refuse_unknown_operators(proto.graph)
    _drop_idle_axes(proto.graph)
    _drop_unknown_shapes(proto.graph)
    _take_signature(proto.graph, names)
    del proto.metadata_props[:]
    proto.metadata_props.add(key=METADATA_KEY, value=json.dumps(quantization, sort_keys=True))
    return proto


def seal(proto: ModelProto) -> bytes:
    """Return the bytes of `proto` with canonical order and names."""
    keep_zeros(proto.graph)
    share_equal_tensors(proto.graph)
    canonicalize(proto.graph)
    proto.graph.ClearField("doc_string")
    proto.producer_name, proto.producer_version, proto.graph.name = "zoo-export", "", "model"
    used = {"", *(node.domain for node in proto.graph.node)}
    kept = [entry for entry in proto.opset_import if entry.domain in used]
    del proto.opset_import[:]
    proto.opset_import.extend(kept)
    return bytes(proto.SerializeToString(deterministic=True))


def _signature(model: flatbuffer.Model) -> tuple[dict[str, str], dict[str, dict[str, float]]]:
    """Return the public names of inputs and outputs by short name, and their quantization by public name."""
    subgraph = model.subgraphs[0]
    public = {index: subgraph.tensors[index].name.decode() for index in (*subgraph.inputs, *subgraph.outputs)}
    for signature in model.signatureDefs or ():
        for tensor_map in (*signature.inputs, *signature.outputs):
            public[tensor_map.tensorIndex] = tensor_map.name.decode()
    quantization: dict[str, dict[str, float]] = {
        name: {"scale": step} for name, step in flatbuffer.output_steps(model).items()
    }
    for index, name in public.items():
        parameters = subgraph.tensors[index].quantization
        if parameters is not None and parameters.scale is not None and len(parameters.scale) == 1:
            quantization[name] = {
                "scale": float(parameters.scale[0]),
                "zero_point": int(parameters.zeroPoint[0]),
            }
    return {f"t{index}": name for index, name in public.items()}, quantization


def _prepare(model: flatbuffer.Model) -> None:
    """Give tensors short unique names, and bypass DEQUANTIZE operators of constants."""
    for code in model.operatorCodes:
        code.deprecatedBuiltinCode = min(max(code.builtinCode, code.deprecatedBuiltinCode), LARGEST_OLD_CODE)
    for number, subgraph in enumerate(model.subgraphs):
        # tf2onnx derives its names from these; long ones collide, which it reports as cycles. Names inside a loop must
        # differ from names outside.
        for index, tensor in enumerate(subgraph.tensors):
            tensor.name = f"s{number}t{index}".encode() if number else f"t{index}".encode()
        produced = {index for operator in subgraph.operators for index in operator.outputs}
        fixed = {
            operator.outputs[0]: operator.inputs[0]
            for operator in subgraph.operators
            if flatbuffer.op_name(model, operator) == "DEQUANTIZE"
            and operator.inputs[0] not in produced
            and operator.inputs[0] not in subgraph.inputs
            and _is_affine(subgraph.tensors[operator.inputs[0]])
        }
        subgraph.operators = [operator for operator in subgraph.operators if operator.outputs[0] not in fixed]
        for operator in subgraph.operators:
            operator.inputs = [fixed.get(index, index) for index in operator.inputs]
    flatten_before_dense(model)


def _is_affine(tensor: Any) -> bool:
    return tensor.quantization is not None and tensor.quantization.scale is not None


def _convert(content: bytes) -> ModelProto:
    import tf2onnx

    with temporary.folder() as folder:
        path = Path(folder, "sibling.tflite")
        path.write_bytes(content)
        return call(lambda: tf2onnx.convert.from_tflite(str(path), opset=OPSET), "the .tflite")


def _drop_idle_axes(graph: GraphProto) -> None:
    """Remove the axis of per-tensor scales, which tf2onnx writes inconsistently."""
    scalars = {tensor.name for tensor in graph.initializer if not tensor.dims}
    for node in graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear") and node.input[1] in scalars:
            del node.attribute[:]


def _drop_unknown_shapes(graph: GraphProto) -> None:
    """Declare no shape for real tensors in loops whose shape the .tflite leaves open, which looks like a scalar's."""
    from onnx import TensorProto

    for node in graph.node:
        for inner in subgraphs(node):
            for value in (*inner.input, *inner.output, *inner.value_info):
                tensor = value.type.tensor_type
                if tensor.elem_type == TensorProto.FLOAT and not tensor.shape.dim:
                    tensor.ClearField("shape")
            _drop_unknown_shapes(inner)


def _take_signature(graph: GraphProto, names: dict[str, str]) -> None:
    """Rename the inputs and outputs of `graph` everywhere."""
    for value in (*graph.input, *graph.output):
        value.name = names[value.name]
    for node in graph.node:
        node.input[:] = _renamed(node.input, names)
        node.output[:] = _renamed(node.output, names)


def _renamed(given: Sequence[str], names: dict[str, str]) -> list[str]:
    return [names.get(name, name) for name in given]
