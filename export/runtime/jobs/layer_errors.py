"""Measure the own error, the accumulated error and the effect on the outputs of each layer of a quantized file.

This module runs in the child process, because it uses native runtimes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from calibration.samples import Array
from export.formats.dissection import Activation, Dissector, Tail
from export.metrics import EQUAL_SQNR_DB
from export.runtime.jobs.error_sums import ErrorSums, on_grid, sqnr_db
from export.runtime.jobs.layer_error import LayerError

Inputs = Mapping[str, Array]


# The effect of one layer on the outputs takes half a run of the float network per sample. It is measured for all layers
# on FEW samples, then for the ALONE worst layers on all samples. A layer's own error would not find the worst layers.
FEW, ALONE = 2, 48

# Number of layers at a time: each needs the weights of the rest of the network.
AT_ONCE = 8


def layer_errors(dissector: Dissector, samples: Sequence[tuple[Inputs, Inputs]]) -> list[LayerError]:
    """Return the errors of all points in graph order.

    Args:
        dissector: the dissector of the file.
        samples: pairs of inputs of the float file and inputs of the quantized file, one pair per sample.
    """
    dissector.align(*samples[0])
    sums = [ErrorSums(point) for point in dissector.points]
    for real, stored in samples:
        dissector.dissect(real, stored, lambda position, activation: sums[position].update(activation))
    outputs = _outputs(dissector)
    errors = [
        replace(one.result(), is_output=point.tensor in outputs)
        for one, point in zip(sums, dissector.points, strict=True)
    ]
    own = [position for position, error in enumerate(errors) if _has_own(error)]
    if len(own) > ALONE:
        _measure_alone(dissector, errors, own, samples[:FEW])
        # Outputs come first, because few samples may not show the clipping of an output.
        costs = {position: (errors[position].is_output, errors[position].output_share or 0.0) for position in own}
        own = sorted(own, key=costs.__getitem__, reverse=True)[:ALONE]
    _measure_alone(dissector, errors, own, samples)
    return errors


def _measure_alone(
    dissector: Dissector, errors: list[LayerError], positions: Sequence[int], samples: Sequence[tuple[Inputs, Inputs]]
) -> None:
    """Add the effect on the outputs to the errors at `positions`."""
    reached = together(dissector, errors)
    for start in range(0, len(positions), AT_ONCE):
        for position, alone in _alone(dissector, positions[start : start + AT_ONCE], samples).items():
            errors[position] = _with_output(errors[position], alone, reached, len(samples))


def together(dissector: Dissector, errors: Sequence[LayerError]) -> list[float]:
    """Return the SQNR of every output with all layers rounded."""
    known = {error.tensor: error.cumulative_sqnr_db for error in errors}
    return [known.get(tensor, EQUAL_SQNR_DB) for tensor in dissector.ends]


def _has_own(error: LayerError) -> bool:
    """Return whether a layer other than an input adds an error of its own."""
    return bool(error.op) and error.local_sqnr_db is not None and error.local_sqnr_db < EQUAL_SQNR_DB


def _outputs(dissector: Dissector) -> set[str]:
    """Return the activations that have the values of an output, including those that are only moved to it."""
    found = set(dissector.ends)
    for point in reversed(dissector.points):
        if point.tensor in found and point.passes_on:
            found.update(point.sources)
    return found


def _alone(
    dissector: Dissector, positions: Sequence[int], samples: Sequence[tuple[Inputs, Inputs]]
) -> dict[int, list[float]]:
    """Return, by position, the SQNR of every output if only the layer at that position is rounded."""
    tails = {position: dissector.tail(dissector.points[position].tensor) for position in positions}
    powers: dict[int, list[list[float]]] = {position: [] for position in positions}

    def show(position: int, activation: Activation) -> None:
        if position in tails:
            rounded, _ = on_grid(activation.computed, dissector.points[position].stored)
            powers[position].append(_powers(tails[position], rounded))

    for real, stored in samples:
        dissector.dissect(real, stored, show)
    return {position: _sqnrs_db(np.array(rows)) for position, rows in powers.items()}


def _powers(tail: Tail, rounded: Array) -> list[float]:
    """Return signal, noise, signal, noise, ... of the outputs."""
    found = []
    for reference, other in tail(rounded):
        expected = reference.astype(np.float64)
        found += [float((expected**2).sum()), float(((other.reshape(expected.shape) - expected) ** 2).sum())]
    return found


def _sqnrs_db(rows: Array) -> list[float]:
    signals, noises = rows.sum(axis=0).reshape(-1, 2).T
    return [sqnr_db(float(signal), float(noise)) for signal, noise in zip(signals, noises, strict=True)]


def _with_output(error: LayerError, alone: Sequence[float], reached: Sequence[float], count: int) -> LayerError:
    """Return the error with its effect on the most affected output, measured on `count` samples."""
    cost, left = max((all_ - own, own) for all_, own in zip(reached, alone, strict=True))
    return replace(error, output_share=10 ** (cost / 10), output_sqnr_db=left, output_count=count)
