"""The outputs of a file, and what they are worth: accuracy, and agreement with the float network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.mlperf_tiny.trials import Trial
from calibration.samples import Array
from export.analysis.tasks.anomaly_detection.labelled import area_under_curve, errors
from export.metrics import compare

FALSE_ALARMS = 0.05  # the share of normal spectra above the threshold that decides


@dataclass(frozen=True, kw_only=True)
class Score:
    """What one file reaches on one trial.

    Attributes:
        accuracy: share of right classes, or the area under the curve of an anomaly detector; None without labels.
        same: share of samples on which it decides as the float network does.
        sqnr_db: of its outputs, probabilities or reconstructions, compared with the float network's.
    """

    accuracy: float | None
    same: float
    sqnr_db: float


def outputs(path: Path, inputs: Array) -> Array:
    """Return the outputs (N, ...) of a .tflite for single samples, real-valued; integers are what the file states."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for one in inputs:
        interpreter.set_tensor(given["index"], _stored(one[None], given))
        interpreter.invoke()
        found.append(_real(interpreter.get_tensor(made["index"])[0], made))
    return np.stack(found)


def _stored(values: Array, detail: Mapping[str, Any]) -> Array:
    if detail["dtype"] == np.float32:
        return values
    (scale, zero), limits = detail["quantization"], np.iinfo(detail["dtype"])
    return np.clip(np.rint(values / scale) + zero, limits.min, limits.max).astype(detail["dtype"])


def _real(values: Array, detail: Mapping[str, Any]) -> Array:
    if detail["dtype"] == np.float32:
        return np.asarray(values, np.float64)
    scale, zero = detail["quantization"]
    return np.asarray((values.astype(np.float64) - zero) * scale)


def probabilities(logits: Array) -> Array:
    """Return the softmax over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def of_classes(trial: Trial, reference: Array, found: Array) -> Score:
    """Return the score of probabilities (N, classes)."""
    best = found.argmax(-1)
    return Score(
        accuracy=None if trial.labels is None else float((best == trial.labels).mean()),
        same=float((best == reference.argmax(-1)).mean()),
        sqnr_db=compare(reference=reference, actual=found).sqnr_db,
    )


def of_reconstructions(trial: Trial, reference: Array, found: Array) -> Score:
    """Return the score of reconstructions (N, ...): a threshold decides, above which few normal spectra lie."""
    assert trial.labels is not None  # half of the spectra are anomalous
    float_errors, file_errors = errors(trial.inputs, reference), errors(trial.inputs, found)
    threshold = np.quantile(float_errors[trial.labels == 0], 1 - FALSE_ALARMS)
    return Score(
        accuracy=area_under_curve(file_errors, trial.labels),
        same=float(((float_errors > threshold) == (file_errors > threshold)).mean()),
        sqnr_db=compare(reference=reference, actual=found).sqnr_db,
    )
