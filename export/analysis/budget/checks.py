"""The budget checks of the delivered files, independent of the measurements during the search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from export.analysis.budget.result import BudgetResult
from export.analysis.evaluation import Labelled
from export.formats import PRIMARY
from export.metrics.interval import share_interval
from export.proof.artifact import Artifact
from export.proof.check import CheckResult
from export.proof.tolerances import ErrorTolerance
from export.units import size_in_words

# 95 % of a normal distribution lies below so many standard deviations.
ONE_SIDED_95 = 1.645


def judged(artifacts: list[Artifact], result: BudgetResult, photos: Labelled | None) -> list[Artifact]:
    """Return the artifacts, with budget checks added to those of the chosen precision."""
    return [
        replace(artifact, checks=(*artifact.checks, *_checks(artifact, result, photos)))
        if artifact.scheme == result.chosen.scheme and not artifact.trouble
        else artifact
        for artifact in artifacts
    ]


def resolution(count: int) -> str:
    """Return the resolution of a share of `count` samples, in words."""
    return f"one of {count} samples is {100 / count:.2g} %"


def upper_bound(share: float, count: int) -> float:
    """Return the upper bound of the true share with 95 % confidence (one-sided Wilson score interval)."""
    return share_interval(share, count, ONE_SIDED_95)[1]


def _checks(artifact: Artifact, result: BudgetResult, photos: Labelled | None) -> Iterator[CheckResult]:
    budget, better = result.budget, result.better

    def check(what: str, quantity: str, unit: str, value: float, limit: float, reason: str) -> CheckResult:
        tolerance = ErrorTolerance(largest=limit, reason=reason)
        return CheckResult.at_most(tolerance, value, id="budget", subject=what, quantity=quantity, unit=unit)

    if better is not None:
        reason = (
            f"int8 needs {len(result.chosen.raised)} layers in higher precision, but {better.label} also fits, with "
            f"{size_in_words(better.bytes)} and {better.p50_ms:.2f} ms: type --precision {better.scheme}"
        )
        yield CheckResult.stated("budget", "int8", reason, passed=False)
    if budget.max_drop is not None:
        yield check("top-1", *_drop(artifact, budget.max_drop, photos))
    if budget.max_bytes is not None:
        yield check("size", "size", "bytes", len(artifact.content), budget.max_bytes, "--max-size")
    if budget.is_for_microcontroller and artifact.format == PRIMARY.name:
        footprint = PRIMARY.footprint(artifact.content.read())
        limits = (
            ("RAM", "arena", footprint.given_bytes, budget.max_ram_bytes),
            ("flash", "size", len(artifact.content), budget.max_flash_bytes),
        )
        for what, quantity, used, limit in limits:
            if limit is not None:
                yield check(what, quantity, "bytes", used, limit, f"--max-{what.lower()}")
    if budget.max_latency_ms is not None and artifact.p50_ms is not None:
        reason = "--max-latency: median latency on one thread of this machine"
        yield check("latency", "median", "ms", artifact.p50_ms, budget.max_latency_ms, reason)


def _drop(artifact: Artifact, limit: float, photos: Labelled | None) -> tuple[str, str, float, float, str]:
    """Return the quantity, its unit, its value, its limit (both in percent), and the reason for the limit."""
    if photos is not None and artifact.scores is not None:
        lost, count = photos.lost(artifact.scores), photos.evaluation.count
        reason = f"--max-drop, on {count} labelled samples: {resolution(count)}"
        return f"lost {photos.headline.title}", "%", round(100 * lost, 9), 100 * limit, reason
    compared = [one for one in artifact.comparisons.values() if one.top1_agreement is not None]
    if not compared:  # Other checks report why there are no comparable outputs.
        return "changed predictions", "%", 100.0, 100 * limit, "--max-drop: no outputs could be compared"
    worst = min(compared, key=lambda one: one.top1_agreement or 0.0)
    changed, count = 1 - (worst.top1_agreement or 0.0), worst.sample_count
    bound = upper_bound(changed, count)
    reason = f"--max-drop, on {count} samples: {resolution(count)}, and the true share may be up to {bound:.1%}"
    return "changed predictions", "%", round(100 * changed, 9), 100 * limit, reason
