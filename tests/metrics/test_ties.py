"""Outputs that are equal up to the rounding of float32 are no different predictions, and no variation."""

from __future__ import annotations

import numpy as np

from export.metrics import OutputKind, compare

UNIFORM = np.full((40, 5), 0.2)


def test_any_of_tied_classes_is_the_best() -> None:
    reference = UNIFORM + 1e-8 * np.eye(5)[np.zeros(40, int)]
    other = UNIFORM + 1e-8 * np.eye(5)[np.full(40, 3)]
    found = compare(reference=reference, actual=other, kind=OutputKind.CLASSES)
    assert (found.top1_agreement, found.lost_classes) == (1.0, 0)


def test_a_class_that_is_ahead_by_more_than_rounding_is_another() -> None:
    reference = UNIFORM + 1e-5 * np.eye(5)[np.zeros(40, int)]
    found = compare(reference=reference, actual=UNIFORM + 1e-5 * np.eye(5)[np.full(40, 3)], kind=OutputKind.CLASSES)
    assert (found.top1_agreement, found.lost_classes) == (0.0, 1)


def test_classes_that_vary_by_next_to_nothing_have_no_variation_to_keep() -> None:
    random = np.random.default_rng(0)
    reference = np.eye(5)[np.zeros(40, int)]
    reference[:, 1] = random.uniform(0, 1e-25, 40)
    assert compare(reference=reference, actual=np.eye(5)[np.zeros(40, int)], kind=OutputKind.CLASSES).r2 is None
    values = compare(reference=reference, actual=np.eye(5)[np.zeros(40, int)], kind=OutputKind.VALUES)
    assert values.r2 is not None  # a value in a unit of its own
    assert values.r2 < 0


def test_one_huge_score_in_a_row_ties_no_others() -> None:
    """As where an action that is not allowed has the score -1e9."""
    random = np.random.default_rng(0)
    reference = random.normal(size=(40, 6))
    reference[:, 5] = -1e9
    reversed_scores = np.where(reference < -1e8, reference, -reference)
    found = compare(reference=reference, actual=reversed_scores, kind=OutputKind.CLASSES)
    assert found.top1_agreement == 0.0
    constant = np.where(reference < -1e8, reference, 0.0)
    assert compare(reference=reference, actual=constant, kind=OutputKind.CLASSES).constant_outputs == 5
