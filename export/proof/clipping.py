"""The accuracy cost of clipping: outputs with activations clipped to the planned and to the observed ranges.

With few calibration samples, clipping to the observed ranges has a cost too; only the difference is due to the plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.fingerprint import Fingerprint
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

Fingerprints = Mapping[str, Fingerprint]
Values = dict[int, Any]  # tensors by the position of their activation in the graph


def check(
    model: keras.Model, known: Samples, probe: Samples, seen: Ranges, planned: Ranges, fingerprints: Fingerprints
) -> tuple[CheckResult, ...]:
    """Check how much the narrower ranges change the outputs, without rounding; no results if no range is narrower.

    Args:
        model: the model whose activations have the ranges.
        known: samples; the fingerprints were taken from the first one.
        probe: samples on which outputs are compared.
        seen: observed ranges, by the file's tensor name.
        planned: chosen ranges, by the file's tensor name.
        fingerprints: of the activations that may be clipped, by the file's tensor name.
    """
    if all(planned.by_tensor[name] == seen.by_tensor[name] for name in fingerprints):
        return ()
    values = _run(model, known, 0, 1, {})[1]
    if lost := _unmatched(values, seen, planned, fingerprints):
        reason = f"no activation of the model matches {len(lost)} narrowed tensors, among them {lost[0].split(';')[0]}"
        return (CheckResult.stated("clipping", "all activations", reason, passed=False),)
    expected, found = (_outputs(model, probe, _bounds(values, ranges, fingerprints)) for ranges in (seen, planned))
    judged = compare_outputs(expected, found, W8A32, has_thresholds=True, tolerance=CLIPPING)
    return tuple(replace(check, id="clipping") for check in judged.checks)


def _bounds(values: Values, ranges: Ranges, fingerprints: Fingerprints) -> dict[int, Range]:
    """Return the range of each identified activation, extended to zero as every quantization grid is."""
    found = {}
    for position, value in values.items():
        own = Fingerprint.of(value.numpy())
        names = [name for name, one in fingerprints.items() if own.is_like(one)]
        if names:
            lows, highs = zip(*(ranges.by_tensor[name] for name in names), strict=True)
            found[position] = min(0.0, *lows), max(0.0, *highs)
    return found


def _unmatched(values: Values, seen: Ranges, planned: Ranges, fingerprints: Fingerprints) -> list[str]:
    """Return the tensors with a narrowed range that no activation of the model matches."""
    found = [Fingerprint.of(value.numpy()) for value in values.values()]
    narrowed = (name for name in fingerprints if planned.by_tensor[name] != seen.by_tensor[name])
    return [name for name in narrowed if not any(own.is_like(fingerprints[name]) for own in found)]


def _outputs(model: keras.Model, samples: Samples, bounds: Mapping[int, Range]) -> dict[str, Array]:
    rows = [_run(model, samples, start, start + BATCH, bounds)[0] for start in range(0, len(samples), BATCH)]
    names = [spec.name for spec in signature.outputs(model)]
    return {name: np.concatenate(parts) for name, parts in zip(names, zip(*rows, strict=True), strict=True)}


def _run(
    model: keras.Model, samples: Samples, start: int, stop: int, bounds: Mapping[int, Range]
) -> tuple[list[Array], Values]:
    """Return the outputs of samples start..stop with activations clipped to `bounds`, and all float activations."""
    import tensorflow as tf

    def clipped(position: int, value: Any) -> Any:
        return tf.clip_by_value(value, *bounds[position]) if position in bounds else value

    inputs = as_inputs(model, {name: values[start:stop] for name, values in samples.inputs.items()})
    run = run_graph(model, inputs, clipped)
    return [output.numpy() for output in run.outputs], run.floats
