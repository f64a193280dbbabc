"""float32 .tflite -> float16, int8, w8a16, w8a32: ai-edge-quantizer does the flatbuffer work, our ranges decide.

Its own calibrator keeps a moving average of the ranges, which clips; it is never used.
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
    concat_grids,
    edges,
    flatbuffer,
    islands,
    mixed,
    patches,
    saturation,
)
from export.formats.tflite.mixed import QuantizerRecipe
from export.scheme import FLOAT16, INT8, W8A16, W8A32, Scheme


def quantize(float_file: bytes, plan: QuantizationPlan) -> bytes:
    """Return the file in the precision of `plan`, its inputs and outputs typed as the plan says.

    Raises:
        ConversionError: the quantizer refuses the graph, or leaves it as it was.
    """
    from ai_edge_quantizer import quantizer

    reference = flatbuffer.read(float_file)
    if plan.raised:
        plan = replace(plan, raised=mixed.settled(reference, plan.raised, plan.io))
    ranges = planned(reference, plan) if plan.scheme.needs_calibration else {}
    statistics = _statistics(ranges) or None
    if statistics is not None:
        widths = mixed.operator_widths(reference, plan.raised)
        if biases.revive(reference, statistics, plan.scheme, widths):
            float_file = flatbuffer.write(reference)
    worker = quantizer.Quantizer(bytearray(float_file), _recipe(reference, plan))
    try:
        with patches.large_kernels_in_slices():
            result = worker.quantize(statistics, enable_progress_bar=False, enable_progress_report=False)
    except (ValueError, RuntimeError, KeyError, TypeError) as error:
        raise ConversionError(f"ai-edge-quantizer refuses {plan.scheme}: {error}") from error
    model = flatbuffer.read(bytes(result.quantized_model))
    if plan.scheme.has_integer_weights:
        saturation.make_safe(model, reference)
    if plan.scheme.needs_calibration:
        biases.restore(model, reference)
        islands.close(model, ranges)
        edges.retype(model, plan.io)
    return flatbuffer.write(model)


def _recipe(reference: flatbuffer.Model, plan: QuantizationPlan) -> QuantizerRecipe:
    from ai_edge_quantizer import recipe

    if plan.raised:
        return mixed.recipe(reference, plan.raised, plan.io)
    makers: dict[Scheme, Callable[[], QuantizerRecipe]] = {
        FLOAT16: _float16_recipe,
        INT8: recipe.static_wi8_ai8,
        W8A16: recipe.static_wi8_ai16,
        W8A32: recipe.weight_only_wi8_afp32,
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


def _statistics(ranges: Mapping[str, Range]) -> dict[str, dict[str, Any]]:
    """Return min and max of every float activation as ai-edge-quantizer wants them."""
    return {
        name: {"min": np.array([low], np.float32), "max": np.array([high], np.float32)}
        for name, (low, high) in ranges.items()
    }


def planned(model: flatbuffer.Model, plan: QuantizationPlan) -> dict[str, Range]:
    """Return the range that every activation of a float file is to have, by its name."""
    if plan.ranges is None:
        raise ValueError(f"{plan.scheme} needs ranges")
    fixed = {
        tensor_map.tensorIndex: plan.input_ranges[tensor_map.name.decode()]
        for tensor_map in model.signatureDefs[0].inputs
        if tensor_map.name.decode() in plan.input_ranges
    }
    names = flatbuffer.activations(model)
    ranges = {index: fixed.get(index) or plan.ranges.by_tensor[name] for index, name in names.items()}
    ranges = concat_grids.shared(model, ranges)
    if plan.scheme == INT8:
        ranges = add_grids.settled(model, ranges)
    return {names[index]: found for index, found in ranges.items()}
