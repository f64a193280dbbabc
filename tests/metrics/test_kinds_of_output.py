"""Outputs are compared by what they mean: a constant, a lost class and a flipped decision are found."""

from __future__ import annotations

import numpy as np
import pytest

from export.metrics import OutputKind, compare
from export.metrics.variation import variation
from export.proof.compare import compare_outputs
from export.scheme import INT8

RNG = np.random.default_rng(0)
DECISIONS, CLASSES, VALUES, LABELS = OutputKind.DECISIONS, OutputKind.CLASSES, OutputKind.VALUES, OutputKind.LABELS


def failures(reference: np.ndarray, actual: np.ndarray, kind: OutputKind) -> set[str]:
    """Return what the fidelity check of an int8 file finds."""
    judged = compare_outputs({"y": reference}, {"y": actual}, INT8, has_thresholds=True, kinds={"y": kind})
    return {check.quantity for check in judged.checks if not check.passed}


def test_a_constant_has_an_r2_of_zero_although_its_sqnr_is_high() -> None:
    kelvin = RNG.normal(290, 1, (64, 1))
    compared = compare(reference=kelvin, actual=np.full_like(kelvin, kelvin.mean()), kind=VALUES)
    assert compared.sqnr_db > 45
    assert compared.r2 == pytest.approx(0)
    assert compared.constant_outputs == 1


def test_r2_is_that_of_the_worst_of_few_values() -> None:
    """The second target is a thousand times smaller, so that pooled numbers hide its loss."""
    targets = RNG.normal(size=(64, 2)) * [1000, 1]
    lost = targets * [1, 0]
    assert variation(targets, lost, VALUES) == (pytest.approx(0, abs=0.1), 0)
    assert "variation over the samples, R2" in failures(targets, lost, VALUES)


def test_r2_of_many_values_is_pooled() -> None:
    embedding = RNG.normal(size=(64, 128))
    lost = embedding.copy()
    lost[:, 0] = 0
    r2, constant = variation(embedding, lost, VALUES)
    assert r2 == pytest.approx(127 / 128, abs=0.01)
    assert constant == 1
    assert failures(embedding, lost, VALUES) == {"outputs that became constant"}


def test_r2_is_unknown_where_the_reference_does_not_vary() -> None:
    assert variation(np.ones((8, 3)), np.ones((8, 3)), VALUES) == (None, 0)


def test_a_channel_of_a_map_that_became_constant_is_found() -> None:
    maps = RNG.normal(size=(16, 4, 4, 3))
    lost = maps.copy()
    lost[..., 1] = 0.5
    assert variation(maps, lost, VALUES)[1] == 1


def test_a_file_that_always_names_the_common_one_of_two_classes_fails() -> None:
    """Top-1, distinct predictions and SQNR alone would let it pass."""
    rare = np.arange(64) % 4 == 0
    reference = np.where(rare[:, None], [0.4, 0.6], [0.6, 0.4])
    actual = np.tile([0.6, 0.4], (64, 1))
    assert "common classes that are never predicted" in failures(reference, actual, CLASSES)


def test_near_ties_of_a_single_sample_lose_no_class() -> None:
    reference = np.tile([0.6, 0.4], (64, 1)) + RNG.normal(0, 0.02, (64, 2))
    reference[0] = [0.49, 0.51]
    actual = reference.copy()
    actual[0] = [0.51, 0.49]
    assert failures(reference, actual, CLASSES) == set()


def test_decisions_that_flip_are_counted() -> None:
    reference = RNG.uniform(size=(64, 4))
    actual = reference.copy()
    actual[:16] = 1 - actual[:16]
    compared = compare(reference=reference, actual=actual, kind=DECISIONS)
    assert compared.decision_agreement == compared.prediction_agreement == pytest.approx(0.75)
    assert compared.top1_agreement is None
    assert "share of equal decisions" in failures(reference, actual, DECISIONS)


def test_labels_are_compared_as_they_are() -> None:
    reference = np.arange(64)[:, None] % 8
    actual = np.where(reference == 3, 4, reference)
    compared = compare(reference=reference, actual=actual, kind=LABELS)
    assert compared.top1_agreement == pytest.approx(7 / 8)
    assert compared.lost_classes == 1


def test_class_maps_are_compared_position_by_position() -> None:
    reference = np.eye(3)[RNG.integers(0, 3, (4, 5, 5))]
    assert compare(reference=reference, actual=reference[::-1], kind=CLASSES).top1_agreement == pytest.approx(
        0.33, abs=0.15
    )
    assert compare(reference=reference, actual=reference, kind=CLASSES).top1_agreement == 1
