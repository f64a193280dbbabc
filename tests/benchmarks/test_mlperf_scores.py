"""The comparison with MLPerf's files gives every file the same numbers, and judges decisions and outputs."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.mlperf_tiny import files, scoring
from benchmarks.mlperf_tiny.trials import NAMES, Trial
from benchmarks.mlperf_tiny.trials import _toy_cars as toy_cars
from zoo.pretrained.mlperf_tiny import COMMIT, FOLDER


def test_right_and_equal_decisions_are_counted_apart() -> None:
    reference = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    found = np.array([[0.8, 0.2], [0.6, 0.4], [0.6, 0.4], [0.3, 0.7]])
    trial = Trial(words="four", inputs=np.zeros((4, 1)), labels=np.array([0, 0, 1, 1]))
    score = scoring.of_classes(trial, reference, found)
    assert (score.accuracy, score.same) == (0.75, 0.75)
    power, noise = np.square(reference).sum(), np.square(reference - found).sum()
    assert score.sqnr_db == pytest.approx(10 * np.log10(power / noise))
    assert scoring.of_classes(trial, reference, reference).same == 1.0


def test_the_threshold_of_the_float_network_decides() -> None:
    inputs = np.zeros((40, 2))
    labels = np.repeat([0, 1], 20)
    reference = np.where(labels == 1, 3.0, 1.0)[:, None] * np.ones(2)
    found = reference.copy()
    found[0] = 5.0  # a normal row that the file takes for an anomaly
    score = scoring.of_reconstructions(Trial(words="", inputs=inputs, labels=labels), reference, found)
    assert score.same == pytest.approx(39 / 40)
    assert score.accuracy == pytest.approx(19 / 20)


@pytest.mark.parametrize(("kind", "zero", "limits"), [("int8", -128, (-128, 127)), ("uint8", 0, (0, 255))])
def test_numbers_are_stored_as_the_file_says(kind: str, zero: int, limits: tuple[int, int]) -> None:
    detail = {"dtype": np.dtype(kind).type, "quantization": (0.5, zero)}
    stored = scoring._stored(np.array([0.0, 1.0, 1e6, -1e6]), detail)
    assert stored.dtype == kind
    assert stored.tolist() == [zero, zero + 2, limits[1], limits[0]]
    assert scoring._real(stored[:2], detail).tolist() == [0.0, 1.0]


def test_the_files_of_mlperf_are_pinned_at_one_commit() -> None:
    assert set(files.INT8) == set(NAMES)
    assert COMMIT in FOLDER
    assert all(one.location.startswith(FOLDER) and len(one.sha256) == 64 for one in files.INT8.values())


@pytest.mark.imagenet
def test_half_of_the_spectra_are_louder_in_some_bands() -> None:
    (trial,) = toy_cars()
    assert trial.labels is not None
    assert trial.labels.mean() == 0.5
    assert trial.inputs[trial.labels == 1].mean() > trial.inputs[trial.labels == 0].mean() + 0.4
