"""What is wrong with a constant, in words: zeros, a factor, fewer bits, another order, other values."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from calibration.samples import Array
from export.formats.opened import Role
from export.proof.foreign.stored import LEVELS, Difference
from export.proof.tolerances import COARSER_GRID

# A factor is named if it explains the constant up to this share of its norm.
EXPLAINED = 0.02
_PLURAL = {Role.WEIGHTS: "weights", Role.BIAS: "biases", Role.OTHER: "constants"}
# Optimized rounding moves weights to a neighbouring step, and rarely further.
ROUNDED_ELSEWHERE = 1.05


def is_rounded_elsewhere(one: Difference) -> bool:
    """Return whether a constant lies on a neighbouring step, as tools do that optimize the rounding or round twice."""
    is_fine = one.coarseness <= COARSER_GRID.largest
    return one.pair.stored.scale is not None and one.steps < ROUNDED_ELSEWHERE and is_fine and bool(one.steps)


def rounded_elsewhere(those: Sequence[Difference]) -> str:
    """Return a sentence on constants that lie on neighbouring steps."""
    names, worst = [_name(one) for one in those], max(one.steps for one in those)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return (
        f"the {', the '.join(names[:3])}{more} lie up to {worst:.2f} steps from the model's: they are not rounded to "
        "nearest; tools do so that optimize the rounding, or that round twice"
    )


def _name(one: Difference) -> str:
    """Return "biases of conv1"."""
    return f"{_PLURAL[one.pair.stored.role]} of {one.pair.layer}"


def fault(one: Difference) -> str:
    """Return a sentence on a constant that rounding does not explain."""
    stored = one.pair.stored
    found, expected = stored.read(), one.pair.original.read()
    if found.size != expected.size:
        return f"the {_name(one)} have the shape {stored.shape} in place of {one.pair.original.shape}"
    found = found.reshape(expected.shape)
    if not np.isfinite(found).all():
        return f"the {_name(one)} hold NaN or infinity"
    if not found.any() and expected.any():
        return f"the {_name(one)} are zeros: they were lost"
    if lost := _lost_channels(found, expected):
        return f"the {_name(one)} are zeros in channel {lost} of {len(expected)}, which was lost"
    factor = _factor(found, expected)
    if factor is not None:
        return f"the {_name(one)} are {factor:.3g} x the model's"
    if one.coarseness > COARSER_GRID.largest:
        return _coarse(one)
    if order := _order(found, expected):
        return f"the {_name(one)} {order}"
    share = float(np.linalg.norm(found - expected) / (np.linalg.norm(expected) or 1.0))
    return f"the {_name(one)} differ from the model's by {share:.0%} of their size"


def is_unknown(one: Difference) -> bool:
    """Return whether a constant holds other values than the model's, not those of a known fault."""
    return fault(one).endswith("of their size")


def _coarse(one: Difference) -> str:
    stored = one.pair.stored
    assert stored.scale is not None  # only grids are coarse
    lost = math.log2(one.coarseness)
    if stored.scale.size > 1 and np.allclose(stored.scale, stored.scale[0]):
        return (
            f"the {_name(one)} have one scale repeated for all channels, which costs the worst channel {lost:.1f} bits"
        )
    levels, times = 2 * LEVELS.get(stored.kind, 127), one.coarseness
    bits, most = math.log2(levels / times + 1), 16 if stored.kind.endswith("16") else 8
    return f"the {_name(one)} use about {bits:.1f} of {most} bits: their steps are {times:.1f} x the finest ones"


def _lost_channels(found: Array, expected: Array) -> str:
    """Return the channels that are zeros in the file and not in the model; empty if there are none or many."""
    rows, others = (one.reshape(len(one), -1) for one in (found, expected))
    lost = np.flatnonzero(~rows.any(axis=1) & (np.abs(others).max(axis=1, initial=0) > 0.02 * np.abs(others).max()))
    return ", ".join(map(str, lost)) if 0 < len(lost) <= max(4, len(rows) // 4) else ""


def _factor(found: Array, expected: Array) -> float | None:
    """Return k if the constant is k times the model's."""
    power = float((expected**2).sum())
    if not power:
        return None
    factor = float((found * expected).sum()) / power
    left = float(np.linalg.norm(found - factor * expected)) / (abs(factor) * math.sqrt(power) or 1.0)
    return factor if left < EXPLAINED and abs(factor - 1) > 2 * EXPLAINED / 10 else None


def _order(found: Array, expected: Array) -> str:
    """Return in which other order the constant holds the model's values; empty if it does not."""
    tried = {
        "have their input channels in reverse order, such as BGR for RGB": expected[:, ::-1]
        if expected.ndim > 1 and expected.shape[1] > 1
        else None,
        "are transposed: height and width are exchanged": expected.swapaxes(-1, -2)
        if expected.ndim == 4 and expected.shape[-1] == expected.shape[-2]
        else None,
        "are those of the model in reverse order": expected[::-1],
    }
    for words, other in tried.items():
        if other is not None and _is_near(found, other) and not _is_near(found, expected):
            return words
    if expected.ndim > 1 and _is_near(np.sort(found.reshape(-1)), np.sort(expected.reshape(-1))):
        return "hold the model's values in another order" if not _is_near(found, expected, 0.2) else ""
    return ""


def _is_near(found: Array, expected: Array, share: float = 0.05) -> bool:
    return float(np.linalg.norm(found - expected)) <= share * float(np.linalg.norm(expected))
