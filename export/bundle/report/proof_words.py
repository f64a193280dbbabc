"""The proof of a file of any maker in words, for the terminal and the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from export.proof.check import in_words
from export.units import size_in_words

HEADINGS = ("check", "of", "result", "measured")


@dataclass(frozen=True)
class Row:
    """One check: its id, what it is about, its result and what was measured."""

    check: str
    subject: str
    result: str  # "passed", "failed" or "not made"
    measured: str


def about(found: Mapping[str, Any]) -> list[str]:
    """Return lines on what the file is and what it was compared with."""
    maker = f", written by {found['maker']!r}" if found["maker"] else ""
    kind = f"{size_in_words(found['bytes'])}, .{found['format']}, {found['precision_in_words']}"
    count, source = found["probe"]["count"], found["probe"]["source"]
    return [
        f"{found['file']}: {kind}{maker}",
        f"compared with {found['model']['title']} on {count} samples ({source})",
    ]


def rows(found: Mapping[str, Any]) -> Iterator[Row]:
    """Yield a row for every result, then one for every check that applies but was not made."""
    for check in found["checks"]:
        result = "passed" if check["passed"] else "failed"
        measured = in_words(check) if check["value"] is not None else check["reason"]
        yield Row(check["id"], check["subject"], result, measured)
    for one in found["checks_not_made"]:
        if one["missing"] or one["id"] in found["missing"]:
            yield Row(one["id"], "", "not made", one["reason"])


def conclusion(found: Mapping[str, Any]) -> str:
    """Return the verdict in one sentence."""
    name, model = found["file"], found["model"]["title"]
    if found["verdict"] == "proven":
        return f"proven: {name} computes what {model} computes"
    if found["verdict"] == "failed":
        failed = dict.fromkeys(check["id"] for check in found["checks"] if not check["passed"])
        unknown = "" if found["faults"] else "; no known fault explains it"
        return f"not proven: {name} fails {', '.join(failed)}{unknown}"
    return f"not proven: nothing failed, but {' and '.join(found['missing'])} could not be checked"
