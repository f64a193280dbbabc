"""Compare the outputs of a file on this device with those that were recorded at the export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .model import Array, ModelFile, Tensor

MIN_SQNR_DB = 90.0  # of float files: other processors add in another order
MIN_WITHIN_ONE_STEP = 0.98  # of integer files: where a runtime rounds a sum differently
ONE_STEP = 1.01  # float32 numbers that are multiples of a step are rounded
MIN_COSINE = 0.999  # of files that round as they run, whose steps differ between processors
FAILED_DB = -np.inf


@dataclass(frozen=True)
class Comparison:
    """The outputs of one file.

    Attributes:
        passed: whether they are those of the export.
        is_identical: whether they are so bit for bit.
        words: the measured distance.
    """

    passed: bool
    is_identical: bool
    words: str


def compare(file: ModelFile, found: Mapping[str, Array], recorded: Mapping[str, Array]) -> Comparison:
    """Compare stored outputs (N, ...) by name with the recorded ones.

    Outputs that are NaN, infinite or the same for every input never pass.
    """
    for tensor in file.outputs:
        if recorded[tensor.name].shape != found[tensor.name].shape:
            return Comparison(False, False, f"{tensor.name} has the shape {found[tensor.name].shape}")
        real = tensor.real(found[tensor.name])
        if not np.isfinite(real).all():
            return Comparison(False, False, f"{tensor.name} is NaN or infinite")
    if all(_is_constant(found[tensor.name]) for tensor in file.outputs):
        return Comparison(False, False, "the outputs are the same for every input")
    if all(np.array_equal(found[tensor.name], recorded[tensor.name]) for tensor in file.outputs):
        return Comparison(True, True, "identical to the outputs at the export")
    results = [_compare(file, tensor, found, recorded) for tensor in file.outputs]
    return Comparison(all(passed for passed, _ in results), False, "; ".join(words for _, words in results))


def _is_constant(stored: Array) -> bool:
    return len(stored) > 1 and bool((stored == stored[:1]).all())


def _compare(
    file: ModelFile, tensor: Tensor, found: Mapping[str, Array], recorded: Mapping[str, Array]
) -> tuple[bool, str]:
    real, expected = tensor.real(found[tensor.name]).ravel(), tensor.real(recorded[tensor.name]).ravel()
    if file.is_dynamic:
        norms = np.linalg.norm(real) * np.linalg.norm(expected)
        cosine = float(real @ expected / norms) if norms else 0.0
        return cosine >= MIN_COSINE, f"{tensor.name}: cosine {cosine:.5f}; at least {MIN_COSINE} is required"
    if tensor.scale is not None:
        steps = np.abs(real - expected) / tensor.scale
        share = float((steps <= ONE_STEP).mean())
        return share >= MIN_WITHIN_ONE_STEP, f"{tensor.name}: {share:.1%} within one step, {steps.max():.0f} at most"
    noise = float(((real - expected) ** 2).sum())
    signal = float((expected**2).sum())
    sqnr_db = 10 * np.log10(signal / noise) if noise and signal else FAILED_DB if noise else np.inf
    return sqnr_db >= MIN_SQNR_DB, f"{tensor.name}: {sqnr_db:.1f} dB; at least {MIN_SQNR_DB:.0f} dB is required"
