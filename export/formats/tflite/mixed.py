"""Rules for ai-edge-quantizer that keep some tensors of an int8 or w8a16 file in higher precision.

An operator runs in the widest precision of its inputs and outputs, because LiteRT's kernels need equal types on all
sides; ai-edge-quantizer then inserts QUANTIZE or DEQUANTIZE at the borders. Its rules select operators by kind and by
output names, so each operator with a wide input or output gets its own rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from export.formats.tflite import flatbuffer, loops
from export.recipe import Io, Width

QuantizerRecipe = list[dict[str, Any]]


# Operators that only move data, so that their outputs are as wide as their inputs.
_PASSING_ON = frozenset({"EXPAND_DIMS", "PAD", "RESHAPE", "SLICE", "SQUEEZE", "STRIDED_SLICE", "TRANSPOSE"})

# LiteRT reads a reciprocal root of 16 bits from 513 points of its input's whole grid, and interpolates between them.
# Near zero, where variances lie, that is wrong by a large part of the output.
_BAD_TABLES = frozenset({"RSQRT"})

# LiteRT's exponential of 16 bits does not fall below 2 of 32768 steps, so each number beside the largest adds 0.006 %
# to the sum of a softmax: 0.1 % of 16 numbers, 0.4 % of the 64 keys of a small attention, 6 % of 1000 classes. The two
# formats of a small vision transformer agree to 57 dB with the table, and to 76 dB in float.
LONGEST_SOFTMAX = 16

# Operators between an activation and the variance whose root normalizes it.
_SQUARES = frozenset({"SQUARE", "SQUARED_DIFFERENCE"})
_OF_VARIANCES = frozenset({"ADD", "MEAN", "MUL", "RESHAPE", "SUM"}) | _SQUARES


def settled(model: flatbuffer.Model, raised: Mapping[str, Width], io: Io) -> dict[str, Width]:
    """Return `raised` extended by tensors that operators of the float `model` only move from a raised tensor.

    8-bit inputs stay unchanged, because storing them wider gains nothing.
    """
    subgraph, found = model.subgraphs[0], dict(raised)
    if io is not Io.FLOAT32:
        for name in _names(subgraph, subgraph.inputs):
            found.pop(name, None)
    for operator in subgraph.operators:
        if flatbuffer.op_name(model, operator) in _PASSING_ON:
            source, result = _names(subgraph, [operator.inputs[0], operator.outputs[0]])
            if source in found:
                found.setdefault(result, found[source])
    return found if io is not Io.FLOAT32 else {**found, **_moved_inputs(model, found)}


def variances(model: flatbuffer.Model) -> dict[str, Width]:
    """Return the tensors of the float `model` that a file with 16-bit activations keeps in float for reciprocal roots.

    These are the squares of an activation, their mean and the variance: beside LiteRT's table, the grid is too coarse
    for small variances. SQNR of small networks with one normalization, in integers and in float: RMSNormalization 9.3
    and 43.6 dB, LayerNormalization 36.6 and 40.6, GroupNormalization 39.4 and 40.9, UnitNormalization 54.1 and 57.1;
    with the root alone in float, the two formats of RMSNormalization differ by 47 dB, and by 79 dB in this way.
    """
    subgraph = model.subgraphs[0]
    makers = {int(index): operator for operator in subgraph.operators for index in operator.outputs}
    found: dict[str, Width] = {}
    todo = [int(one.inputs[0]) for one in subgraph.operators if flatbuffer.op_name(model, one) in _BAD_TABLES]
    while todo:
        index = todo.pop()
        (name,) = _names(subgraph, [index])
        if name not in found and index in makers:
            found[name] = Width.W8A32
            todo += _terms(model, makers, index)
    return found


def _terms(model: flatbuffer.Model, makers: Mapping[int, Any], index: int) -> list[int]:
    """Return the tensors that a variance is computed from; none of an activation that is squared."""
    name, read = flatbuffer.op_name(model, makers[index]), [int(one) for one in makers[index].inputs]
    computed = [one for one in read if one in makers]
    if name not in _OF_VARIANCES - _SQUARES or len(computed) != 1:
        return []
    maker = flatbuffer.op_name(model, makers[computed[0]])
    return computed if maker in _OF_VARIANCES else []


def _moved_inputs(model: flatbuffer.Model, raised: Mapping[str, Width]) -> dict[str, Width]:
    """Return the tensors that hold a float input, only moved, and whose readers are all in higher precision."""
    subgraph = model.subgraphs[0]
    inputs, movers = set(subgraph.inputs), []
    for operator in subgraph.operators:
        if flatbuffer.op_name(model, operator) in _PASSING_ON and operator.inputs[0] in inputs:
            inputs.add(operator.outputs[0])
            movers.append(operator.outputs[0])
    found: dict[str, Width] = {}
    for result in reversed(movers):
        widths = operator_widths(model, {**raised, **found})
        readers = [place for place, operator in enumerate(subgraph.operators) if result in operator.inputs]
        if readers and result not in subgraph.outputs and all(place in widths for place in readers):
            found[subgraph.tensors[result].name.decode()] = max(
                (widths[place] for place in readers), key=list(Width).index
            )
    return found


def operator_widths(model: flatbuffer.Model, raised: Mapping[str, Width]) -> dict[int, Width]:
    """Return the widths of operators of the float `model` that read or write a raised tensor, by position.

    INT16 if LiteRT has such a kernel, else W8A32. FLOAT32 only for operators whose output is raised to FLOAT32; those
    that only read such a tensor compute in float too, but keep int8 weights.
    """
    subgraph, found = model.subgraphs[0], {}
    for position, operator in enumerate(subgraph.operators):
        made, touched = (
            [raised.get(subgraph.tensors[index].name.decode()) for index in indices if index >= 0]
            for indices in (operator.outputs, [*operator.inputs, *operator.outputs])
        )
        if Width.FLOAT32 in made:
            found[position] = Width.FLOAT32
        elif Width.FLOAT32 in touched or Width.W8A32 in touched:
            found[position] = Width.W8A32
        elif Width.INT16 in touched:
            found[position] = Width.INT16 if has_int16(model, operator) else Width.W8A32
    return found


def has_int16(model: flatbuffer.Model, operator: Any) -> bool:
    """Return whether an operator supports int16 activations: LiteRT runs all that ai-edge-quantizer can write.

    Those with bad tables count as not supported.
    """
    name = _quantizer_name(model, operator)
    return name is not None and not is_bad_in_int16(model, operator) and _is_supported(name, _int16())


def is_bad_in_int16(model: flatbuffer.Model, operator: Any) -> bool:
    """Return whether LiteRT's tables of 16 bits give an operator a large error; it then computes in float."""
    name, shape = flatbuffer.op_name(model, operator), model.subgraphs[0].tensors[operator.outputs[0]].shape
    return name in _BAD_TABLES or (name == "SOFTMAX" and len(shape) > 0 and shape[-1] > LONGEST_SOFTMAX)


def recipe(model: flatbuffer.Model, raised: Mapping[str, Width], io: Io, activation_bits: int) -> QuantizerRecipe:
    """Return ai-edge-quantizer's rules for the float `model`: integers, except for operators with a raised tensor.

    Inputs and outputs share one rule each. Float inputs are converted to the width of each reader; if one output is
    raised, all outputs are float32.
    """
    from ai_edge_quantizer import algorithm_manager, qtyping, recipe_manager

    manager, names = recipe_manager.RecipeManager(), qtyping.TFLOperationName
    untouched = algorithm_manager.AlgorithmName.NO_QUANTIZE
    manager.add_static_config(".*", names.ALL_SUPPORTED, activation_num_bits=activation_bits, weight_num_bits=8)
    subgraph = model.subgraphs[0]
    widths = operator_widths(model, raised)
    in_float = {
        position: Width.W8A32
        for position, operator in enumerate(subgraph.operators)
        if activation_bits == 16 and is_bad_in_int16(model, operator)
    }
    for position, width in (in_float | widths).items():
        operator = subgraph.operators[position]
        name = _quantizer_name(model, operator)
        if name is None:
            continue  # Unknown to the quantizer, which leaves the operator in float.
        scope = _scope(subgraph, operator)
        if width is Width.INT16:
            manager.add_static_config(scope, name, activation_num_bits=16, weight_num_bits=8)
        elif width is Width.W8A32 and _is_supported(name, _weights_only()):
            manager.add_weight_only_config(scope, name, num_bits=8)
        else:
            manager.add_quantization_config(scope, name, algorithm_key=untouched)
    read = {index for position in widths for index in subgraph.operators[position].inputs}
    if io is Io.FLOAT32 and not read.isdisjoint(subgraph.inputs):
        manager.add_quantization_config(".*", names.INPUT, algorithm_key=untouched)
    if any(name in raised for name in _names(subgraph, subgraph.outputs)):
        manager.add_quantization_config(".*", names.OUTPUT, algorithm_key=untouched)
    for end in (names.INPUT, names.OUTPUT) if len(model.subgraphs) > 1 else ():  # An empty body cannot change types.
        manager.add_quantization_config(loops.BODY_TENSORS, end, algorithm_key=untouched)
    found: QuantizerRecipe = manager.get_quantization_recipe()
    return found


def weights_only_recipe(model: flatbuffer.Model, raised: Mapping[str, Width]) -> QuantizerRecipe:
    """Return rules for 8-bit weights and float arithmetic; an operator whose result is FLOAT32 keeps its weights."""
    from ai_edge_quantizer import algorithm_manager, qtyping, recipe_manager

    manager = recipe_manager.RecipeManager()
    manager.add_weight_only_config(".*", qtyping.TFLOperationName.ALL_SUPPORTED, num_bits=8)
    subgraph = model.subgraphs[0]
    for position, width in operator_widths(model, raised).items():
        operator = subgraph.operators[position]
        name = _quantizer_name(model, operator)
        if width is Width.FLOAT32 and name is not None:
            key = algorithm_manager.AlgorithmName.NO_QUANTIZE
            manager.add_quantization_config(_scope(subgraph, operator), name, algorithm_key=key)
    found: QuantizerRecipe = manager.get_quantization_recipe()
    return found


def _scope(subgraph: Any, operator: Any) -> str:
    """Return the regular expression by which the quantizer selects an operator: the names of all its results."""
    return f"^{re.escape(''.join(f'{made};' for made in _names(subgraph, operator.outputs)))}$"


def _names(subgraph: Any, indices: Any) -> list[str]:
    return [subgraph.tensors[index].name.decode() for index in indices if index >= 0]


def _quantizer_name(model: flatbuffer.Model, operator: Any) -> Any:
    """Return ai-edge-quantizer's name of an operator; None if it does not know the operator."""
    from ai_edge_quantizer.utils import tfl_flatbuffer_utils

    code = model.operatorCodes[operator.opcodeIndex]
    return tfl_flatbuffer_utils.TFL_OP_CODE_TO_NAME.get(code.builtinCode)


def _is_supported(name: Any, config: Any) -> bool:
    from ai_edge_quantizer import algorithm_manager

    key = algorithm_manager.AlgorithmName.MIN_MAX_UNIFORM_QUANT
    try:
        algorithm_manager.check_op_quantization_config(key, name, config)
    except ValueError:
        return False
    return True


def _int16() -> Any:
    from ai_edge_quantizer import qtyping

    return qtyping.OpQuantizationConfig(
        activation_tensor_config=qtyping.TensorQuantizationConfig(num_bits=16, symmetric=True),
        weight_tensor_config=_weights(),
        compute_precision=qtyping.ComputePrecision.INTEGER,
        explicit_dequantize=False,
    )


def _weights_only() -> Any:
    from ai_edge_quantizer import qtyping

    return qtyping.OpQuantizationConfig(
        weight_tensor_config=_weights(),
        compute_precision=qtyping.ComputePrecision.FLOAT,
        explicit_dequantize=True,
    )


def _weights() -> Any:
    from ai_edge_quantizer import qtyping

    return qtyping.TensorQuantizationConfig(num_bits=8, granularity=qtyping.QuantGranularity.CHANNELWISE)
