"""Which activation of an .onnx is which of the float .tflite: by where it stands in the graph and by its values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.samples import Array
from export.formats.onnx.split import Seam
from export.formats.session import Step
from export.formats.tflite.census import MOVES

ALIKE = 0.5  # Without a place in the graph: the error's power is less than half of the signal's.


@dataclass(frozen=True, kw_only=True)
class Counterpart:
    """A float activation.

    Attributes:
        tensor: its name in the float file.
        axes: the order of its axes in the .onnx; None: the same numbers in the same order, maybe of another shape.
        shape: in the .onnx.
    """

    tensor: str
    axes: tuple[int, ...] | None
    shape: tuple[int, ...]

    def as_onnx(self, values: Array) -> Array:
        """Return the float activation as the .onnx has it."""
        turned = values if self.axes is None else values.transpose(self.axes)
        return np.ascontiguousarray(turned.reshape(self.shape))

    def as_reference(self, values: Array, shape: tuple[int, ...]) -> Array:
        """Return an activation of the .onnx as the float file has it."""
        if self.axes is None:
            return values.reshape(shape)
        turned = values.reshape([shape[axis] for axis in self.axes])
        return np.ascontiguousarray(turned.transpose(np.argsort(self.axes)))


def counterparts(
    seams: Sequence[Seam], found: Mapping[str, Array], steps: Sequence[Step], references: Mapping[str, Array]
) -> dict[str, Counterpart]:
    """Return the float activation of each seam, by the seam's name; those without one are left out.

    Args:
        seams: of the .onnx, sources before what is made of them.
        found: their real values on one sample.
        steps: of the float file.
        references: their values on that sample, by tensor.
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
        likeness, axes, name = _nearest(values, references, placed or candidates)
        if placed and likeness <= ALIKE:  # spoiled; or what stands there is in float, and this comes behind it
            further = _nearest(values, references, candidates)
            likeness, axes, name = further if further[0] > ALIKE else (likeness, axes, name)
        if name and (placed or likeness > ALIKE):
            left.discard(name)
            result[seam.name] = Counterpart(tensor=name, axes=axes, shape=values.shape)
    return result


def _nearest(
    values: Array, references: Mapping[str, Array], names: Sequence[str]
) -> tuple[float, tuple[int, ...] | None, str]:
    """Return likeness, axes and name of the activation that `values` are most like; no name if there is none."""
    rated = [(*_likeness(references[name], values), name) for name in names]
    return max(rated, key=lambda one: one[0], default=(-np.inf, None, ""))


def _origins(steps: Sequence[Step]) -> dict[str, frozenset[str]]:
    """Return the activations that each holds the numbers of: what only moves or joins them is not stored anew."""
    found: dict[str, frozenset[str]] = {}
    for step in steps:
        moves = step.op in MOVES and step.sources
        found[step.tensor] = (
            frozenset[str]().union(*(found[source] for source in step.sources)) if moves else frozenset({step.tensor})
        )
    return found


def _likeness(reference: Array, values: Array) -> tuple[float, tuple[int, ...] | None]:
    """Return 1 - error power / signal power in the better order of the axes, and that order."""
    orders: list[tuple[int, ...] | None] = []
    turned = (0, reference.ndim - 1, *range(1, reference.ndim - 1))
    is_turned = reference.transpose(turned).shape == values.shape
    if reference.shape == values.shape or not is_turned:
        orders.append(None)
    if is_turned and reference.ndim > 2:
        orders.append(turned)
    rated = [(_agreement(reference if axes is None else reference.transpose(axes), values), axes) for axes in orders]
    return max(rated, key=lambda one: one[0])


def _agreement(reference: Array, values: Array) -> float:
    one, other = reference.reshape(-1).astype(np.float64), values.reshape(-1).astype(np.float64)
    signal = float((one**2).sum())
    return 1 - float(((one - other) ** 2).sum()) / signal if signal > 0 else float(not other.any())
