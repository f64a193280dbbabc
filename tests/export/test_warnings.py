"""Warnings below the table about the reliability of its numbers."""

from __future__ import annotations

from typing import Any

import pytest

from export.bundle.report.legend import legend
from export.metrics import enough_predictions

REASON = "too few samples, 2; give at least 8"


def manifest(*, skipped: str = "", distinct: tuple[int, int] | None = (8, 8), classes: int = 10) -> dict[str, Any]:
    file = {
        "outputs": [{"name": "logits", "shape": [1, classes]}],
        "comparisons": {"logits": {"distinct_predictions": distinct}},
    }
    return {
        "recipe": {"reconstruct": True},
        "weights": {"name": "mine", "trained": True, "reason": ""},
        "passes": [{"name": "reconstruct", "skipped_because": skipped}] if skipped else [{"name": "fold"}],
        "probe": {"count": 64, "source": "photos", "real": True, "warnings": []},
        "calibration": None,
        "evaluation": None,
        "files": [file],
        "not_delivered": [{"outputs": [], "comparisons": {}}],
    }


def warnings(record: dict[str, Any]) -> list[str]:
    return [line for line in legend(record) if line.startswith("warning: ")]


def test_good_export_has_no_warnings() -> None:
    assert warnings(manifest()) == []
    assert warnings(manifest(distinct=None)) == []


def test_skipped_reconstruction_is_reported_with_the_reason() -> None:
    assert warnings(manifest(skipped=REASON)) == [f"warning: weights were rounded without reconstruction: {REASON}"]


@pytest.mark.parametrize(
    "known",
    [{"recipe": {"reconstruct": False}}, {"weights": {"trained": False, "reason": "-"}}, {"probe": {"real": False}}],
    ids=["--no-reconstruct", "untrained", "noise"],
)
def test_known_reasons_cause_no_warning(known: dict[str, Any]) -> None:
    record = manifest(skipped=REASON, distinct=(1, 1))
    for key, value in known.items():
        record[key] = {**record[key], **value}
    assert not any("without reconstruction" in line for line in warnings(record))
    if "recipe" not in known:
        assert warnings(record) == []


@pytest.mark.parametrize(
    ("distinct", "classes", "said"),
    [
        (1, 10, "only 1 different prediction on"),
        (3, 1000, "only 3 different predictions on"),
        (1, 2, "only 1 different"),
    ],
)
def test_too_few_distinct_predictions_cause_a_warning(distinct: int, classes: int, said: str) -> None:
    (line,) = warnings(manifest(distinct=(distinct, distinct), classes=classes))
    assert said in line
    assert "--calibration" in line
    assert "--evaluate" in line


@pytest.mark.parametrize(("distinct", "classes"), [(4, 10), (2, 2), (3, 3)])
def test_maximum_number_of_distinct_predictions_is_enough(distinct: int, classes: int) -> None:
    assert distinct >= enough_predictions(classes)
    assert warnings(manifest(distinct=(distinct, distinct), classes=classes)) == []
