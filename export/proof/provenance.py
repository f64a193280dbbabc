"""The checks of what a quantized file was derived from: its parent files and its calibration samples."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from calibration.samples import Array, Samples
from export.proof.artifact import Artifact
from export.proof.check import CheckResult
from export.proof.tolerances import CALIBRATION

# Fraction of an input's values ignored at either end, so that single outliers do not decide.
TAIL = 0.05
MOST_NUMBERS = 1_000_000
FEWEST_SAMPLES = 8  # a few photos differ in brightness by as much as another preprocessing would


def origin(parents: Iterable[Artifact]) -> tuple[CheckResult, ...]:
    """Fail a file derived from one that failed a check: the thresholds of the derived file are too wide to detect it.

    A parent that its runtime could not run has no checks and fails no other file.
    """
    checks = []
    for parent in parents:
        first = next((check for check in parent.checks if not check.passed), None)
        if first is not None:
            reason = f"it was derived from {parent.file_name}, which failed: {first}"
            checks.append(CheckResult.stated("origin", "the file", reason, passed=False))
    return tuple(checks)


def calibration(calibrated: Samples, probe: Samples) -> tuple[CheckResult, ...]:
    """Check that the ranges were observed on inputs like those of the proof; no result with too few samples.

    A comparison of outputs cannot detect a difference where the model itself clips activations: with ReLU6, MobileNet
    has nearly the same ranges for bytes as for numbers in [-1, 1].
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
        quantity="shift against the proof's inputs, as a fraction of the span",
    )


def _ends(values: Array) -> tuple[float, float]:
    """Return the lower and upper end of the middle 90 % of the values."""
    stride = -(-values.size // MOST_NUMBERS)
    low, high = np.quantile(values.reshape(-1)[::stride].astype(np.float64), [TAIL, 1 - TAIL])
    return float(low), float(high)
