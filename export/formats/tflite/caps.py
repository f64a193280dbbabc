"""The limits that activation functions set to the values of a .tflite."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from calibration.ranges import Range
from export.formats.tflite import flatbuffer


def limits(model: flatbuffer.Model) -> Iterator[tuple[int, Range]]:
    """Yield indices of tensors with the limits of their activation, whether fused or a separate operator."""
    from ai_edge_litert import schema_py_generated as schema

    kinds = schema.ActivationFunctionType
    known = {kinds.RELU: (0.0, np.inf), kinds.RELU6: (0.0, 6.0), kinds.RELU_N1_TO_1: (-1.0, 1.0)}
    spoken = {"RELU": kinds.RELU, "RELU6": kinds.RELU6, "RELU_N1_TO_1": kinds.RELU_N1_TO_1}
    for operator in model.subgraphs[0].operators:
        fused = getattr(operator.builtinOptions, "fusedActivationFunction", kinds.NONE)
        kind = spoken.get(flatbuffer.op_name(model, operator), fused)
        if kind in known:
            yield int(operator.outputs[0]), known[kind]
