"""Quantize a float32 .tflite to a scheme with ai-edge-quantizer and the planned ranges.

The calibrator of ai-edge-quantizer is not used, because its moving average of ranges clips values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from calibration.ranges import Range
from export.errors import ConversionError
from export.formats.format import QuantizationPlan
from export.formats.tflite import (
    add_grids,
    biases,
    caps,
    concat_grids,
    edges,
    flatbuffer,
    four_bits,
    half_tables,
    islands,
    lookups,
    loops,
    mixed,
    patches,
    saturation,
    versions,
)
from export.formats.tflite.mixed import QuantizerRecipe
from export.recipe import Io
from export.scheme import FLOAT16, INT4, INT8, INT8_DYNAMIC, W8A16, W8A32, Scheme

# By how much a range of 16-bit activations is wider than the values that calibration saw: other inputs exceed them now
# and then, each time with a large error, and a third of a bit of 16 costs little beside weights of 8 bits. More would
# cost spectrograms, whose small values a logarithm magnifies: 15.3 dB at 1, 13.3 at 1.1, 7.4 at 1.5.
WIDER = 1.25
NONE: Range = (0.0, 0.0)
UNLIMITED: Range = (-np.inf, np.inf)


def quantize(float_file: bytes, plan: QuantizationPlan) -> bytes:
    """Return the file in the precision of `plan`, with inputs and outputs of the planned type.

    Raises:
        ConversionError: the quantizer rejects the graph.
    """
    from ai_edge_quantizer import quantizer

    reference, content = flatbuffer.read(float_file), memoryview(float_file)
    if any(len(operator.outputs) == 0 for operator in reference.subgraphs[0].operators):
        raise ConversionError(
            "the float file assigns variables in every call, such as the state of random numbers, which integer files "
            "cannot; save the model without random operations, or type --precision float32,float16"
        )
    if plan.scheme.is_dynamic and lookups.use(reference):
        content = memoryview(flatbuffer.packed(reference)).toreadonly()
        reference = flatbuffer.read(content)
    if plan.raised:
        plan = replace(plan, raised=mixed.settled(reference, plan.raised, plan.io))
    if plan.scheme == W8A16:
        plan = replace(plan, raised={**mixed.variances(reference), **plan.raised})
    ranges = planned(reference, plan) if plan.scheme.needs_calibration else {}
    statistics = _statistics(ranges) or None
    if statistics is not None:
        widths = mixed.operator_widths(reference, plan.raised)
        if biases.revive(reference, statistics, plan.scheme, widths):
            content = memoryview(flatbuffer.write(reference))
    has_loops = plan.scheme.needs_calibration and loops.in_operators(reference, reference.subgraphs[0].operators)
    if statistics is not None and has_loops:
        without_bodies, inside = loops.with_empty_bodies(reference)
        content = memoryview(without_bodies)
        statistics |= _statistics(dict.fromkeys(inside, (-1.0, 1.0)))
    worker = quantizer.Quantizer(content, _recipe(reference, plan))
    try:
        with patches.large_kernels_in_slices(), patches.constants_on_grids_of_another_rank():
            result = worker.quantize(statistics, enable_progress_bar=False, enable_progress_report=False)
    except (ValueError, RuntimeError, KeyError, TypeError, IndexError) as error:
        raise ConversionError(f"ai-edge-quantizer rejects the model for {plan.scheme}: {error}") from error
    model = flatbuffer.read(result.quantized_model)
    del worker, result
    if has_loops:
        weights_only = replace(plan, scheme=W8A32, ranges=None, raised={})
        loops.put_back(model, flatbuffer.read(quantize(flatbuffer.write(reference), weights_only)))
    flatbuffer.point_signatures(model, reference)
    if plan.scheme.has_integer_weights:
        saturation.make_safe(model, reference)
    if plan.scheme == INT4:
        four_bits.store(model, reference)
    if plan.scheme == FLOAT16:
        half_tables.halve(model)
    if plan.scheme.needs_calibration:
        biases.restore(model, reference)
        islands.close(model, ranges)
        edges.type_unread_results(model)
        if plan.io is Io.FLOAT32:
            edges.keep_indices(model)
        edges.retype(model, plan.io)
        allow_any_int16_scale(model)
    versions.declare(model)
    return flatbuffer.write(model, shares_grids=True)


def _recipe(reference: flatbuffer.Model, plan: QuantizationPlan) -> QuantizerRecipe:
    from ai_edge_quantizer import recipe

    if plan.raised and plan.scheme == W8A32:
        return mixed.weights_only_recipe(reference, plan.raised)
    has_bad_tables = any(mixed.is_bad_in_int16(reference, one) for one in reference.subgraphs[0].operators)
    if plan.raised or (plan.scheme == W8A16 and has_bad_tables):
        return mixed.recipe(reference, plan.raised, plan.io, plan.scheme.activation_bits)
    makers: dict[Scheme, Callable[[], QuantizerRecipe]] = {
        FLOAT16: _float16_recipe,
        INT8: recipe.static_wi8_ai8,
        W8A16: recipe.static_wi8_ai16,
        W8A32: recipe.weight_only_wi8_afp32,
        INT8_DYNAMIC: _dynamic_recipe,
        INT4: _dynamic_recipe,  # in 8 bits first
    }
    return makers[plan.scheme]()


def _float16_recipe() -> QuantizerRecipe:
    from ai_edge_quantizer import algorithm_manager, qtyping, recipe_manager

    manager = recipe_manager.RecipeManager()
    manager.add_quantization_config(
        regex=".*",
        operation_name=qtyping.TFLOperationName.ALL_SUPPORTED,
        op_config=qtyping.OpQuantizationConfig(
            weight_tensor_config=qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT),
            compute_precision=qtyping.ComputePrecision.FLOAT,
            explicit_dequantize=True,
        ),
        algorithm_key=algorithm_manager.AlgorithmName.FLOAT_CASTING,
    )
    found: QuantizerRecipe = manager.get_quantization_recipe()
    return found


def _dynamic_recipe() -> QuantizerRecipe:
    """Return the rules for layers that round their inputs as they run: those whose kernels do so row by row."""
    from ai_edge_quantizer import qtyping, recipe_manager

    manager, names = recipe_manager.RecipeManager(), qtyping.TFLOperationName
    manager.add_weight_only_config(".*", names.ALL_SUPPORTED, num_bits=8)
    for name in (names.FULLY_CONNECTED, names.EMBEDDING_LOOKUP):
        manager.add_dynamic_config(".*", name, num_bits=8)
    found: QuantizerRecipe = manager.get_quantization_recipe()
    return found


def allow_any_int16_scale(model: flatbuffer.Model) -> None:
    """Let sums and differences of 16 bits have scales of any size, in place.

    By default LiteRT takes scales that are powers of two by chance for those of an old format, with other limits.
    """
    for operator in model.subgraphs[0].operators:
        if flatbuffer.op_name(model, operator) in {"ADD", "SUB"} and operator.builtinOptions is not None:
            operator.builtinOptions.potScaleInt16 = False


def _statistics(ranges: Mapping[str, Range]) -> dict[str, dict[str, Any]]:
    """Return min and max of every float activation in the form that ai-edge-quantizer requires."""
    return {
        name: {"min": np.array([low], np.float32), "max": np.array([high], np.float32)}
        for name, (low, high) in ranges.items()
    }


def _with_headroom(
    model: flatbuffer.Model, ranges: Mapping[int, Range], headroom: Mapping[int, Range]
) -> dict[int, Range]:
    """Return the ranges with headroom, but for fixed grids, and not beyond the cap of an activation."""
    kept, limits = concat_grids.on_fixed_grids(model), dict(caps.limits(model))
    found = dict(ranges)
    for index in found.keys() - kept:
        (low, high), (below, above), (least, most) = ranges[index], headroom[index], limits.get(index, UNLIMITED)
        found[index] = (min(low, max(low + below, least)), max(high, min(high + above, most)))
    return found


def planned(model: flatbuffer.Model, plan: QuantizationPlan) -> dict[str, Range]:
    """Return the planned range of every activation of a float file, by name."""
    if plan.ranges is None:
        raise ValueError(f"{plan.scheme} needs ranges")
    fixed = {
        tensor_map.tensorIndex: plan.input_ranges[tensor_map.name.decode()]
        for tensor_map in model.signatureDefs[0].inputs
        if tensor_map.name.decode() in plan.input_ranges
    }
    names = flatbuffer.activations(model)
    ranges = {index: plan.ranges.by_tensor[name] for index, name in names.items()}
    if plan.scheme == W8A16:
        kept = concat_grids.on_fixed_grids(model)
        ranges = {index: one if index in kept else (WIDER * one[0], WIDER * one[1]) for index, one in ranges.items()}
    if plan.scheme == INT8:
        ranges = _with_headroom(
            model, ranges, {index: plan.ranges.headroom.get(name, NONE) for index, name in names.items()}
        )
    ranges = {index: fixed.get(index, one) for index, one in ranges.items()}
    ranges = concat_grids.shared(model, biases.widened(model, ranges))
    if plan.scheme == INT8:
        ranges = add_grids.settled(model, ranges)
    return {names[index]: found for index, found in ranges.items()}
