"""The legend below the result table, for the terminal and for report.html."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from export.analysis.tasks import TASKS
from export.bundle.incomparable import says_incomparable
from export.bundle.report.rows import headline
from export.metrics import OutputKind, enough_predictions, few_predictions


def legend(manifest: Mapping[str, Any]) -> list[str]:
    """Return the lines below the table: what was compared, on which samples, and warnings."""
    probe, calibration, weights = manifest["probe"], manifest["calibration"], manifest["weights"]
    lines = [
        f"SQNR and {_agreement_in_words(manifest)}: compared with the Keras model on {probe['count']} samples "
        f"({probe['source']}); p50 ms: median latency on one thread of this machine",
    ]
    if calibration:
        stability = calibration["stability"]
        halves = f"; ranges from two halves differ by up to {stability['worst']:.0%}" if stability else ""
        lines.append(f"calibrated on {calibration['count']} samples ({calibration['source']}){halves}")
    if metric := headline(manifest):
        found = manifest["evaluation"]
        reached = ", ".join(
            f"{one.title} {one.words(found['scores'][one.key])} {one.unit}".rstrip()
            for one in TASKS[found["task"]].metrics
            if one.key in found["scores"]  # of at most five classes there is no top-5
        )
        lines.append(f"{metric.title}: on {found['count']} labelled samples; the Keras model reaches {reached}")
    evaluated = manifest["evaluation"]["samples"]["warnings"] if manifest["evaluation"] else []
    warnings = (*probe["warnings"], *evaluated, *_weights_warnings(manifest), *_few_predictions_warning(manifest))
    lines += [f"warning: {warning}" for warning in warnings]
    lines += [f"note: {note}" for note in manifest.get("notes", ())]  # exports of earlier versions have none
    if weights.get("taken_as_trained"):
        lines.append(f"weights: {weights['name']}, assumed to be trained")
    if not weights["trained"]:
        valid = (
            "sizes, operators and speed" if says_incomparable(manifest) else "sizes, operators, speed and float parity"
        )
        lines.append(f"untrained ({weights['reason']}): {valid} are valid, accuracy is not")
    return lines


def _agreement_in_words(manifest: Mapping[str, Any]) -> str:
    """Return what the column of the agreement holds: predictions, or the variation of outputs that are numbers."""
    compared = [one for file in manifest["files"] for one in file["comparisons"].values()]
    kinds = {one.get("kind", OutputKind.CLASSES) for one in compared}
    if OutputKind.EMBEDDINGS in kinds:
        shares = [one["nearest_agreement"] for one in compared if one.get("nearest_agreement") is not None]
        same = f"; the same nearest sample for {min(shares):.0%} and more" if shares else ""
        return f"cos (mean cosine with its vectors{same})"
    if kinds and kinds <= {OutputKind.VALUES}:
        return "R2 (share of the outputs' variation that is kept)"
    return "same decision" if OutputKind.DECISIONS in kinds and OutputKind.CLASSES not in kinds else "same top-1"


def _weights_warnings(manifest: Mapping[str, Any]) -> list[str]:
    """Return why trained weights were not reconstructed, unless the user or noise inputs are the reason."""
    if not (manifest["recipe"]["reconstruct"] and manifest["weights"]["trained"] and manifest["probe"]["real"]):
        return []
    reasons = [record["skipped_because"] for record in manifest["passes"] if "skipped_because" in record]
    return [f"weights were rounded without reconstruction: {reason}" for reason in reasons]


def _few_predictions_warning(manifest: Mapping[str, Any]) -> list[str]:
    """Return a warning if the model predicts too few distinct classes for same top-1 to be meaningful."""
    if not (manifest["weights"]["trained"] and manifest["probe"]["real"]):
        return []
    counts = [
        compared["distinct_predictions"][0]
        for file in (*manifest["files"], *manifest["not_delivered"])
        for spec in file["outputs"]
        if (compared := file["comparisons"].get(spec["name"])) and compared["distinct_predictions"]
        if compared["distinct_predictions"][0] < enough_predictions(spec["shape"][-1])
    ]
    if not counts:
        return []
    return [
        f"same top-1 is not meaningful: {few_predictions(min(counts))}; give samples with --calibration or --evaluate"
    ]
