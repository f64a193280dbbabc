"""Whether the grids of an integer .tflite reach as far as its plan, activation by activation."""

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
    """Return how much of a planned range, as a share of its width, the file's grid lacks at most.

    More than was planned is no fault: operators that only move numbers keep their input's grid, and a softmax has one
    of its own.
    """
    wanted = planned(flatbuffer.read(float_file), plan)
    worst, where, count = 0.0, "", 0
    for name, spec in _stored(flatbuffer.read(float_file), flatbuffer.read(content)):
        count += 1
        share = _lacking(wanted[name], spec)
        if not share <= worst:
            worst, where = share, name.split(";")[0]
    return RangeReport(worst_share=worst, where=where, activations=count)


def _stored(model: flatbuffer.Model, quantized: flatbuffer.Model) -> Iterator[tuple[str, TensorSpec]]:
    """Yield how each activation of the float file is stored in the other; those that stay in float are left out."""
    tensors, names, copies = quantized.subgraphs[0].tensors, flatbuffer.activations(model), rounded_copies(quantized)
    pairs = list(zip(model.subgraphs[0].inputs, quantized.subgraphs[0].inputs, strict=False))
    for operator, other in paired(model, quantized):
        pairs += zip(operator.outputs, other.outputs, strict=True)
    for index, twin in pairs:
        spec = stored_as(tensors[copies.get(twin, twin)])
        if index in names and spec.scale is not None:
            yield names[index], spec


def _lacking(wanted: Range, spec: TensorSpec) -> float:
    """Return what a grid lacks of a range; every grid holds zero."""
    limits = np.iinfo(spec.dtype)
    low, high = spec.dequantize(np.array([limits.min, limits.max]))
    wanted_low, wanted_high = min(wanted[0], 0.0), max(wanted[1], 0.0)
    width = wanted_high - wanted_low
    return float(max(low - wanted_low, wanted_high - high) / width) if width > 0 else 0.0
