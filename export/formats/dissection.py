"""A quantized file taken apart: every activation beside the float file's, and what each operator does by itself."""

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

# Of other values of one activation, the outputs that follow on the sample that was run last: (float file's, those).
Tail = Callable[[Floats], list[tuple[Array, Array]]]


@dataclass(frozen=True, kw_only=True)
class Point:
    """One activation of a quantized file that is found in the float file too.

    Attributes:
        tensor: its name in the float file (of the primary format).
        op: the operator that makes it there; empty for an input.
        sources: names of the activations that the operator reads there.
        stored: how the quantized file stores it: scale and zero point, or float32.
        passes_on: whether the operator only moves numbers that are on this grid already.
    """

    tensor: str
    op: str
    sources: tuple[str, ...]
    stored: TensorSpec
    passes_on: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Activation:
    """One activation on one sample, all of one shape and real.

    Attributes:
        reference: of the float file.
        found: of the quantized file.
        computed: by the operator with the quantized file's weights on the float file's inputs, not rounded yet.
    """

    reference: Floats
    found: Floats
    computed: Floats


Show = Callable[[int, Activation], None]  # the point's position, and its activation; not to be kept


def points(steps: Iterable[Step], stored: Mapping[str, TensorSpec], moves: Collection[str]) -> tuple[Point, ...]:
    """Return a point for every step of the float file that is stored, by the tensor's name.

    Args:
        steps: of the float file.
        stored: how the quantized file stores them.
        moves: operators that only move numbers.
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
    """Return the stored activation that each output is, or the nearest that it is made of."""
    makers = {step.tensor: step for step in steps}
    found = []
    for name in outputs:
        while name not in stored and name in makers and makers[name].sources:
            name = makers[name].sources[0]
        found.append(name)
    return tuple(found)


def check_points(found: Collection[Point], steps: Collection[Step], *, holds_integers: bool) -> None:
    """Refuse a file that cannot be compared.

    Raises:
        UsageProblemError: it holds no integers, or has few of the float file's activations.
    """
    if not holds_integers:
        raise UsageProblemError("it holds no integer activations: only int8 files lose their accuracy layer by layer")
    if 2 * len(found) < len(steps):
        raise UsageProblemError(
            f"its graph is not this model's: {len(found)} of {len(steps)} activations are found in it; name the model "
            "that it was made of with --model"
        )


def _grid(spec: TensorSpec) -> tuple[float | None, int | None]:
    """Return scale and zero point, the latter from the smallest code: int8 and uint8 are the same grid."""
    zero = None if spec.zero_point is None else spec.zero_point - int(np.iinfo(spec.dtype).min)
    return spec.scale, zero


class Dissector(Protocol):
    """A quantized file and its float file, both loaded.

    Attributes:
        inputs: as the quantized file declares them.
        outputs: likewise.
        points: in the order of the float file's graph.
        missing: activations of the float file that the quantized file does not have, by name.
        ends: of every output the activation whose numbers it has: a point's tensor.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    points: tuple[Point, ...]
    missing: tuple[str, ...]
    ends: tuple[str, ...]

    def align(self, real: Mapping[str, Array], stored: Mapping[str, Array]) -> None:
        """Find out on one sample which activation is which; called first, `points` and `missing` are known then."""
        ...

    def tail(self, tensor: str) -> Tail:
        """Return what an error in that activation (a point's tensor) alone does to the outputs."""
        ...

    def dissect(self, real: Mapping[str, Array], stored: Mapping[str, Array], show: Show) -> None:
        """Run one sample (the float file's inputs, and the quantized file's) and show every point."""
        ...
