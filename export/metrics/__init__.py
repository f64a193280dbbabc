"""Metrics between two sets of outputs, strict: computed in float64, equal shapes required, non-finite values fail."""

from __future__ import annotations

from export.metrics.comparison import (
    EQUAL_SQNR_DB,
    FIVE,
    Comparison,
    StepComparison,
    accuracy,
    best_classes,
    compare,
    compare_steps,
    enough_predictions,
    few_predictions,
    hits,
)
from export.metrics.output_kind import OutputKind, by_shape

__all__ = [
    "EQUAL_SQNR_DB",
    "FIVE",
    "Comparison",
    "OutputKind",
    "StepComparison",
    "accuracy",
    "best_classes",
    "by_shape",
    "compare",
    "compare_steps",
    "enough_predictions",
    "few_predictions",
    "hits",
]
