"""Read, write and query a .tflite file as an object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.errors import ConversionError
from export.formats import blocks

Model = Any  # ai_edge_litert's ModelT: generated code without type annotations.
IDENTIFIER = b"TFL3"
WEIGHTS_ALIGNMENT = 16
ALIGNMENTS_BYTES = 1 << 16  # for the gaps before weights, and for small graphs
LARGE_BYTES = 100_000_000  # of weights that should not be copied without need
# Vectors that may be shared are of float32 or int64, unlike those of weights, and have this many numbers.
FEWEST_SHARED_BYTES, FEWEST_SHARED = 4, 16


def read(content: bytes | bytearray | memoryview) -> Model:
    """Return the file as a mutable object, whose weights are views of `content`.

    Raises:
        ConversionError: the bytes are not a .tflite file.
    """
    from ai_edge_litert.tools import flatbuffer_utils

    if content[4:8] != IDENTIFIER:
        raise ConversionError("not a .tflite file: the identifier TFL3 is missing")
    model = flatbuffer_utils.read_model_from_bytearray(content)
    for buffer in model.buffers:
        if buffer.data is not None and not isinstance(buffer.data, np.ndarray):
            buffer.data = np.frombuffer(buffer.data, np.uint8)  # The packer is slow for bytes.
    return model


def write(model: Model, *, shares_grids: bool = False) -> bytes:
    """Return the object as one flatbuffer; see `packed`."""
    return bytes(packed(model, shares_grids=shares_grids))


def packed(model: Model, *, shares_grids: bool = False) -> bytearray:
    """Return the object as one flatbuffer, with the weights inside and aligned to 16 bytes as the schema requires.

    With `shares_grids`, equal lists of scales or zero points are stored once. Every function that reads a matrix has
    such lists of its own, and those of the tokens' table take 3 % of a small decoder.

    The generated packer does not align weights, and ai-edge-quantizer stores weights behind the flatbuffer, where
    readers for microcontrollers do not find them.
    """
    import flatbuffers

    class AlignedBuilder(flatbuffers.Builder):  # type: ignore[misc]  # flatbuffers ships no types
        def StartVector(self, element_size: int, count: int, alignment: int) -> int:  # noqa: N802  # flatbuffers calls it so
            is_weights = element_size == 1 and count >= WEIGHTS_ALIGNMENT
            return int(super().StartVector(element_size, count, WEIGHTS_ALIGNMENT if is_weights else alignment))

        def CreateNumpyVector(self, x: NDArray[Any]) -> int:  # noqa: N802  # flatbuffers calls it so
            if not shares_grids or x.itemsize < FEWEST_SHARED_BYTES or x.size < FEWEST_SHARED:
                return int(super().CreateNumpyVector(x))
            key = x.dtype.str, x.tobytes()
            if key not in known:
                known[key] = int(super().CreateNumpyVector(x))
            return known[key]

    known: dict[tuple[str, bytes], int] = {}
    weights_bytes = sum(buffer.data.size for buffer in model.buffers if buffer.data is not None)
    # A builder that is too small doubles, and for a moment is there twice.
    graph_bytes = _graph_bytes(model) if weights_bytes > LARGE_BYTES else 0
    builder = AlignedBuilder(weights_bytes + graph_bytes + ALIGNMENTS_BYTES)
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    content: bytearray = builder.Bytes
    del content[: builder.Head()]  # without a copy, which Output() would make
    return content


def _graph_bytes(model: Model) -> int:
    """Return the size of a file without its weights."""
    import flatbuffers

    builder, buffers = flatbuffers.Builder(ALIGNMENTS_BYTES), model.buffers
    model.buffers = []
    try:
        builder.Finish(model.Pack(builder))
    finally:
        model.buffers = buffers
    return len(builder.Bytes) - int(builder.Head())


def constant(model: Model, tensor: Any) -> NDArray[Any]:
    """Return a constant tensor's values in its shape: a view, but for integers of 4 bits, which become int8."""
    from ai_edge_litert import schema_py_generated as schema

    data: NDArray[Any] = model.buffers[tensor.buffer].data
    if tensor.type == schema.TensorType.INT4:
        return blocks.unpacked(data, tuple(int(size) for size in tensor.shape))
    return data.view(_dtype(tensor.type)).reshape(() if tensor.shape is None else tensor.shape)


def _dtype(tensor_type: int) -> str:
    from ai_edge_litert import schema_py_generated as schema

    kinds = schema.TensorType
    return {
        kinds.FLOAT32: "<f4",
        kinds.INT8: "i1",
        kinds.UINT8: "u1",
        kinds.INT16: "<i2",
        kinds.INT32: "<i4",
        kinds.INT64: "<i8",
        kinds.FLOAT16: "<f2",
        kinds.BOOL: "?",
    }[tensor_type]


def is_float(tensor: Any) -> bool:
    """Return whether a tensor holds floating-point numbers."""
    from ai_edge_litert import schema_py_generated as schema

    kinds = schema.TensorType
    return tensor.type in (kinds.FLOAT32, kinds.FLOAT16, kinds.FLOAT64)


def type_name(tensor: Any) -> str:
    """Return the name of a tensor's type in the schema, such as FLOAT32."""
    return _type_names()[tensor.type]


@cache
def _type_names() -> dict[int, str]:
    from ai_edge_litert import schema_py_generated as schema

    return {number: name for name, number in vars(schema.TensorType).items() if name.isupper()}


def is_condition(tensor: Any) -> bool:
    """Return whether a tensor holds true and false."""
    from ai_edge_litert import schema_py_generated as schema

    return bool(tensor.type == schema.TensorType.BOOL)


def op_name(model: Model, operator: Any) -> str:
    """Return an operator's name in the schema, or the name of a custom operator (Flex operators begin with Flex)."""
    return code_name(model.operatorCodes[operator.opcodeIndex])


def code_name(code: Any) -> str:
    """Return the name of an entry in a file's list of operators."""
    if code.customCode:
        return str(code.customCode.decode())
    return _operator_names()[max(code.builtinCode, code.deprecatedBuiltinCode)]


@cache
def _operator_names() -> dict[int, str]:
    """Return the names of all operators of the schema by their numbers."""
    from ai_edge_litert import schema_py_generated as schema

    return {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}


def operator_code(model: Model, name: str, version: int = 1) -> int:
    """Return the index of the operator code `name`; add it in that version if the file does not have it."""
    from ai_edge_litert import schema_py_generated as schema

    builtin = getattr(schema.BuiltinOperator, name)
    for index, code in enumerate(model.operatorCodes):
        if max(code.builtinCode, code.deprecatedBuiltinCode) == builtin and not code.customCode:
            return index
    added = schema.OperatorCodeT()
    added.builtinCode = added.deprecatedBuiltinCode = builtin
    added.version = version
    model.operatorCodes.append(added)
    return len(model.operatorCodes) - 1


def add_metadata(model: Model, name: str, content: bytes) -> None:
    """Store `content` in the file under a name."""
    from ai_edge_litert import schema_py_generated as schema

    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(content, np.uint8)
    entry.name, entry.buffer = name.encode(), len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]


def metadata(model: Model) -> dict[str, bytes]:
    """Return what `add_metadata` and other tools stored, by name."""
    buffers = {one.name.decode(): model.buffers[one.buffer].data for one in model.metadata or []}
    return {name: bytes(data) for name, data in buffers.items() if data is not None}


def signature_names(model: Model) -> tuple[str, ...]:
    """Return the names of the functions of a file, in its order."""
    return tuple(one.signatureKey.decode() for one in model.signatureDefs or [])


def rename_signatures(model: Model, names: Mapping[str, Sequence[Sequence[str]]]) -> None:
    """Give every signature the names of its inputs and outputs, and its graph their order.

    The converter names them `input_<i>` and `output_<i>` and sorts them by name, so that "input_10" precedes "input_2".
    """
    for signature in model.signatureDefs:
        inputs, outputs = names[signature.signatureKey.decode()]
        subgraph = model.subgraphs[signature.subgraphIndex]
        for maps, new, tensors in ((signature.inputs, inputs, "inputs"), (signature.outputs, outputs, "outputs")):
            maps.sort(key=_position)
            setattr(subgraph, tensors, _in_order(getattr(subgraph, tensors), [one.tensorIndex for one in maps]))
            for tensor_map in maps:
                tensor_map.name = new[_position(tensor_map)]


def point_signatures(model: Model, reference: Model) -> None:
    """Let the signatures of a quantized file name the tensors at the places of the graph where the reference has them.

    ai-edge-quantizer 0.10.0 does not follow an output that is dequantized for another reader, such as ARG_MAX.
    """
    for signature, original in zip(model.signatureDefs, reference.signatureDefs, strict=True):
        graph, before = model.subgraphs[signature.subgraphIndex], reference.subgraphs[original.subgraphIndex]
        for side in ("inputs", "outputs"):
            places = {int(index): place for place, index in enumerate(getattr(before, side))}
            names = {tensor_map.name: places.get(tensor_map.tensorIndex) for tensor_map in getattr(original, side)}
            for tensor_map in getattr(signature, side):
                place = names.get(tensor_map.name)
                if place is not None:
                    tensor_map.tensorIndex = int(getattr(graph, side)[place])


def _position(tensor_map: Any) -> int:
    return int(tensor_map.name.decode().rsplit("_", 1)[1])


def _in_order(indices: Sequence[int], wanted: Sequence[int]) -> list[int]:
    """Return the tensors of a graph in the wanted order; those that no signature names come last."""
    return [*wanted, *(int(index) for index in indices if index not in wanted)]


def make_names_unique(model: Model) -> None:
    """Make tensor names unique, because ranges and diagnoses refer to tensors by name."""
    for subgraph in model.subgraphs:
        seen: set[bytes] = set()
        for index, tensor in enumerate(subgraph.tensors):
            name = tensor.name if tensor.name not in seen else b"%s#%d" % (tensor.name, index)
            tensor.name = name
            seen.add(name)


def activations(model: Model) -> dict[int, str]:
    """Return the float tensors that depend on the input: index -> name (first subgraph)."""
    from ai_edge_litert import schema_py_generated as schema

    subgraph = model.subgraphs[0]
    indices = {*subgraph.inputs, *(index for operator in subgraph.operators for index in operator.outputs)}
    return {
        index: subgraph.tensors[index].name.decode()
        for index in sorted(indices)
        if subgraph.tensors[index].type == schema.TensorType.FLOAT32
    }


def with_memory(model: Model, watched: Iterable[int]) -> dict[int, int]:
    """Return for every tensor of `watched` one with memory: itself, or its source if it has no reader.

    The runtime allocates no memory for outputs without readers, such as a gate in the first step of an unrolled LSTM;
    inputs always have memory.
    """
    subgraph, kept = model.subgraphs[0], set(watched)
    read = {*subgraph.outputs, *(index for operator in subgraph.operators for index in operator.inputs)}
    makers = {index: operator for operator in subgraph.operators for index in operator.outputs}
    return {
        index: index
        if index in read or index not in makers
        else next(source for source in makers[index].inputs if source in kept)
        for index in kept
    }


def output_steps(model: Model) -> dict[str, float]:
    """Return the step size of every float output that was an integer, whose values are multiples of it."""
    if not model.signatureDefs:
        return {}
    tensors = model.subgraphs[0].tensors
    before = {
        operator.outputs[0]: tensors[operator.inputs[0]]
        for operator in model.subgraphs[0].operators
        if op_name(model, operator) == "DEQUANTIZE" and not is_float(tensors[operator.inputs[0]])
    }
    return {
        tensor_map.name.decode(): float(before[tensor_map.tensorIndex].quantization.scale[0])
        for tensor_map in model.signatureDefs[0].outputs
        if tensor_map.tensorIndex in before
    }
