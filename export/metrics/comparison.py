"""Compare two sets of outputs as numbers, as predictions and in quantization steps."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from calibration.samples import Array
from export.metrics.directions import mean_cosine, nearest_agreement
from export.metrics.interval import share_interval, sqnr_interval_db
from export.metrics.near_ties import clear_change_share
from export.metrics.next_tokens import mean_kl_nats
from export.metrics.output_kind import OutputKind, by_shape
from export.metrics.variation import variation
from zoo.errors import CheckFailedError

# Bit-equal outputs have no noise; JSON has no infinity, so this value stands for it.
EQUAL_SQNR_DB = 200.0
TIED = 2.0**-20  # of the two scores: some roundings of float32
FIVE = 5  # classes of the top-5
ONE_HALF = 0.5  # the probability above which a decision is yes
# A class that the reference predicts for so many rows does not vanish by near-ties that flip.
COMMON_SHARE, FEWEST_ROWS = 0.05, 4


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One output of one file compared with its reference, over all samples.

    Attributes:
        sample_count: rows compared.
        max_abs_error: the largest |reference - actual|.
        worst: (reference, actual) at the position of max_abs_error.
        sqnr_db: 10 log10(sum reference^2 / sum (reference - actual)^2), all elements pooled.
        top1_agreement: share of samples with the same best class; None if the outputs are not rows of class scores.
        top5_agreement: share of samples whose best reference class is among the file's five best.
        distinct_predictions: number of different best classes in (reference, actual).
        kind: what the output means.
        r2: share of the variation over the samples that the file keeps; None if the reference does not vary.
        lost_classes: number of classes that the reference predicts for at least 5 % of the rows, and the file for none.
        constant_outputs: number of channels that vary in the reference but are constant in the file.
        decision_agreement: share of equal yes-or-no decisions; None for other outputs.
        sqnr_interval_db: the 95 % interval of the SQNR on 64 other samples; None if it is not known.
        top1_interval: the 95 % interval of `top1_agreement` on any number of other samples; None without it.
        clear_change_share: share of samples whose best class changes although its probability in the reference leads
            by more than 10 %; None for other outputs.
        mean_cosine: mean cosine between the vectors of embeddings; None for other outputs.
        nearest_agreement: share of samples whose nearest other sample, by the cosine, is the same; None for others.
        mean_kl_nats: mean divergence of the chances of the next token; None for other outputs.
    """

    sample_count: int
    max_abs_error: float
    worst: tuple[float, float]
    sqnr_db: float
    top1_agreement: float | None
    top5_agreement: float | None
    distinct_predictions: tuple[int, int] | None
    kind: OutputKind = OutputKind.VALUES
    r2: float | None = None
    lost_classes: int = 0
    constant_outputs: int = 0
    decision_agreement: float | None = None
    sqnr_interval_db: tuple[float, float] | None = None
    top1_interval: tuple[float, float] | None = None
    clear_change_share: float | None = None
    mean_cosine: float | None = None
    nearest_agreement: float | None = None
    mean_kl_nats: float | None = None

    @property
    def prediction_agreement(self) -> float | None:
        """Share of equal predictions: classes, labels, decisions or nearest samples; None for other numbers."""
        shares = (self.top1_agreement, self.decision_agreement, self.nearest_agreement)
        return next((share for share in shares if share is not None), None)

    def record(self) -> dict[str, Any]:
        """Return plain data for a manifest."""
        return asdict(self)


def compare(*, reference: Array, actual: Array, kind: OutputKind | None = None) -> Comparison:
    """Compare outputs (N, ...) as real numbers, and by what their kind means; without a kind, it follows the shape.

    Raises:
        CheckFailedError: the shapes differ, a value is not finite, or the outputs are empty.
    """
    _check(reference, actual)
    kind = kind or by_shape({"output": reference})["output"]
    expected, found = reference.astype(np.float64), actual.astype(np.float64)
    error = np.abs(expected - found)
    where = np.unravel_index(int(error.argmax()), error.shape)
    top1, top5, distinct = _predictions(expected, found, kind)
    r2, constant_outputs = variation(expected, found, kind)
    return Comparison(
        sample_count=len(expected),
        max_abs_error=float(error.max()),
        worst=(float(expected[where]), float(found[where])),
        sqnr_db=_sqnr_db(expected, error),
        top1_agreement=top1,
        top5_agreement=top5,
        distinct_predictions=distinct,
        kind=kind,
        r2=r2,
        lost_classes=_lost_classes(expected, found, kind),
        constant_outputs=constant_outputs,
        decision_agreement=_equal_decisions(expected, found) if kind is OutputKind.DECISIONS else None,
        sqnr_interval_db=sqnr_interval_db(expected, error),
        top1_interval=None if top1 is None else share_interval(top1, len(expected)),
        clear_change_share=_clear_changes(expected, found) if kind is OutputKind.CLASSES else None,
        mean_cosine=mean_cosine(expected, found) if kind is OutputKind.EMBEDDINGS else None,
        nearest_agreement=nearest_agreement(expected, found) if kind is OutputKind.EMBEDDINGS else None,
        mean_kl_nats=mean_kl_nats(reference, actual) if kind is OutputKind.NEXT_TOKENS else None,
    )


@dataclass(frozen=True, kw_only=True)
class StepComparison:
    """Two files of one scheme compared in units of the output's last bit (LSB).

    Attributes:
        within_one_step: share of the values that differ by at most one step.
        max_steps: the largest difference, in steps.
        top1_agreement: share of samples with the same best class.
    """

    within_one_step: float
    max_steps: int
    top1_agreement: float | None

    def record(self) -> dict[str, Any]:
        """Return plain data for a manifest."""
        return asdict(self)


def compare_steps(*, reference: Array, actual: Array, step: float, kind: OutputKind | None = None) -> StepComparison:
    """Compare real outputs (N, ...) that are multiples of `step`; `kind` as in `compare`.

    Raises:
        CheckFailedError: as `compare`.
    """
    overall = compare(reference=reference, actual=actual, kind=kind)
    steps = np.rint(np.abs(reference.astype(np.float64) - actual.astype(np.float64)) / step)
    return StepComparison(
        within_one_step=float((steps <= 1).mean()),
        max_steps=int(steps.max()),
        top1_agreement=overall.top1_agreement,
    )


def accuracy(logits: Array, labels: Array) -> tuple[float, float]:
    """Return (top-1, top-5) of logits (N, classes) against labels (N,).

    Raises:
        CheckFailedError: a logit is not finite, or the counts differ.
    """
    top1, top5 = hits(logits, labels)
    return top1 / len(labels), top5 / len(labels)


def hits(logits: Array, labels: Array) -> tuple[int, int]:
    """Return how many labels (N,) are the best class, and how many are among the best five, of logits (N, classes).

    Raises:
        CheckFailedError: a logit is not finite, or the counts differ.
    """
    if len(logits) != len(labels):
        raise CheckFailedError(f"{len(logits)} predictions for {len(labels)} labels")
    _check(logits, logits)
    return int((logits.argmax(1) == labels).sum()), int(_in_top5(labels, logits).sum())


def _check(reference: Array, actual: Array) -> None:
    if reference.shape != actual.shape:
        raise CheckFailedError(f"the shapes differ: {reference.shape} by the reference, {actual.shape} by the file")
    if reference.size == 0:
        raise CheckFailedError("there is nothing to compare")
    for whose, values in (("the reference", reference), ("the file", actual)):
        if not np.isfinite(values).all():
            raise CheckFailedError(f"{whose} gives {int((~np.isfinite(values)).sum())} NaN or infinite numbers")


def _sqnr_db(expected: Array, error: Array) -> float:
    signal, noise = float(np.vdot(expected, expected)), float(np.vdot(error, error))
    if noise == 0:
        return EQUAL_SQNR_DB
    return min(EQUAL_SQNR_DB, 10 * math.log10(signal / noise)) if signal > 0 else -EQUAL_SQNR_DB


def _predictions(
    expected: Array, found: Array, kind: OutputKind
) -> tuple[float | None, float | None, tuple[int, int] | None]:
    """Return top-1 agreement, top-5 agreement and distinct predictions; None where the outputs are no classes."""
    if kind is OutputKind.LABELS:
        return float((expected == found).mean()), None, (len(np.unique(expected)), len(np.unique(found)))
    if kind not in (OutputKind.CLASSES, OutputKind.NEXT_TOKENS):
        return None, None, None
    expected, found = (values.reshape(-1, values.shape[-1]) for values in (expected, found))
    best, predicted = expected.argmax(1), best_classes(expected, found)
    # Sorting a vocabulary takes long, and of at most five classes every one is among the five best.
    top5 = _top5(best, found) if kind is OutputKind.CLASSES and expected.shape[-1] > FIVE else None
    return float((best == predicted).mean()), top5, (len(np.unique(best)), len(np.unique(predicted)))


def _clear_changes(expected: Array, found: Array) -> float:
    expected, found = (values.reshape(-1, values.shape[-1]) for values in (expected, found))
    return clear_change_share(expected, expected.argmax(1), best_classes(expected, found))


def _lost_classes(expected: Array, found: Array, kind: OutputKind) -> int:
    """Return how many classes or decisions are common in the reference and never predicted by the file."""
    if kind in (OutputKind.VALUES, OutputKind.EMBEDDINGS, OutputKind.NEXT_TOKENS):
        return 0
    best, predicted = _labels(expected, expected, kind), _labels(expected, found, kind)
    classes, counts = np.unique(best, return_counts=True)
    common = classes[counts >= max(FEWEST_ROWS, COMMON_SHARE * len(best))]
    return len(np.setdiff1d(common, predicted))


def best_classes(expected: Array, found: Array) -> Array:
    """Return the best class of each row (N, C) of `found`: that of `expected`, if the two are tied in `expected`.

    Tied means equal up to the rounding of float32, as in a network without training whose scores do not vary.
    """
    best, predicted, rows = expected.argmax(1), found.argmax(1), np.arange(len(expected))
    first, second = expected[rows, best], expected[rows, predicted]
    size = np.maximum(np.abs(first), np.abs(second))  # not the row's: a masked class may have a score of -1e9
    return np.asarray(np.where(first - second <= TIED * size, best, predicted))


def _labels(expected: Array, values: Array, kind: OutputKind) -> Array:
    """Return the predictions as one row of numbers; decisions of different outputs are different classes."""
    if kind is OutputKind.CLASSES:
        return np.asarray(best_classes(*(one.reshape(-1, one.shape[-1]) for one in (expected, values))))
    if kind is OutputKind.DECISIONS:
        return np.asarray((values > ONE_HALF).reshape(-1))
    return values.reshape(-1)


def _equal_decisions(expected: Array, found: Array) -> float:
    return float(((expected > ONE_HALF) == (found > ONE_HALF)).mean())


def _top5(best: Array, found: Array) -> float:
    return float(_in_top5(best, found).mean())


def _in_top5(best: Array, found: Array) -> Array:
    five = np.argsort(-found, axis=1, kind="stable")[:, :FIVE]
    return np.asarray((five == best[:, None]).any(axis=1))


# If the reference predicts fewer different classes, a file that always predicts the same class would agree with it.
FEWEST_PREDICTIONS = 4


def enough_predictions(classes: int) -> int:
    """Return how many different predictions a model with `classes` classes must make on the samples."""
    return min(FEWEST_PREDICTIONS, classes)


def few_predictions(count: int) -> str:
    """Return a sentence about too few different predictions."""
    return f"the model gives only {count} different prediction{'s' * (count > 1)} on these samples"
