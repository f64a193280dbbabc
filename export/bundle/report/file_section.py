"""The part of the page that belongs to one file: every check with its bar and reason, operators, inputs, outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from export.bundle.report.layer_section import layer_section
from export.bundle.report.markup import facts, table, text
from export.bundle.report.rows import Row
from export.proof.check import in_words


def section(file: Mapping[str, Any], row: Row, command: str) -> str:
    """Return the folded part on one file; what failed stands open. `command` is that of the export."""
    is_open = " open" if row.state == "failed" else ""
    parts = [
        f'<p class="failed">{text(file["trouble"])}</p>' if file["trouble"] else "",
        *(f'<p class="noted">{text(note)}</p>' for note in file["notes"]),
        _checks(file["checks"]),
        layer_section(file.get("diagnosis"), command),
        _comparisons(file["comparisons"]),
        _census(file["census"]),
        _edges(file),
    ]
    return (
        f'<details{is_open}><summary>{text(file["file"])}<span class="quiet {row.state}">{text(row.verdict)}</span>'
        f'</summary><div class="inside">{"".join(parts)}</div></details>'
    )


def _checks(checks: Sequence[Mapping[str, Any]]) -> str:
    if not checks:
        return '<p class="quiet">Nothing was asked of this file.</p>'
    return f'<ul class="checks">{"".join(_check(check) for check in checks)}</ul>'


def _check(check: Mapping[str, Any]) -> str:
    style, mark = ("good", "&#10003;") if check["passed"] else ("failed", "&#10007;")
    measured = f": {text(in_words(check, digits=4))}" if check["value"] is not None else ""
    return (
        f'<li><span class="mark {style}">{mark}</span>{text(check["id"])} of <code>{text(check["subject"])}</code>'
        f'{measured}<span class="quiet">{text(check["reason"])}</span></li>'
    )


def _comparisons(comparisons: Mapping[str, Mapping[str, Any]]) -> str:
    if not comparisons:
        return ""
    columns = [
        ("output", False),
        ("samples", True),
        ("SQNR dB", True),
        ("largest error", True),
        ("there: model, file", True),
        ("same top-1 %", True),
        ("in top-5 %", True),
    ]
    rows = [
        [
            f"<code>{text(name)}</code>",
            text(one["sample_count"]),
            f"{one['sqnr_db']:.1f}",
            f"{one['max_abs_error']:.3g}",
            ", ".join(f"{value:.5g}" for value in one["worst"]),
            _percent(one["top1_agreement"]),
            _percent(one["top5_agreement"]),
        ]
        for name, one in comparisons.items()
    ]
    return f'<h3>Against the Keras model</h3><div class="wide">{table(columns, rows)}</div>'


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _census(census: Sequence[Mapping[str, Any]]) -> str:
    """Return a bar per operator: what a runtime executes, and in which numbers."""
    if not census:
        return ""
    largest = max(op["count"] for op in census)
    bars = [
        f'<span class="mono">{text(op["op"])}</span>'
        f'<span class="bar {_arithmetic(op)}" style="width:{100 * op["count"] / largest:.1f}%"></span>'
        f'<span class="mono">{text(op["count"])}</span>'
        for op in sorted(census, key=lambda op: (op["arithmetic"] == "none", -op["count"]))
    ]
    key = "".join(
        f'<span class="key {kind}"></span>{words}'
        for kind, words in (("integer", "integers"), ("float", "float"), ("none", "moves data only"))
    )
    return f'<h3>Operators as executed</h3><p class="quiet">{key}</p><div class="census">{"".join(bars)}</div>'


def _arithmetic(op: Mapping[str, Any]) -> str:
    kinds = {"integer": "integer", "int16": "integer", "float": "float"}
    return kinds.get(op["arithmetic"], "none")


def _edges(file: Mapping[str, Any]) -> str:
    pairs = [(kind, _edge(spec)) for kind in ("inputs", "outputs") for spec in file[kind]]
    pairs = [(kind.removesuffix("s"), markup) for kind, markup in pairs]
    if file["takes_camera_bytes"]:
        pairs.append(("feed", "the photo&#39;s own bytes, no arithmetic"))
    if file["p50_ms"] is not None:
        pairs.append(("time", f"p50 {file['p50_ms']:.3g} ms, p90 {file['p90_ms']:.3g} ms, one thread"))
    if file["sha256"]:
        pairs.append(("sha256", f'<span class="mono">{text(file["sha256"])}</span>'))
    return f"<h3>Inputs, outputs, digest</h3>{facts(pairs)}"


def _edge(spec: Mapping[str, Any]) -> str:
    shape = " x ".join(str(size) for size in spec["shape"])
    words = f"<code>{text(spec['name'])}</code> {text(spec['dtype'])} {text(shape)}"
    if spec["scale"] is None or spec["zero_point"] is None:
        return words
    return f"{words}; real = {spec['scale']:.6g} * (stored - {text(spec['zero_point'])})"
