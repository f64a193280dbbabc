"""What a sweep keeps of a manifest: a row per requested file, for tables, the page and the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from export.bundle.report.rows import Row, headline, rows

# Shares of equal predictions in the comparisons of a file, one of which its task has.
SHARES = ("top1_agreement", "decision_agreement")


def summary(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts about an export that a sweep shows, as plain data."""
    metric = headline(manifest)
    files = {file["file"]: file for file in (*manifest["files"], *manifest["not_delivered"])}
    delivered = {file["file"] for file in manifest["files"]}
    requested = manifest["recipe"]["precisions"]
    return {
        "name": manifest["name"],
        "passed": manifest["passed"],
        "delivered": bool(delivered),
        "proves": manifest["proves"],
        "weights": manifest["weights"]["name"],
        "trained": manifest["weights"]["trained"],
        "metric": metric.key if metric else "",
        "metric_heading": metric.heading if metric else "",
        "files": [
            _file(row, files[row.file], metric.key if metric else "", row.file in delivered)
            for row in rows(manifest)
            if files[row.file]["precision"] in requested
        ],
    }


def _file(row: Row, file: Mapping[str, Any], metric: str, delivered: bool) -> dict[str, Any]:
    compared = list(file["comparisons"].values())
    decibels = [one["sqnr_db"] for one in compared if one["sqnr_db"] is not None]
    shares = [one[share] for one in compared for share in SHARES if one.get(share) is not None]
    return {
        "words": asdict(row),
        "precision": file["precision"],
        "bytes": file["bytes"],
        "sqnr_db": min(decibels, default=None),
        "same_top1": min(shares, default=None),
        "score": file["scores"][metric] if metric and file["scores"] else None,
        "p50_ms": file["p50_ms"],
        "delivered": delivered,
        "passed": file["passed"],
    }
