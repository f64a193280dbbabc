"""Changed predictions are clear ones if their class led by more than 10 % in the reference."""

from __future__ import annotations

import numpy as np
import pytest

from export.metrics import OutputKind, compare
from export.metrics.near_ties import leads


def logits(*shares: tuple[float, ...]) -> np.ndarray:
    return np.log(np.array(shares))


REFERENCE = logits((0.50, 0.45, 0.05), (0.50, 0.30, 0.20), (0.90, 0.05, 0.05), (0.2, 0.7, 0.1))


@pytest.mark.parametrize("as_logits", [True, False], ids=["logits", "probabilities"])
def test_near_ties_are_not_counted_as_clear(as_logits: bool) -> None:
    # The first two rows change: a lead of 5 % is a near tie, one of 20 % is not.
    file = logits((0.45, 0.50, 0.05), (0.30, 0.50, 0.20), (0.80, 0.1, 0.1), (0.2, 0.7, 0.1))
    reference, actual = (REFERENCE, file) if as_logits else (np.exp(REFERENCE), np.exp(file))
    found = compare(reference=reference, actual=actual, kind=OutputKind.CLASSES)
    assert (found.top1_agreement, found.clear_change_share) == (0.5, 0.25)


def test_other_outputs_have_no_clear_changes() -> None:
    assert compare(reference=REFERENCE, actual=REFERENCE, kind=OutputKind.VALUES).clear_change_share is None


def test_segmentation_counts_pixels() -> None:
    expected = REFERENCE.reshape(1, 2, 2, 3)
    actual = expected.copy()
    actual[0, 1, 0] = actual[0, 1, 0, ::-1]
    assert compare(reference=expected, actual=actual, kind=OutputKind.CLASSES).clear_change_share == 0.25


def test_leads_are_zero_where_nothing_changes() -> None:
    best = REFERENCE.argmax(1)
    np.testing.assert_allclose(leads(REFERENCE, best, np.array([1, 1, 0, 1])), [0.05, 0.2, 0.0, 0.0])
