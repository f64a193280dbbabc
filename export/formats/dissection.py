"""Dissect a quantized file: compare each activation and each separate operator with the float file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from calibration.samples import Array
from export.formats.session import Step
from export.model.tensor_spec import TensorSpec
from zoo.errors import UsageProblemError

Floats = NDArray[np.float32]


# Maps changed values of one activation to pairs of outputs on the last sample: (float file's, changed).
Tail = Callable[[Floats], list[tuple[Array, Array]]]


@dataclass(frozen=True, kw_only=True)
class Point:
    """One activation that both the quantized and the float file contain.

    Attributes:
        tensor: name in the float file, in the primary format.
        op: the operator that computes it in the float file; empty for an input.
        sources: names of the activations that the operator reads in the float file.
        stored: stored type in the quantized file: scale and zero point, or float32.
        passes_on: whether the operator only moves values that are already on this grid.
    """

    tensor: str
    op: str
    sources: tuple[str, ...]
    stored: TensorSpec
    passes_on: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Activation:
    """One activation on one sample: real values of equal shapes.

    Attributes:
        reference: values in the float file.
        found: values in the quantized file.
        computed: values of the operator with the quantized weights and the float inputs, before rounding.
    """

    reference: Floats
    found: Floats
    computed: Floats


Show = Callable[[int, Activation], None]  # Called with a point's position and its activation, which it must not keep.


def points(steps: Iterable[Step], stored: Mapping[str, TensorSpec], moves: Collection[str]) -> tuple[Point, ...]:
    """Return a point for every step of the float file that the quantized file stores.

    Args:
        steps: steps of the float file.
        stored: stored types in the quantized file, by tensor name.
        moves: operators that only move data.
    """
    found = []
    for step in steps:
        if step.tensor not in stored:
            continue
        grid, sources = stored[step.tensor], [stored.get(source) for source in step.sources]
        same = all(source is not None and _grid(source) == _grid(grid) for source in sources)
        passes_on = step.op in moves and bool(sources) and same
        found.append(Point(tensor=step.tensor, op=step.op, sources=step.sources, stored=grid, passes_on=passes_on))
    return tuple(found)


def ends(outputs: Iterable[str], steps: Iterable[Step], stored: Collection[str]) -> tuple[str, ...]:
    """Return for each output the stored activation that equals it, or the nearest one before it."""
    makers = {step.tensor: step for step in steps}
    found = []
    for name in outputs:
        while name not in stored and name in makers and makers[name].sources:
            name = makers[name].sources[0]
        found.append(name)
    return tuple(found)


def check_points(found: Collection[Point], steps: Collection[Step], *, holds_integers: bool) -> None:
    """Check that a file can be compared with the float file.

    Raises:
        UsageProblemError: the file is not quantized, or contains few of the float file's activations.
    """
    if not holds_integers:
        raise UsageProblemError("it has no integer activations; give an int8 file, whose layers can be compared")
    if 2 * len(found) < len(steps):
        raise UsageProblemError(
            f"it does not match the model: only {len(found)} of {len(steps)} activations were found; type --model with "
            "the model that was exported"
        )


def _grid(spec: TensorSpec) -> tuple[float | None, int | None]:
    """Return the scale, and the zero point relative to the smallest code, so that int8 and uint8 grids are equal."""
    zero = None if spec.zero_point is None else spec.zero_point - int(np.iinfo(spec.dtype).min)
    return spec.scale, zero


class Dissector(Protocol):
    """A loaded pair of a quantized file and its float file.

    Attributes:
        inputs: the inputs as the quantized file declares them.
        outputs: the outputs as the quantized file declares them.
        points: the points in the order of the float file's graph.
        missing: names of the float file's activations that the quantized file does not contain.
        ends: for every output, the tensor of the point with the same values.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    points: tuple[Point, ...]
    missing: tuple[str, ...]
    ends: tuple[str, ...]

    def align(self, real: Mapping[str, Array], stored: Mapping[str, Array]) -> None:
        """Match the activations of both files on one sample; call this first, because it sets `points`."""
        ...

    def tail(self, tensor: str) -> Tail:
        """Return the function from values of one activation (a point's tensor) to the outputs."""
        ...

    def dissect(self, real: Mapping[str, Array], stored: Mapping[str, Array], show: Show) -> None:
        """Run one sample (inputs of the float file and of the quantized file), and show every point."""
        ...
