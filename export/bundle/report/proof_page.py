"""The report of a file of any maker: one self-contained page, in which every value is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from export.bundle.report import facts, file_words
from export.bundle.report.parts import Column, Fact, Table
from export.bundle.report.proof_words import HEADINGS, about, conclusion, rows
from export.bundle.report.rendering import render

_STATES = {"proven": "good", "not proven": "noted", "failed": "failed"}


def proof_page(found: Mapping[str, Any]) -> str:
    """Return the page for the record of a proof."""
    table = Table(
        [Column(heading) for heading in HEADINGS],
        [[row.check, row.subject, row.result, row.measured] for row in rows(found)],
    )
    return render(
        "proof.html",
        title=f"{found['file']}: proof",
        verdict=(conclusion(found), _STATES[found["verdict"]]),
        about=about(found),
        faults=found["faults"],
        remarks=found["remarks"],
        checks=table,
        reasons=_reasons(found),
        not_made=[Fact(one["id"], one["reason"]) for one in found["checks_not_made"]],
        comparisons=file_words.comparisons(found),
        operators=file_words.operators(found),
        arithmetic=file_words.ARITHMETIC,
        edges=list(facts.edges({**found, "takes_camera_bytes": False})),
        data=_data(found),
    )


def _reasons(found: Mapping[str, Any]) -> list[Fact]:
    """Return why each threshold was chosen."""
    reasons = {check["id"]: check["reason"] for check in found["checks"] if check["value"] is not None}
    return [Fact(id, reason) for id, reason in reasons.items()]


def _data(found: Mapping[str, Any]) -> list[Fact]:
    weights = found["weights"]
    trained = "" if weights["trained"] else f"; untrained: {weights['reason']}"
    lines = [Fact("model", f"{found['model']['title']}, weights {weights['name']}{trained}")]
    for name, key in (("outputs compared on", "probe"), ("ranges also checked on", "calibration")):
        record = found[key]
        lines.append(Fact(name, f"{record['count']} samples: {record['source']}", digest=record["sha256"]))
    return lines
