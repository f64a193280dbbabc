"""Rows of the result table, for the terminal and for report.html."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from export.analysis.tasks import TASKS, Metric
from export.formats import PRIMARY
from export.proof.check import in_words
from export.units import size_in_words, time_in_words


@dataclass(frozen=True, kw_only=True)
class Row:
    """The cells of one file; a cell without a value is empty."""

    file: str
    scheme: str
    format: str
    size: str
    ratio: str
    sqnr: str
    agreement: str
    score: str
    time: str
    verdict: str
    reason: str
    state: str  # "good", "noted" or "failed"


def rows(manifest: Mapping[str, Any]) -> list[Row]:
    """Return a row per file, float32 first, then in the order of the recipe."""
    files = [*manifest["files"], *manifest["not_delivered"]]
    order = ["float32", *(name for name in manifest["recipe"]["precisions"] if name != "float32")]
    files.sort(key=lambda file: (order.index(file["precision"]), file["format"] != PRIMARY.name))
    floats = {file["format"]: file for file in files if file["precision"] == "float32"}
    return [_row(file, floats.get(file["format"]), manifest) for file in files]


def headline(manifest: Mapping[str, Any]) -> Metric | None:
    """Return the main metric of the evaluation; None without labelled data."""
    evaluation = manifest["evaluation"]
    return TASKS[evaluation["task"]].metrics[0] if evaluation else None


def _row(file: Mapping[str, Any], float_file: Mapping[str, Any] | None, manifest: Mapping[str, Any]) -> Row:
    compared = list(file["comparisons"].values())
    worst = min(compared, key=lambda one: one["sqnr_db"]) if compared else None
    verdict, reason, state = _verdict(file, manifest)
    metric = headline(manifest)
    return Row(
        file=file["file"],
        scheme=_precision(file),
        format=f".{file['format']}",
        size=size_in_words(file["bytes"]) if file["bytes"] else "-",
        ratio=_ratio(file["bytes"], float_file["bytes"] if float_file else 0),
        sqnr=f"{worst['sqnr_db']:.1f}" if worst else "-",
        agreement=_agreement(compared),
        score=metric.words(file["scores"][metric.key]) if metric and file["scores"] else "",
        time=time_in_words(file["p50_ms"]) if file["p50_ms"] is not None else "-",
        verdict=verdict,
        reason=reason,
        state=state,
    )


def _agreement(compared: Sequence[Mapping[str, Any]]) -> str:
    """Return the share of equal predictions in percent, R2 of numbers, or the cosine of vectors; of the worst."""
    cosines = [one["mean_cosine"] for one in compared if one.get("mean_cosine") is not None]
    if cosines:
        return f"cos {min(cosines):.4f}"
    shares = [one["top1_agreement"] for one in compared if one["top1_agreement"] is not None]
    shares += [one["decision_agreement"] for one in compared if one.get("decision_agreement") is not None]
    kept = [one["r2"] for one in compared if one.get("r2") is not None]
    if shares:
        return f"{100 * min(shares):.1f}"
    return f"R2 {min(kept):.4f}" if kept else "-"


def _precision(file: Mapping[str, Any]) -> str:
    """Return "int8", or "int8, 8 layers int16" if layers are kept in higher precision."""
    widths = Counter(file["raised"].values())
    if not widths:
        return str(file["precision"])
    width = next(iter(widths)) if len(widths) == 1 else "wider"
    return f"{file['precision']}, {widths.total()} layer{'s' * (widths.total() > 1)} {width}"


def _verdict(file: Mapping[str, Any], manifest: Mapping[str, Any]) -> tuple[str, str, str]:
    failed = [check for check in file["checks"] if not check["passed"]]
    if file["trouble"]:
        return ("not written" if not file["bytes"] else "does not run"), file["trouble"], "failed"
    if failed:
        return (
            "failed",
            _failure(failed[0]) + (f" (and {len(failed) - 1} more)" if failed[1:] else ""),
            "failed",
        )
    notes = list(file["notes"])
    if file.get("compared_only"):
        return "runs", "; ".join(["outputs and weights are compared, graph and grids are not proven", *notes]), "noted"
    untrained = not manifest["weights"]["trained"] or not manifest["probe"]["real"]
    if untrained and file["precision"] != "float32":
        why = "untrained" if not manifest["weights"]["trained"] else "noise"
        return "runs", "; ".join([f"{why}: accuracy is not proven", *notes]), "noted"
    unequal = [one["reason"] for one in file.get("checks_not_made", ()) if one["id"] == "parity"]
    if file["precision"] == "float32" and unequal:
        return "runs", "; ".join([*unequal, *notes]), "noted"
    if notes:
        return "proven", "; ".join(notes), "noted"
    requested = file["precision"] in manifest["recipe"]["precisions"]
    return "proven", "" if requested else "for comparison, not written", "good"


def _failure(check: Mapping[str, Any]) -> str:
    if check["value"] is None:
        return f"{check['id']} of {check['subject']}: {check['reason']}"
    return f"{check['id']}: {in_words(check)}"


def _ratio(size: int, float_size: int) -> str:
    return f"{size / float_size:.2f}" if size and float_size else "-"
