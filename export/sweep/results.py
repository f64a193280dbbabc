"""What a sweep writes beside its store: index.html, results.csv, results.json, and links to the folders of the jobs."""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from export.bundle.report.sweep_page import page
from export.sweep.job import Outcome
from export.sweep.rows import Row, rows
from export.sweep.store import Store
from export.units import size_in_words
from zoo.errors import OutsideError

PAGE, TABLE, DATA, LINKS = "index.html", "results.csv", "results.json", "exports"
COLUMNS = (
    *("job", "model", "recipe", "devices", "file", "format", "precision", "bytes", "sqnr_db", "same_top1", "metric"),
    *("score", "p50_ms", "passed", "verdict", "reason", "error", "on_front", "seconds", "processor_seconds"),
    *("peak_bytes", "attempts", "machine", "processor", "time", "folder", "key"),
)


def write(outcomes: Sequence[Outcome], store: Store, out: Path, *, total: int, title: str, command: str) -> list[Row]:
    """Write the results of a sweep, and return their rows.

    Raises:
        OutsideError: they cannot be written.
    """
    found = rows(outcomes, store)
    facts = {
        "title": title,
        "command": command,
        "jobs": total,
        "left": total - len(outcomes),
        "failed": sum(not outcome.is_good for outcome in outcomes),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        _link(outcomes, store, out / LINKS)
        shown = [{**row, "link": _report(row, store, out)} for row in found]
        _replace(out / PAGE, page({**facts, "facts": _facts(found, store)}, shown))
        _replace(out / TABLE, _table(found))
        _replace(out / DATA, json.dumps({**facts, "store": store.url, "rows": found}, indent=1))
    except OSError as error:
        raise OutsideError(f"cannot write the results to {out} ({error.strerror or error})") from error
    return found


def _facts(found: Sequence[Row], store: Store) -> dict[str, str]:
    jobs = {row["key"]: row for row in found if row["seconds"] is not None}.values()
    if not jobs:
        return {"store": store.url}
    machines = dict.fromkeys(f"{row['machine']} ({row['processor']})" for row in jobs)
    spent = [row["processor_seconds"] for row in jobs]
    return {
        "store": store.url,
        "machines": ", ".join(machines),
        "processor time": f"{sum(spent):.0f} s in all, {sum(spent) / len(spent):.1f} s per job",
        "memory": f"at most {size_in_words(max(row['peak_bytes'] for row in jobs))} per job",
    }


def _table(found: Sequence[Row]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, extrasaction="ignore", restval="", lineterminator="\n")
    table.writeheader()
    table.writerows({**row, "devices": " ".join(row["devices"])} for row in found)
    return text.getvalue()


def _link(outcomes: Sequence[Outcome], store: Store, folder: Path) -> None:
    """Link the folders of jobs by their names, which people read, to those of the store, if it is on this machine."""
    if store.folder is None:
        return
    folder.mkdir(exist_ok=True)
    for outcome in outcomes:
        if outcome.export is not None and outcome.export["delivered"]:
            place = Path(store.place(outcome.export)) / str(outcome.export["name"])
            _linked(folder / outcome.job.name, place)
        for device, pack in outcome.packs.items():
            if not pack["error"]:
                inside = next(Path(store.place(pack)).iterdir())
                _linked(folder / f"{outcome.job.name}-{device}", inside)


def _linked(link: Path, place: Path) -> None:
    """Make or replace a link in one step."""
    if link.exists() and not link.is_symlink():
        return  # the user's own
    new = link.with_name(f".{link.name}.{secrets.token_hex(4)}")
    new.symlink_to(os.path.relpath(place, link.parent))
    new.replace(link)


def _report(row: Row, store: Store, out: Path) -> str:
    """Return the address of a job's report, from the page; empty if it is on another machine."""
    if store.folder is None or not row["folder"]:
        return ""
    return quote(os.path.relpath(Path(row["folder"]) / "report.html", out))


def _replace(path: Path, content: str) -> None:
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        new.write_text(content, encoding="utf-8")
        new.replace(path)
    finally:
        with suppress(FileNotFoundError):
            new.unlink()
