"""How much of the variation of an output over the samples a file keeps.

SQNR compares the error with the signal, so that a thermometer file that says 290 K for every input reaches 40 dB. Here
the error is compared with the variance over the samples.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from calibration.samples import Array
from export.metrics.output_kind import OutputKind

# An output varies if its standard deviation exceeds this fraction of its magnitude: float32 rounding stays far below.
SMALLEST_VARIATION = 1e-4
# Outputs with a smaller fraction of the largest standard deviation may round to a constant.
FAINT = 0.05
# Regression has few outputs, each with a unit of its own, so that the worst counts; embeddings have many.
MOST_SEPARATE = 16


def variation(expected: Array, found: Array, kind: OutputKind) -> tuple[float | None, int]:
    """Return R2, and how many channels vary in the reference but are constant in the file.

    R2 is 1 - (squared error / squared deviation from the mean over the samples); 1 is perfect, 0 is as good as a
    constant. For at most 16 values (N, C) it is that of the worst channel; otherwise all elements are pooled.

    Args:
        expected: float64 outputs (N, ..., channels) of the reference.
        found: those of the file, of the same shape.
        kind: of the output.

    Returns:
        None in place of R2 if the reference does not vary.
    """
    samples = len(expected)
    expected, found = (
        values.reshape(samples, -1, values.shape[-1] if values.ndim > 1 else 1) for values in (expected, found)
    )
    mean = expected.mean(axis=0)
    spread = _mean_square(one - mean for one in expected)
    magnitude = _mean_square(expected)
    is_separate = kind is OutputKind.VALUES and expected.shape[1] == 1 and expected.shape[2] <= MOST_SEPARATE
    varies = spread > SMALLEST_VARIATION**2 * magnitude
    if kind is OutputKind.CLASSES and magnitude.max() <= 1:  # a share of 1e-30 varies by nothing
        varies &= spread > SMALLEST_VARIATION**2 * magnitude.max()
    if not varies.any():
        return None, 0
    error = _mean_square(one - other for one, other in zip(expected, found, strict=True))
    lost = (error[varies] / spread[varies]).max() if is_separate else error.sum() / spread.sum()
    marked = varies & (spread >= FAINT**2 * spread.max())
    constant = (found.max(axis=0) == found.min(axis=0)).all(axis=0)
    return float(1 - lost), int((marked & constant).sum())


def _mean_square(values: Iterable[Array]) -> Array:
    """Return the mean square of each channel; one sample (..., channels) at a time, because logits are large."""
    means = [(one**2).mean(axis=0) for one in values]
    return np.asarray(np.mean(means, axis=0))
