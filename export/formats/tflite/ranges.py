"""Compare the stored ranges of an integer .tflite with the planned ranges."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from calibration.ranges import Range
from export.formats.format import QuantizationPlan
from export.formats.session import RangeReport
from export.formats.tflite import flatbuffer
from export.formats.tflite.dissect import paired, rounded_copies, stored_as
from export.formats.tflite.quantize import planned
from export.model.tensor_spec import TensorSpec


def compare(float_file: bytes, content: bytes, plan: QuantizationPlan) -> RangeReport:
    """Return the largest shortfall of a stored range against the planned range, as a share of its width.

    Wider ranges than planned are correct: operators that only move data keep their input's grid, and softmax has a
    fixed one.
    """
    wanted = planned(flatbuffer.read(float_file), plan)
    worst, where, count = 0.0, "", 0
    for name, spec in _stored(flatbuffer.read(float_file), flatbuffer.read(content)):
        count += 1
        share = _shortfall(wanted[name], spec)
        if not share <= worst:
            worst, where = share, name.split(";")[0]
    return RangeReport(worst_share=worst, where=where, activations=count)


def _stored(model: flatbuffer.Model, quantized: flatbuffer.Model) -> Iterator[tuple[str, TensorSpec]]:
    """Yield name and stored type of each quantized activation."""
    tensors, names, copies = quantized.subgraphs[0].tensors, flatbuffer.activations(model), rounded_copies(quantized)
    pairs = list(zip(model.subgraphs[0].inputs, quantized.subgraphs[0].inputs, strict=False))
    for operator, other in paired(model, quantized):
        pairs += zip(operator.outputs, other.outputs, strict=True)
    for index, match in pairs:
        spec = stored_as(tensors[copies.get(match, match)])
        if index in names and spec.scale is not None:
            yield names[index], spec


def _shortfall(wanted: Range, spec: TensorSpec) -> float:
    """Return the part of a range that a grid does not cover, as a share; every grid contains zero."""
    limits = np.iinfo(spec.dtype)
    low, high = spec.dequantize(np.array([limits.min, limits.max]))
    wanted_low, wanted_high = min(wanted[0], 0.0), max(wanted[1], 0.0)
    width = wanted_high - wanted_low
    return float(max(low - wanted_low, wanted_high - high) / width) if width > 0 else 0.0
