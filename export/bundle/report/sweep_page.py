"""index.html of a sweep: its files beside each other, as a self-contained page in which every value is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from export.bundle.report.parts import Fact
from export.bundle.report.rendering import render
from export.bundle.report.sweep_chart import charts

SweepRow = Mapping[str, Any]

OWN_MODEL = (
    "SQNR and same top-1 compare a file with its own model, not models with each other: each model has a front of its "
    "own. For the accuracy of models, give labelled data: evaluate in the file of the sweep."
)
BY_METRIC = "Files with the same metric on labelled data share a front, whatever their model."
BEHIND = "Latency is that of one thread, measured while other jobs ran on the same machine; see: zoo bench"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row of the table of files."""

    job: str
    link: str
    precision: str
    format: str
    size: str
    sqnr: str
    agreement: str
    score: str
    time: str
    front: str
    verdict: str
    reason: str
    state: str


def page(sweep: Mapping[str, Any], rows: Sequence[SweepRow]) -> str:
    """Return index.html.

    Args:
        sweep: facts of the whole sweep: "title", "jobs", "failed", "command", "facts" (name -> words).
        rows: one per file, or per job without files; "link" is the address of its report, from the page.
    """
    files = [row for row in rows if row["file"]]
    headings = list(dict.fromkeys(row["metric_heading"] for row in files if row["score"] is not None))
    return render(
        "sweep.html",
        title=sweep["title"],
        verdict=_verdict(sweep, rows),
        failed=[Fact(job, why) for job, why in _failures(rows).items()],
        charts=charts(files),
        legend=_legend(files),
        lines=[_line(row) for row in rows],
        score=headings[0] if len(headings) == 1 else "",
        facts=[Fact(name, words) for name, words in sweep["facts"].items()],
        command=sweep["command"],
    )


def _verdict(sweep: Mapping[str, Any], rows: Sequence[SweepRow]) -> tuple[str, str]:
    """Return the verdict on all jobs, and its state."""
    total, failed, left = sweep["jobs"], sweep["failed"], sweep["left"]
    if failed:
        return f"{failed} of {total} jobs failed", "failed"
    if left:
        return f"{left} of {total} jobs are not done: the sweep was interrupted", "noted"
    if any(row["state"] == "noted" for row in rows):
        return f"The files of all {total} jobs pass their checks; read the remarks", "noted"
    return f"Proven: the files of all {total} jobs", "good"


def _failures(rows: Sequence[SweepRow]) -> dict[str, str]:
    """Return why a job failed, by its name."""
    found: dict[str, list[str]] = {}
    for row in rows:
        reasons = [row["error"]] if row["error"] else []
        reasons += [f"{row['file']}: {row['reason']}"] if row["file"] and row["state"] == "failed" else []
        if reasons:
            found[row["job"]] = list(dict.fromkeys([*found.get(row["job"], []), *reasons]))
    return {job: "; ".join(reasons) for job, reasons in found.items()}


def _legend(files: Sequence[SweepRow]) -> list[str]:
    by_metric = any(row["score"] is not None for row in files)
    by_model = any(row["score"] is None for row in files)
    return [*([BY_METRIC] if by_metric else []), *([OWN_MODEL] if by_model else []), BEHIND]


def _line(row: SweepRow) -> Line:
    words = row.get("words") or {}
    return Line(
        job=row["job"],
        link=row.get("link", ""),
        precision=words.get("scheme", "-"),
        format=words.get("format", "-"),
        size=words.get("size", "-"),
        sqnr=words.get("sqnr", "-"),
        agreement=words.get("agreement", "-"),
        score=words.get("score", ""),
        time=words.get("time", "-"),
        front="yes" if row["on_front"] else "",
        verdict=row["verdict"],
        reason=row.get("reason") or row["error"],
        state=row["state"],
    )
