"""The check of a file's activation ranges against the values that the samples give in its own graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from export import process
from export.formats.opened import StoredGrid
from export.model.tensor_spec import TensorSpec
from export.proof.foreign.evidence import ForeignEvidence
from export.proof.foreign.skeleton import replaced
from export.proof.tolerances import FOREIGN_CLIPPING, FOREIGN_EXCESS
from export.runtime.jobs.error_sums import sqnr_db
from export.runtime.jobs.extremes import extremes
from export.runtime.run_file import written

NARROW = 1e-6  # ranges below this width may get any grid
# What an activation function can give at most; a grid may hold all of it, whatever the samples reach.
NOMINAL = {
    **dict.fromkeys(("HardSigmoid", "LOGISTIC", "SOFTMAX", "Sigmoid", "Softmax"), (0, 1)),
    **dict.fromkeys(("Softsign", "TANH", "Tanh"), (-1, 1)),
}


@dataclass(frozen=True, kw_only=True)
class RangeFound:
    """One activation's stored range and its values.

    Attributes:
        grid: the stored grid.
        stored: the numbers that the grid holds: smallest and largest.
        seen: smallest and largest value on the samples, with zero and the ends of a sigmoid, softmax or tanh.
        clipped_db: SQNR of the values cut to the stored range.
    """

    grid: StoredGrid
    stored: tuple[float, float]
    seen: tuple[float, float]
    clipped_db: float

    @property
    def excess(self) -> float:
        """How many times wider than its values the range is; 16-bit grids are symmetric."""
        low, high = self.seen
        width = 2 * max(-low, high) if self.grid.spec.dtype == "int16" else high - low
        return (self.stored[1] - self.stored[0]) / width if width > NARROW else 1.0

    @property
    def is_wrong(self) -> bool:
        """Whether the range is far too wide or too narrow."""
        return not (self.excess <= FOREIGN_EXCESS.largest and self.clipped_db >= FOREIGN_CLIPPING.least)


def ranges(evidence: ForeignEvidence, capped: frozenset[str]) -> tuple[RangeFound, ...]:
    """Return the stored range of every activation with a grid of its own, and its values on all samples.

    Args:
        evidence: of the file.
        capped: activations whose relu6 quantization left to the ends of their grids.

    Raises:
        OutsideError: the runtime cannot run the file's float form.
        ConversionError: the file has none.
    """
    opened, pairing = evidence.file.opened, evidence.pairing
    if opened is None or pairing is None:
        return ()
    names = tuple(dict.fromkeys(grid.tensor for grid in opened.grids))
    content = opened.in_float(replaced(pairing.pairs), shown=names, capped=capped)
    path = written(evidence.run.work, f"shown{evidence.file.format.suffix}", content)
    limits: dict[str, tuple[float, float]] = {}
    for grid in opened.grids:
        low, high = _ends(grid.spec)
        known = limits.get(grid.tensor, (-np.inf, np.inf))
        limits[grid.tensor] = max(low, known[0]), min(high, known[1])
    parts = [
        process.call(extremes, path=path, samples=folder, limits=limits)["tensors"]
        for folder in (evidence.probe, evidence.calibration)
    ]
    return tuple(_found(grid, [part[grid.tensor] for part in parts]) for grid in opened.grids)


def _found(grid: StoredGrid, parts: list[Mapping[str, float]]) -> RangeFound:
    least, most = NOMINAL.get(grid.op, (0, 0))
    low, high = min(least, *(part["low"] for part in parts)), max(most, *(part["high"] for part in parts))
    power, cut = (sum(part[key] for part in parts) for key in ("power", "cut"))
    return RangeFound(
        grid=grid, stored=_ends(grid.spec), seen=(low, high), clipped_db=sqnr_db(power, cut) if power else 200.0
    )


def _ends(spec: TensorSpec) -> tuple[float, float]:
    limits = np.iinfo(spec.dtype)
    low, high = spec.dequantize(np.array([limits.min, limits.max]))
    return float(low), float(high)
