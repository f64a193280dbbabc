"""What a quantized file was made of: files that must be proven themselves, and samples like those of the proof."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from calibration.samples import Array, Samples
from export.proof.artifact import Artifact
from export.proof.check import CheckResult
from export.proof.tolerances import CALIBRATION

# Of all numbers of an input this share lies below and above what is compared: single outliers do not decide.
TAIL = 0.05
MOST_NUMBERS = 1_000_000
FEWEST_SAMPLES = 8  # a few photos differ in brightness by as much as another preprocessing would


def origin(parents: Iterable[Artifact]) -> tuple[CheckResult, ...]:
    """Fail a file that was made of one that failed a check: its own bars are too wide to see all that is wrong there.

    A parent that its runtime could not run says nothing about its children.
    """
    checks = []
    for parent in parents:
        first = next((check for check in parent.checks if not check.passed), None)
        if first is not None:
            reason = f"it was made of {parent.file_name}, which failed: {first}"
            checks.append(CheckResult.stated("origin", "the file", reason, passed=False))
    return tuple(checks)


def calibration(calibrated: Samples, probe: Samples) -> tuple[CheckResult, ...]:
    """Judge whether the ranges were observed on inputs like those of the proof; too few samples are not judged.

    Comparing answers cannot see it where activations are clipped by the model itself: MobileNet's ReLU6 gives nearly
    the same ranges for bytes as for numbers in [-1, 1].
    """
    if min(len(calibrated), len(probe)) < FEWEST_SAMPLES:
        return ()
    return tuple(_alike(name, _ends(calibrated.inputs[name]), _ends(values)) for name, values in probe.inputs.items())


def _alike(name: str, one: tuple[float, float], two: tuple[float, float]) -> CheckResult:
    width = max(one[1] - one[0], two[1] - two[0])
    moved = max(abs(one[0] - two[0]), abs(one[1] - two[1]))
    share = moved / width if width > 0 else float(moved > 0)
    return CheckResult.at_most(
        CALIBRATION,
        share,
        id="calibration",
        subject=f"input {name}",
        quantity="shift against the proof's inputs, share of the span",
    )


def _ends(values: Array) -> tuple[float, float]:
    """Return where the middle 90 % of the numbers begin and end."""
    stride = -(-values.size // MOST_NUMBERS)
    low, high = np.quantile(values.reshape(-1)[::stride].astype(np.float64), [TAIL, 1 - TAIL])
    return float(low), float(high)
