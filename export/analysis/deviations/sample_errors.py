"""Which samples of the proof have the largest errors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.samples import Array
from export.metrics import EQUAL_SQNR_DB
from export.model.tensor_spec import TensorSpec


@dataclass(frozen=True, kw_only=True)
class SampleError:
    """The error of one sample.

    Attributes:
        row: position of the sample.
        share: its part of the error of all samples, from 0 to 1.
        sqnr_db: the lowest SQNR of its outputs.
        output: the name of that output.
    """

    row: int
    share: float
    sqnr_db: float
    output: str


def largest(
    expected: Mapping[str, Array], stored: Mapping[str, Array], specs: Sequence[TensorSpec], most: int
) -> tuple[SampleError, ...]:
    """Return the samples with the largest errors, the largest first; none if a value is not finite.

    The squared error of each output is taken relative to the output's square over all samples, so that outputs of any
    unit count the same. A sample is read at a time, because logits of texts are large.

    Args:
        expected: outputs (N, ...) of the Keras model, by name.
        stored: outputs (N, ...) of the file as it stores them, by name.
        specs: the outputs as the file declares them.
        most: maximum number of samples.
    """
    signal = np.stack([_squares(expected[spec.name]) for spec in specs])
    noise = np.stack([_squared_errors(expected[spec.name], stored[spec.name], spec) for spec in specs])
    totals = signal.sum(axis=1, keepdims=True)
    if not np.isfinite(noise).all() or not (totals > 0).all():
        return ()
    relative = (noise / totals).sum(axis=0)
    order = [int(row) for row in np.argsort(-relative, kind="stable")[:most] if relative[row] > 0]
    return tuple(_error(row, signal, noise, float(relative[row] / relative.sum()), specs) for row in order)


def _error(row: int, signal: Array, noise: Array, share: float, specs: Sequence[TensorSpec]) -> SampleError:
    decibels = [_decibels(float(one), float(other)) for one, other in zip(signal[:, row], noise[:, row], strict=True)]
    worst = int(np.argmin(decibels))
    return SampleError(row=row, share=share, sqnr_db=decibels[worst], output=specs[worst].name)


def _squares(values: Array) -> Array:
    return np.array([_square(row) for row in values])


def _squared_errors(expected: Array, stored: Array, spec: TensorSpec) -> Array:
    return np.array([_square(one - spec.dequantize(other)) for one, other in zip(expected, stored, strict=True)])


def _square(values: Array) -> float:
    flat = np.asarray(values, np.float64).ravel()
    return float(np.vdot(flat, flat))


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return EQUAL_SQNR_DB
    return 10 * math.log10(signal / noise) if signal > 0 else -EQUAL_SQNR_DB
