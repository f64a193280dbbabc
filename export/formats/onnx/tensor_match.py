"""Match the activations of an .onnx with those of the float .tflite, by graph position and by values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from calibration.samples import Array
from export.formats.onnx.split import Seam
from export.formats.session import Step
from export.formats.tflite.census import MOVES

Axes = tuple[int, ...] | None  # None: the order of the float file.

MOST_AXES = 4
ALIKE = 0.5  # Threshold for a match by values only: the error power is less than half of the signal power.


@dataclass(frozen=True, kw_only=True)
class Counterpart:
    """A float activation.

    Attributes:
        tensor: name in the float file.
        axes: order of its axes in the .onnx; None if the values have the same order, possibly in another shape.
        shape: shape in the .onnx.
    """

    tensor: str
    axes: tuple[int, ...] | None
    shape: tuple[int, ...]

    def as_onnx(self, values: Array) -> Array:
        """Return the float activation in the layout of the .onnx."""
        turned = values if self.axes is None else values.transpose(self.axes)
        return np.ascontiguousarray(turned.reshape(self.shape))

    def as_reference(self, values: Array, shape: tuple[int, ...]) -> Array:
        """Return an activation of the .onnx in the layout of the float file."""
        if self.axes is None:
            return values.reshape(shape)
        turned = values.reshape([shape[axis] for axis in self.axes])
        return np.ascontiguousarray(turned.transpose(np.argsort(self.axes)))


def counterparts(
    seams: Sequence[Seam], found: Mapping[str, Array], steps: Sequence[Step], references: Mapping[str, Array]
) -> dict[str, Counterpart]:
    """Return the float activation of each seam by the seam's name, without seams that have none.

    Args:
        seams: seams of the .onnx in topological order.
        found: real values of the seams on one sample.
        steps: steps of the float file.
        references: values of the float activations on that sample, by tensor.
    """
    origins = _origins(steps)
    sources = {step.tensor: frozenset[str]().union(*(origins[source] for source in step.sources)) for step in steps}
    result: dict[str, Counterpart] = {}
    left = {step.tensor for step in steps if step.tensor in references}
    for seam in seams:
        values = found[seam.name]
        candidates = [name for name in references if name in left and references[name].size == values.size]
        known = [origins[result[source].tensor] for source in seam.sources if source in result]
        place = frozenset[str]().union(*known)
        placed = [name for name in candidates if sources[name] == place] if len(known) == len(seam.sources) else []
        alike, axes, name = _nearest(values, references, placed or candidates)
        if (
            placed and alike <= ALIKE
        ):  # The layer is faulty, or the activation at this position is in float and the match lies behind it.
            further = _nearest(values, references, candidates)
            alike, axes, name = further if further[0] > ALIKE else (alike, axes, name)
        if name and (placed or alike > ALIKE):
            left.discard(name)
            result[seam.name] = Counterpart(tensor=name, axes=axes, shape=values.shape)
    return result


def _nearest(
    values: Array, references: Mapping[str, Array], names: Sequence[str]
) -> tuple[float, tuple[int, ...] | None, str]:
    """Return likeness, axes and name of the activation most similar to `values`; an empty name if there is none."""
    rated = [(*likeness(references[name], values), name) for name in names]
    return max(rated, key=lambda one: one[0], default=(-np.inf, None, ""))


def _origins(steps: Sequence[Step]) -> dict[str, frozenset[str]]:
    """Return for each activation the ones whose values it contains, through operators that only move data."""
    found: dict[str, frozenset[str]] = {}
    for step in steps:
        moves = step.op in MOVES and step.sources
        found[step.tensor] = (
            frozenset[str]().union(*(found[source] for source in step.sources)) if moves else frozenset({step.tensor})
        )
    return found


def likeness(reference: Array, values: Array) -> tuple[float, Axes]:
    """Return 1 - error power / signal power for the better order of axes, and that order."""
    rated = [(agreement(reference, values, axes), axes) for axes in usual_orders(reference.shape, values.shape)]
    return max(rated, key=lambda one: one[0])


def usual_orders(reference: tuple[int, ...], values: tuple[int, ...]) -> list[Axes]:
    """Return the orders of axes in which a float activation usually is in an .onnx: the same, or channels first."""
    turned = (0, len(reference) - 1, *range(1, len(reference) - 1))
    is_turned = len(reference) > 2 and tuple(reference[axis] for axis in turned) == values
    return [None] * (reference == values or not is_turned) + [turned] * is_turned


def other_orders(reference: tuple[int, ...]) -> Iterator[Axes]:
    """Yield all orders of the axes that are longer than 1, if these are at most four."""
    long = [axis for axis, size in enumerate(reference) if size > 1]
    short = [axis for axis, size in enumerate(reference) if size <= 1]
    if len(long) <= MOST_AXES:
        yield from ((*short, *order) for order in permutations(long))


def agreement(reference: Array, values: Array, axes: Axes) -> float:
    """Return 1 - error power / signal power for one order of axes."""
    return _agreement(reference if axes is None else reference.transpose(axes), values)


def _agreement(reference: Array, values: Array) -> float:
    one, other = reference.reshape(-1).astype(np.float64), values.reshape(-1).astype(np.float64)
    signal = float((one**2).sum())
    return 1 - float(((one - other) ** 2).sum()) / signal if signal > 0 else float(not other.any())
