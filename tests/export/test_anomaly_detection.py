"""Anomaly detection: the error of the reconstruction is the score; labelled rows give the area under the curve."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from calibration.samples import Samples
from export.analysis import tasks
from export.analysis.tasks.anomaly_detection.labelled import KnownRows, Spectra, area_under_curve, errors
from export.model.subject import load_subject
from export.recipe import Recipe
from zoo.errors import CheckFailedError, UsageProblemError

SUBJECT = load_subject(Recipe(model="mlperf_autoencoder", weights="random"))
RNG = np.random.default_rng(0)


def saved(path: Path, labels: np.ndarray) -> str:
    np.savez(path / "rows.npz", log_mel=RNG.normal(size=(len(labels), 640)).astype(np.float32), label=labels)
    return str(path / "rows.npz")


def test_the_score_is_the_mean_squared_error() -> None:
    given = np.array([[1.0, 2.0], [0.0, 0.0]])
    assert errors(given, np.array([[1.0, 4.0], [3.0, 3.0]])).tolist() == [2.0, 9.0]


@pytest.mark.parametrize("seed", range(5))
def test_the_area_is_the_chance_that_an_anomaly_scores_higher(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, known = rng.integers(0, 6, 40).astype(float), rng.integers(0, 2, 40)
    pairs = itertools.product(scores[known == 1], scores[known == 0])
    expected = np.mean([(high > low) + 0.5 * (high == low) for high, low in pairs])
    assert area_under_curve(scores, known) == pytest.approx(expected)


def test_rows_of_one_kind_have_no_area() -> None:
    assert np.isnan(area_under_curve(np.ones(3), np.ones(3)))


def test_labelled_rows_give_the_area_and_the_error_of_normal_rows(tmp_path: Path) -> None:
    labels = np.array([0, 1, 0, 1, 1])
    task, found = tasks.examples(SUBJECT, saved(tmp_path, labels))
    assert task is tasks.TASKS["anomaly detection"]
    assert isinstance(found, KnownRows)
    truth = found.write(tmp_path / "work", exclude=(), seed=0)
    given = np.asarray(truth.samples.inputs["log_mel"])
    further = {"reconstruction": given + labels[:, None] + 1.0}
    assert truth.scores(further) == {"auc": 1.0, "reconstruction_error": pytest.approx(1.0, rel=1e-5)}
    assert truth.scores({"reconstruction": given + 1.0 - labels[:, None]})["auc"] == 0.0


@pytest.mark.parametrize("labels", [np.zeros(4), np.ones(4), np.array([0, 1, 2, 1])])
def test_labels_that_are_not_those_of_anomalies_are_refused(tmp_path: Path, labels: np.ndarray) -> None:
    with pytest.raises(UsageProblemError, match="takes 1 for each row that is anomalous"):
        tasks.examples(SUBJECT, saved(tmp_path, labels))


def test_outputs_that_are_no_numbers_or_of_another_shape_fail(tmp_path: Path) -> None:
    _, found = tasks.examples(SUBJECT, saved(tmp_path, np.array([0, 1])))
    truth = found.write(tmp_path / "work", exclude=(), seed=0)
    assert isinstance(truth, Spectra)
    assert isinstance(truth.samples, Samples)
    with pytest.raises(CheckFailedError, match="NaN"):
        truth.scores({"reconstruction": np.full((2, 640), np.nan)})
    with pytest.raises(CheckFailedError, match="shape"):
        truth.scores({"reconstruction": np.zeros((2, 64))})
