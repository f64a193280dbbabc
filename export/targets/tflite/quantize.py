"""float32 .tflite -> float16, int8, w8a16, w8a32: ai-edge-quantizer does the flatbuffer work, our ranges decide.

Its own calibrator keeps a moving average of the ranges, which clips; it is never used.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from export.errors import ConversionError
from export.recipe import Precision
from export.targets import QuantizationPlan
from export.targets.tflite import dead_channels, edges, flatbuffer


def quantize(float_file: bytes, plan: QuantizationPlan) -> bytes:
    """Return the file in the precision of `plan`, its inputs and outputs typed as the plan says.

    Raises:
        ConversionError: the quantizer refuses the graph, or leaves it as it was.
    """
    from ai_edge_quantizer import quantizer

    statistics = _statistics(float_file, plan) if plan.precision.needs_calibration else None
    if statistics is not None:
        float_file = dead_channels.revive(float_file, statistics)
    worker = quantizer.Quantizer(bytearray(float_file), _recipe(plan.precision))
    try:
        result = worker.quantize(statistics, enable_progress_bar=False, enable_progress_report=False)
    except (ValueError, RuntimeError, KeyError, TypeError) as error:
        raise ConversionError(f"ai-edge-quantizer refuses {plan.precision}: {error}") from error
    model = flatbuffer.read(bytes(result.quantized_model))
    if plan.precision.needs_calibration:
        edges.retype(model, plan.io)
    return flatbuffer.write(model)


def _recipe(precision: Precision) -> list[dict[str, Any]]:
    from ai_edge_quantizer import algorithm_manager, qtyping, recipe, recipe_manager

    match precision:
        case Precision.INT8:
            return recipe.static_wi8_ai8()
        case Precision.W8A16:
            return recipe.static_wi8_ai16()
        case Precision.W8A32:
            return recipe.weight_only_wi8_afp32()
        case Precision.FLOAT16:
            manager = recipe_manager.RecipeManager()
            half = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
            manager.add_quantization_config(
                regex=".*",
                operation_name=qtyping.TFLOperationName.ALL_SUPPORTED,
                op_config=qtyping.OpQuantizationConfig(
                    weight_tensor_config=half,
                    compute_precision=qtyping.ComputePrecision.FLOAT,
                    explicit_dequantize=True,
                ),
                algorithm_key=algorithm_manager.AlgorithmName.FLOAT_CASTING,
            )
            return manager.get_quantization_recipe()
        case Precision.FLOAT32:
            raise ValueError("a float32 file is converted, not quantized")


def _statistics(float_file: bytes, plan: QuantizationPlan) -> dict[str, dict[str, Any]]:
    """Return min and max of every float activation as ai-edge-quantizer wants them."""
    if plan.ranges is None:
        raise ValueError(f"{plan.precision} needs ranges")
    model = flatbuffer.read(float_file)
    fixed = {
        tensor_map.tensorIndex: plan.input_ranges[tensor_map.name.decode()]
        for tensor_map in model.signatureDefs[0].inputs
        if tensor_map.name.decode() in plan.input_ranges
    }
    statistics = {}
    for index, name in flatbuffer.activations(model).items():
        low, high = fixed.get(index) or plan.ranges.by_tensor[name]
        statistics[name] = {"min": np.float32([low]), "max": np.float32([high])}
    return statistics
