"""Compare the stored ranges of an integer .tflite with the planned ranges."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from calibration.ranges import Range
from export.formats.format import QuantizationPlan
from export.formats.session import RangeReport
from export.formats.tflite import concat_grids, flatbuffer
from export.formats.tflite.dissect import paired, rounded_copies, stored_as
from export.formats.tflite.quantize import planned
from export.model.tensor_spec import TensorSpec

# ai-edge-quantizer widens narrower ranges.
SMALLEST_WIDTH = 1e-6


def compare(float_file: bytes, content: bytes, plan: QuantizationPlan) -> RangeReport:
    """Return the largest shortfall and the largest excess of a stored range, as shares of the planned width.

    The runtime fixes the grids of some operators, such as softmax; those may be wider than planned.
    """
    reference = flatbuffer.read(float_file)
    wanted = planned(flatbuffer.read(float_file), plan)
    names = flatbuffer.activations(reference)
    fixed = {names[index] for index in concat_grids.on_fixed_grids(reference) if index in names}
    found = list(_stored(reference, flatbuffer.read(content)))
    worst, where = max(((_shortfall(wanted[name], spec), name) for name, spec in found), default=(0.0, ""))
    free = [(name, spec) for name, spec in found if name not in fixed]
    excess, wide = max(((_excess(wanted[name], spec), name) for name, spec in free), default=(0.0, ""))
    return RangeReport(
        worst_share=worst,
        where=where.split(";")[0],
        activations=len(found),
        worst_excess=excess,
        excess_where=wide.split(";")[0],
    )


def _stored(model: flatbuffer.Model, quantized: flatbuffer.Model) -> Iterator[tuple[str, TensorSpec]]:
    """Yield name and stored type of each quantized activation."""
    tensors, names, copies = quantized.subgraphs[0].tensors, flatbuffer.activations(model), rounded_copies(quantized)
    pairs = list(zip(model.subgraphs[0].inputs, quantized.subgraphs[0].inputs, strict=False))
    for operator, other in paired(model, quantized):
        pairs += zip(operator.outputs, other.outputs, strict=True)
    for index, match in pairs:
        spec, copy = stored_as(tensors[match]), stored_as(tensors[copies.get(match, match)])
        if spec.scale is None or spec.dtype != copy.dtype:  # an input in float or in bytes, of which a copy is read
            spec = copy
        if index in names and spec.scale is not None:
            yield names[index], spec


def _shortfall(wanted: Range, spec: TensorSpec) -> float:
    """Return the part of a range that a grid does not cover, as a share; every grid contains zero."""
    low, high = _ends(spec)
    wanted_low, wanted_high = min(wanted[0], 0.0), max(wanted[1], 0.0)
    width = wanted_high - wanted_low
    share = float(max(low - wanted_low, wanted_high - high) / width) if width > 0 else 0.0
    return float("inf") if np.isnan(share) else share


def _excess(wanted: Range, spec: TensorSpec) -> float:
    """Return by how much a grid is wider than a range, as a share; the grids of 16 bits are symmetric."""
    low, high = _ends(spec)
    wanted_low, wanted_high = min(wanted[0], 0.0), max(wanted[1], 0.0)
    is_symmetric = spec.dtype == "int16"
    width = 2 * max(-wanted_low, wanted_high) if is_symmetric else wanted_high - wanted_low
    share = float((high - low) / width) - 1 if width > SMALLEST_WIDTH else 0.0
    return float("inf") if np.isnan(share) else share


def _ends(spec: TensorSpec) -> tuple[float, float]:
    limits = np.iinfo(spec.dtype)
    low, high = spec.dequantize(np.array([limits.min, limits.max]))
    return float(low), float(high)
