"""The accuracy cost of clipping: outputs with activations clipped to the planned and to the observed ranges.

With few calibration samples, clipping to the observed ranges has a cost too; only the difference is due to the plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.ranges import Range, Ranges
from calibration.samples import Array, Samples
from export.model import signature
from export.model.run_graph import as_inputs, run_graph
from export.proof.check import CheckResult
from export.proof.compare import compare_outputs
from export.proof.tolerances import CLIPPING
from export.scheme import W8A32

if TYPE_CHECKING:
    import keras

BATCH = 8  # samples at a time, because every activation is kept in memory

Calls = Mapping[str, Sequence[str]]


def check(model: keras.Model, probe: Samples, seen: Ranges, planned: Ranges, calls: Calls) -> tuple[CheckResult, ...]:
    """Check how much the narrower ranges change the outputs, without rounding; no results if no range is narrower.

    Args:
        model: the model whose activations have the ranges.
        probe: samples on which outputs are compared.
        seen: observed ranges, by the file's tensor name.
        planned: chosen ranges, by the file's tensor name.
        calls: names of the model's calls with the same values, for each tensor of the file that may be clipped.
    """
    narrowed = [name for name, planned_range in planned.by_tensor.items() if planned_range != seen.by_tensor[name]]
    if not narrowed:
        return ()
    if lost := [name for name in narrowed if name not in calls]:
        reason = f"no activation of the model matches {len(lost)} narrowed tensors, among them {lost[0].split(';')[0]}"
        return (CheckResult.stated("clipping", "all activations", reason, passed=False),)
    expected, found = (_outputs(model, probe, _bounds(ranges, calls)) for ranges in (seen, planned))
    judged = compare_outputs(expected, found, W8A32, has_thresholds=True, tolerance=CLIPPING)
    return tuple(replace(check, id="clipping") for check in judged.checks)


def _bounds(ranges: Ranges, calls: Calls) -> dict[str, Range]:
    """Return the range of the output of each call, extended to zero as every quantization grid is."""
    found: dict[str, Range] = {}
    for tensor, equal in calls.items():
        low, high = ranges.by_tensor[tensor]
        for call in equal:
            widest = found.get(call, (0.0, 0.0))
            found[call] = min(widest[0], low), max(widest[1], high)
    return found


def _outputs(model: keras.Model, samples: Samples, bounds: Mapping[str, Range]) -> dict[str, Array]:
    rows = [_run(model, samples, start, start + BATCH, bounds) for start in range(0, len(samples), BATCH)]
    names = [spec.name for spec in signature.outputs(model)]
    return {name: np.concatenate(parts) for name, parts in zip(names, zip(*rows, strict=True), strict=True)}


def _run(model: keras.Model, samples: Samples, start: int, stop: int, bounds: Mapping[str, Range]) -> list[Array]:
    """Return the outputs of samples start..stop with the outputs of calls clipped to `bounds`."""
    import tensorflow as tf

    def clipped(call: str, value: Any) -> Any:
        return tf.clip_by_value(value, *bounds[call]) if call in bounds else value

    inputs = as_inputs(model, {name: values[start:stop] for name, values in samples.inputs.items()})
    return [output.numpy() for output in run_graph(model, inputs, clipped).outputs]
