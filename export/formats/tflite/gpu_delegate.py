"""Which operators of a .tflite LiteRT's GPU delegate takes; it leaves the others, and those between, to the CPU.

The rules are those of the delegate's source (tensorflow/lite/tools/versioning/gpu_compatibility.cc, and the types and
ranks of delegates/gpu/common/model_builder.cc, of TensorFlow 2.19). Nothing is run on a GPU here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from export.formats.tflite import flatbuffer

MOST_AXES = 4  # batch, height, width, channels
SPATIAL_RANKS = (3, 4)
NUMBERS = frozenset({"FLOAT32", "FLOAT16", "INT8", "UINT8"})
CONDITIONS, INDICES = frozenset({"BOOL"}), frozenset({"INT32"})
COMPARISONS = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "LOGICAL_AND")
# Types of activations beside numbers, by operator.
OTHER_TYPES = {
    **dict.fromkeys(COMPARISONS, CONDITIONS),
    **dict.fromkeys(("SELECT", "SELECT_V2"), CONDITIONS),
    **dict.fromkeys(("GATHER", "EMBEDDING_LOOKUP", "DYNAMIC_UPDATE_SLICE"), INDICES),
    "CAST": CONDITIONS | INDICES,
}


@dataclass(frozen=True, kw_only=True)
class _Tensor:
    shape: tuple[int, ...]
    type: str
    is_constant: bool


@dataclass(frozen=True, kw_only=True)
class _Operator:
    name: str
    inputs: tuple[_Tensor, ...]
    outputs: tuple[_Tensor, ...]
    options: Mapping[str, Any]

    @property
    def activations(self) -> tuple[_Tensor, ...]:
        return tuple(tensor for tensor in self.inputs if not tensor.is_constant)


def left_to_cpu(model: flatbuffer.Model) -> Iterator[str]:
    """Yield the name of every operator that the delegate does not take."""
    for graph in model.subgraphs:
        for operator in graph.operators:
            described = _described(model, graph, operator)
            if not _has_fitting_tensors(described) or not RULES.get(described.name, _never)(described):
                yield described.name


def _described(model: flatbuffer.Model, graph: Any, operator: Any) -> _Operator:
    inputs, outputs = (
        tuple(_tensor(model, graph.tensors[int(index)]) for index in indices if int(index) >= 0)
        for indices in (operator.inputs, operator.outputs)
    )
    name = flatbuffer.op_name(model, operator)
    return _Operator(
        name=name,
        inputs=inputs,
        outputs=outputs,
        options=vars(operator.builtinOptions) if operator.builtinOptions is not None else {},
    )


def _tensor(model: flatbuffer.Model, tensor: Any) -> _Tensor:
    shape = () if tensor.shape is None else tuple(int(size) for size in tensor.shape)
    data = model.buffers[tensor.buffer].data
    return _Tensor(shape=shape, type=flatbuffer.type_name(tensor), is_constant=data is not None and len(data) > 0)


def _has_fitting_tensors(operator: _Operator) -> bool:
    """Return whether all activations have types and numbers of axes that textures of a GPU can hold."""
    allowed = NUMBERS | OTHER_TYPES.get(operator.name, frozenset())
    tensors = (*operator.activations, *operator.outputs)
    return all(tensor.type in allowed and len(tensor.shape) <= MOST_AXES for tensor in tensors)


def _always(operator: _Operator) -> bool:
    return True


def _never(operator: _Operator) -> bool:
    return False


def _one_activation(operator: _Operator) -> bool:
    return len(operator.activations) == 1 and len(operator.outputs) == 1


def _unary(operator: _Operator) -> bool:
    return len(operator.inputs) == 1 and _one_activation(operator)


def _binary(operator: _Operator) -> bool:
    return len(operator.inputs) == 2 and len(operator.activations) in (1, 2)


def _sum_or_product(operator: _Operator) -> bool:
    """Return whether shapes of different ranks differ as broadcasting allows."""
    if len(operator.inputs) != 2:
        return False
    first, second = (tensor.shape for tensor in operator.inputs)
    if len(first) == len(second):
        return operator.name == "ADD" or _is_smaller(first, second) or _is_smaller(second, first)
    if min(len(first), len(second)) <= 1:
        return True
    pairs = zip(reversed(first), reversed(second), strict=False)
    return all(one == other or 1 in (one, other) for one, other in pairs)


def _is_smaller(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(size <= most for size, most in zip(shape, other, strict=True))


def _convolution(operator: _Operator) -> bool:
    return len(operator.activations) <= 2


def _depthwise(operator: _Operator) -> bool:
    multiplier = operator.options.get("depthMultiplier", 1)
    return len(operator.activations) <= 2 and (multiplier == 1 or operator.inputs[0].shape[-1] == 1)


def _dense(operator: _Operator) -> bool:
    keeps = operator.options.get("keepNumDims")
    has_one_rank = len(operator.inputs[0].shape) == len(operator.outputs[0].shape)
    in_plain_order = not operator.options.get("weightsFormat")
    return in_plain_order and not operator.inputs[0].is_constant and (has_one_rank or not keeps)


def _over_axes(operator: _Operator) -> bool:
    """Return whether the axes that are reduced are constant."""
    return _one_activation(operator) and operator.inputs[1].is_constant and operator.inputs[1].type == "INT32"


def _padding(operator: _Operator) -> bool:
    reflects = operator.name != "MIRROR_PAD" or not operator.options.get("mode")
    return reflects and _one_activation(operator) and operator.inputs[1].shape in ((3, 2), (4, 2))


def _slice(operator: _Operator) -> bool:
    return len(operator.inputs) >= 3 and len(operator.inputs[0].shape) in SPATIAL_RANKS


def _strided_slice(operator: _Operator) -> bool:
    options = operator.options
    masks = options.get("ellipsisMask") or options.get("newAxisMask") or options.get("shrinkAxisMask")
    return not masks and len(operator.inputs) >= 4 and len(operator.inputs[0].shape) in SPATIAL_RANKS


def _softmax(operator: _Operator) -> bool:
    return bool(operator.options.get("beta", 1) == 1)


def _resize(operator: _Operator) -> bool:
    options = operator.options
    return _one_activation(operator) and not (options.get("alignCorners") and options.get("halfPixelCenters"))


def _gather(operator: _Operator) -> bool:
    source, indices = operator.inputs[:2]
    return source.type != "INT32" and indices.type == "INT32" and len(indices.shape) == 1


def _lookup(operator: _Operator) -> bool:
    indices, table = operator.inputs[:2]
    return len(indices.shape) == 1 and len(table.shape) >= 2 and table.type in ("FLOAT32", "INT8", "INT4")


def _update(operator: _Operator) -> bool:
    target, update, start = operator.inputs
    in_one_sample = len(target.shape) != MOST_AXES or target.shape[0] == 1
    alike = target.type == update.type and len(target.shape) == len(update.shape)
    return in_one_sample and alike and len(start.shape) == 1 and start.type == "INT32"


def _dequantize(operator: _Operator) -> bool:
    """Return whether stored or computed numbers of 8 bits or float16 become float32."""
    return len(operator.inputs) == len(operator.outputs) == 1 and operator.inputs[0].type in NUMBERS | {"INT4"}


def _choice(operator: _Operator) -> bool:
    """Return whether what is chosen from are numbers of the output's shape, or single ones."""
    shape = operator.outputs[0].shape
    return all(tensor.type in NUMBERS and tensor.shape in (shape, (), (1,)) for tensor in operator.inputs[1:])


def _cast(operator: _Operator) -> bool:
    types = {operator.inputs[0].type, operator.outputs[0].type}
    return len(operator.activations) == 1 and types <= {"FLOAT32", "FLOAT16", "INT32", "BOOL"}


RULES: dict[str, Callable[[_Operator], bool]] = {
    **dict.fromkeys(("CONCATENATION", "PACK", "SPLIT", "SPLIT_V"), _always),
    **dict.fromkeys(("PRELU", "RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU"), _always),
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D", "RESHAPE", "TRANSPOSE", "TILE"), _one_activation),
    **dict.fromkeys(("QUANTIZE", "HARD_SWISH"), _one_activation),
    **dict.fromkeys(("DEPTH_TO_SPACE", "SPACE_TO_DEPTH"), _one_activation),
    **dict.fromkeys(("ABS", "CEIL", "COS", "ELU", "EXP", "FLOOR", "GELU", "LOG", "LOGISTIC", "NEG"), _unary),
    **dict.fromkeys(("RSQRT", "SIGN", "SIN", "SQRT", "SQUARE", "TANH"), _unary),
    **dict.fromkeys(COMPARISONS, _binary),
    **dict.fromkeys(("ATAN2", "DIV", "FLOOR_DIV", "FLOOR_MOD", "MAXIMUM", "MINIMUM", "POW"), _binary),
    **dict.fromkeys(("SQUARED_DIFFERENCE", "SUB", "ADD_N", "BATCH_MATMUL"), _binary),
    **dict.fromkeys(("ADD", "MUL"), _sum_or_product),
    **dict.fromkeys(("CONV_2D", "TRANSPOSE_CONV"), _convolution),
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "CUMSUM"), _over_axes),
    **dict.fromkeys(("PAD", "PADV2", "MIRROR_PAD"), _padding),
    **dict.fromkeys(("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), _resize),
    **dict.fromkeys(("SELECT", "SELECT_V2"), _choice),
    "CAST": _cast,
    "DEPTHWISE_CONV_2D": _depthwise,
    "DEQUANTIZE": _dequantize,
    "DYNAMIC_UPDATE_SLICE": _update,
    "FULLY_CONNECTED": _dense,
    "GATHER": _gather,
    "EMBEDDING_LOOKUP": _lookup,
    "SLICE": _slice,
    "STRIDED_SLICE": _strided_slice,
    "SOFTMAX": _softmax,
}
