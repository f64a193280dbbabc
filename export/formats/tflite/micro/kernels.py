"""The operators of TensorFlow Lite Micro, and the memory that their reference kernels take beside the tensors.

Operators: tensorflow/lite/micro/micro_mutable_op_resolver.h. Scratch buffers: the requests of the kernels in
tensorflow/lite/micro/kernels. What kernels keep was measured with tflite-micro 0.dev20261023182759 on 27 files, as
structures of 64 bits, which take more than those of a microcontroller.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

from export.formats.tflite import flatbuffer
from export.formats.tflite.micro.planner import aligned

_REGULAR = (
    "ABS", "ADD", "ADD_N", "ARG_MAX", "ARG_MIN", "ASSIGN_VARIABLE", "AVERAGE_POOL_2D", "BATCH_TO_SPACE_ND",
    "BROADCAST_ARGS", "BROADCAST_TO", "CALL_ONCE", "CAST", "CEIL", "CONCATENATION", "CONV_2D", "COS",
    "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE", "DEQUANTIZE", "DIV", "DYNAMIC_UPDATE_SLICE", "ELU", "EMBEDDING_LOOKUP",
    "EQUAL", "EXP", "EXPAND_DIMS", "FILL", "FLOOR", "FLOOR_DIV", "FLOOR_MOD", "FULLY_CONNECTED", "GATHER",
    "GATHER_ND", "GREATER", "GREATER_EQUAL", "HARD_SWISH", "IF", "L2_NORMALIZATION", "L2_POOL_2D", "LEAKY_RELU",
    "LESS", "LESS_EQUAL", "LOG", "LOGICAL_AND", "LOGICAL_NOT", "LOGICAL_OR", "LOGISTIC", "LOG_SOFTMAX", "MAXIMUM",
    "MAX_POOL_2D", "MEAN", "MINIMUM", "MIRROR_PAD", "MUL", "NEG", "NOT_EQUAL", "PACK", "PAD", "PRELU", "QUANTIZE",
    "READ_VARIABLE", "REDUCE_ALL", "REDUCE_MAX", "REDUCE_MIN", "RELU", "RELU6", "RESHAPE", "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR", "ROUND", "RSQRT", "SHAPE", "SIN", "SLICE", "SOFTMAX", "SPACE_TO_BATCH_ND",
    "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQRT", "SQUARE", "SQUARED_DIFFERENCE", "SQUEEZE", "STRIDED_SLICE",
    "SUB", "SUM", "SVDF", "TANH", "TRANSPOSE", "TRANSPOSE_CONV", "UNPACK", "VAR_HANDLE", "WHILE", "ZEROS_LIKE",
)  # fmt: skip
# Operator -> the method of MicroMutableOpResolver that adds its kernel.
METHODS: Mapping[str, str] = {
    **{name: "Add" + name.title().replace("_", "").replace("2d", "2D") for name in _REGULAR},
    "BATCH_MATMUL": "AddBatchMatMul",
    "CUMSUM": "AddCumSum",
    "PADV2": "AddPadV2",
    "REVERSE_V2": "AddReverseV2",
    "SELECT_V2": "AddSelectV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
}

# What an operator keeps between two runs: its parameters, and what it prepares.
KEPT_BYTES = {
    "AVERAGE_POOL_2D": 72,
    "CONCATENATION": 80,
    "CONV_2D": 112,
    "DEPTHWISE_CONV_2D": 112,
    "DEQUANTIZE": 40,
    "EXP": 0,
    "FULLY_CONNECTED": 112,
    "HARD_SWISH": 40,
    "LOGISTIC": 16,
    "MAX_POOL_2D": 64,
    "MEAN": 48,
    "PAD": 80,
    "QUANTIZE": 40,
    "RELU": 48,
    "RESHAPE": 24,
    "SOFTMAX": 120,
    "SPLIT": 8,
    "STRIDED_SLICE": 128,
    "SUB": 80,
    "TANH": 24,
    "TRANSPOSE_CONV": 120,
    "UNPACK": 8,
}
KEPT_BY_OTHERS = 128
MOST_JOINED = 10  # kMaxInputNum of concatenation.cc
MOST_DIMENSIONS = {"SLICE": 5, "STRIDED_SLICE": 4, "TRANSPOSE": 5}
_OF_FLOATS = ("COS", "LOG", "SIN", "SQRT", "SQUARE")  # elementwise.cc takes other types for ABS and RSQRT alone
_AT_POSITIONS = ("GATHER", "GATHER_ND")
_BY_CHANNEL = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED")
_WEIGHTS = 1  # place of the weights among the inputs of these
_WORD_BYTES, _LONG_BYTES = 4, 8
_SHORT_INTEGERS = ("INT8", "UINT8", "INT16")


def lacking(model: flatbuffer.Model, graph: Any) -> Iterator[str]:
    """Yield the operators that the runtime does not have, or not for the types and shapes of their tensors."""
    for operator in graph.operators:
        name = flatbuffer.op_name(model, operator)
        inputs = [graph.tensors[int(index)] for index in operator.inputs if int(index) >= 0]
        if name not in METHODS:
            yield name
        elif limit := _limit(name, inputs):
            yield f"{name} {limit}"


def _limit(name: str, inputs: Sequence[Any]) -> str:
    """Return what of an operator's inputs its kernel does not take; empty if it takes them."""
    types = [flatbuffer.type_name(tensor) for tensor in inputs]
    dimensions = len(inputs[0].shape) if inputs and inputs[0].shape is not None else 0
    if name in _BY_CHANNEL and types[_data_input(name)] == "FLOAT32" and types[_WEIGHTS] != "FLOAT32":
        return "of float32 with integer weights"
    if name in _OF_FLOATS and types[0] != "FLOAT32":
        return f"of {types[0].lower()}"
    if name == "CONCATENATION" and len(inputs) > MOST_JOINED:
        return f"of more than {MOST_JOINED} tensors"
    if dimensions > MOST_DIMENSIONS.get(name, dimensions):
        return f"of more than {MOST_DIMENSIONS[name]} dimensions"
    if name in _AT_POSITIONS and types[1] != "INT32":
        return f"at positions of {types[1].lower()}"
    if name == "DEQUANTIZE" and types[0] == "FLOAT16":
        return "of float16"
    if name == "DEQUANTIZE" and _scales(inputs[0]) > 1:  # the kernel takes the first for all
        return "of weights with a scale for each channel"
    return ""


def kept_bytes(name: str, graph: Any, operator: Any) -> int:
    """Return what the kernel of an operator keeps: a structure, and for weights a multiplier and shift by channel."""
    kept = KEPT_BYTES.get(name, KEPT_BY_OTHERS)
    if name in _BY_CHANNEL and (_scale_count(graph, operator.inputs[_WEIGHTS]) > 1 or name != "FULLY_CONNECTED"):
        kept += 2 * aligned(_WORD_BYTES * _shape(graph, operator.outputs[0])[-1])
    if name == "BATCH_MATMUL":
        options = operator.builtinOptions
        turned = [(0, options is not None and options.adjX), (1, options is None or not options.adjY)]
        kept += sum(aligned(_count(graph, operator.inputs[place])) for place, is_turned in turned if is_turned)
    return kept


def scratch_bytes(name: str, graph: Any, operator: Any) -> Iterator[int]:
    """Yield the sizes of the buffers that a kernel needs while it runs."""
    kind = flatbuffer.type_name(graph.tensors[int(operator.inputs[_data_input(name)])])
    if name in ("MEAN", "SUM") and kind in _SHORT_INTEGERS:
        yield _WORD_BYTES * _count(graph, operator.outputs[0])
    elif name in ("REDUCE_ALL", "REDUCE_MAX", "REDUCE_MIN"):
        yield _WORD_BYTES * len(_shape(graph, operator.inputs[0]))
        yield _WORD_BYTES * _count(graph, operator.inputs[1])
    elif name == "TRANSPOSE_CONV" and kind in _SHORT_INTEGERS:
        yield (_LONG_BYTES if kind == "INT16" else _WORD_BYTES) * _count(graph, operator.outputs[0])
    elif name == "ADD_N":
        yield _LONG_BYTES * len(operator.inputs)
    elif name in _BY_CHANNEL and _has_half_bytes(graph, operator):
        yield _count(graph, operator.inputs[_WEIGHTS])


def _data_input(name: str) -> int:
    return 2 if name == "TRANSPOSE_CONV" else 0


def _has_half_bytes(graph: Any, operator: Any) -> bool:
    return flatbuffer.type_name(graph.tensors[int(operator.inputs[_WEIGHTS])]) == "INT4"


def _scale_count(graph: Any, index: Any) -> int:
    return _scales(graph.tensors[int(index)])


def _scales(tensor: Any) -> int:
    grid = tensor.quantization
    return 0 if grid is None or grid.scale is None else len(grid.scale)


def _shape(graph: Any, index: Any) -> tuple[int, ...]:
    shape = graph.tensors[int(index)].shape
    return () if shape is None else tuple(int(size) for size in shape)


def _count(graph: Any, index: Any) -> int:
    return prod(_shape(graph, index))
