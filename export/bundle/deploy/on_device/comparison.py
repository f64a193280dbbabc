"""Compare the outputs of a file on this device with those that were recorded at the export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .model import Array, ModelFile, Tensor

MIN_SQNR_DB = 90.0  # of float files: other processors add in another order
MIN_WITHIN_ONE_STEP = 0.98  # of integer files: where a runtime rounds a sum differently
MOST_STEPS = 4.5  # of the others, whose number could otherwise hide a changed class
ONE_STEP = 1.01  # float32 numbers that are multiples of a step are rounded
MIN_COSINE = 0.999  # of files that round as they run, whose steps differ between processors
UNRELATED_DB = 3.0  # of outputs that share little with those of the export
FARTHER_DB = 1.0  # that integers may lose of their distance to the model, on the few golden samples


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


def compare(
    file: ModelFile, found: Mapping[str, Array], recorded: Mapping[str, Array], model: Mapping[str, Array]
) -> Comparison:
    """Compare stored outputs (N, ...) by name with the recorded ones, and with those of the Keras model.

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
    results = [
        _compare(file, tensor, found[tensor.name], recorded[tensor.name], model[tensor.name]) for tensor in file.outputs
    ]
    return Comparison(all(passed for passed, _ in results), False, "; ".join(words for _, words in results))


def _is_constant(stored: Array) -> bool:
    return len(stored) > 1 and bool((stored == stored[:1]).all())


def _compare(
    file: ModelFile, tensor: Tensor, found: Array, recorded: Array, model: NDArray[np.float64]
) -> tuple[bool, str]:
    real, expected, model = tensor.real(found).ravel(), tensor.real(recorded).ravel(), model.ravel()
    if file.is_dynamic:
        norms = np.linalg.norm(real) * np.linalg.norm(expected)
        cosine = float(real @ expected / norms) if norms else 0.0
        return cosine >= MIN_COSINE, f"{tensor.name}: cosine {cosine:.5f}; at least {MIN_COSINE} is required"
    if not file.has_integer_activations:
        near_db = sqnr_db(expected, real)
        return near_db >= MIN_SQNR_DB, f"{tensor.name}: {near_db:.1f} dB; at least {MIN_SQNR_DB:.0f} dB is required"
    if tensor.scale is not None:
        steps = np.abs(real - expected) / tensor.scale
        share = float((steps <= ONE_STEP).mean())
        if share >= MIN_WITHIN_ONE_STEP and steps.max() <= MOST_STEPS:
            return True, f"{tensor.name}: {share:.1%} within one step, {steps.max():.0f} at most"
    return _as_near(tensor, real, expected, model)


def _as_near(
    tensor: Tensor, real: NDArray[np.float64], expected: NDArray[np.float64], model: NDArray[np.float64]
) -> tuple[bool, str]:
    """Judge integers that this device rounds otherwise: they must lose no more than at the export.

    Some kernels round differently by design, such as XNNPACK's product of two activations on Arm; a depth of layers
    adds these steps up. Such outputs are nearer to the recorded ones than these to the model, and as near to the model.
    """
    recorded_db, here_db, between_db = sqnr_db(model, expected), sqnr_db(model, real), sqnr_db(expected, real)
    passed = between_db >= max(recorded_db, UNRELATED_DB) and here_db >= recorded_db - FARTHER_DB
    return passed, (
        f"{tensor.name}: rounded otherwise here, {between_db:.1f} dB from the export; {here_db:.1f} dB from the Keras "
        f"model, {recorded_db:.1f} dB at the export"
    )


def sqnr_db(expected: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    """Return the ratio of the power of what is expected to that of the difference."""
    noise, signal = float(((found - expected) ** 2).sum()), float((expected**2).sum())
    if not noise:
        return float("inf")
    return 10 * float(np.log10(signal / noise)) if signal else -float("inf")
