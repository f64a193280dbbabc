"""The manifest as one page for a browser: nothing outside it is loaded, every word from outside is escaped."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import fields
from importlib import resources
from string import Template
from typing import Any

from export.analysis.tasks import Metric
from export.bundle.report import budget_section, pruning_section
from export.bundle.report.file_section import section
from export.bundle.report.legend import legend
from export.bundle.report.markup import Column, facts, paragraphs, table, text
from export.bundle.report.rows import Row, headline, rows
from export.passes import registry
from export.recipe import Recipe

# Fields of a recipe and the options of `zoo export` that set them.
_FLAGS = {
    "weights": "--weights",
    "calibration": "--calibration",
    "calibration_count": "--calibration-count",
    "probe_count": "--probe-count",
    "observer": "--observer",
    "preprocessing": "--preprocessing",
    "evaluate": "--evaluate",
    "io": "--io",
    "seed": "--seed",
}


def page(manifest: Mapping[str, Any]) -> str:
    """Return report.html."""
    shown = rows(manifest)
    files = {file["file"]: file for file in (*manifest["files"], *manifest["not_delivered"])}
    verdict, state = _verdict(manifest, shown)
    lines = legend(manifest)
    return Template((resources.files("export.bundle.report") / "page.html").read_text(encoding="utf-8")).substitute(
        title=text(f"{manifest['name']}: {manifest['title']}"),
        name=text(shlex.quote(manifest["name"])),
        verdict=text(verdict),
        state=state,
        warnings=paragraphs([line for line in lines if _warns(line)], "noted"),
        table=_table(shown, headline(manifest)),
        legend=paragraphs(line for line in lines if not _warns(line)),
        slimming=pruning_section.section(manifest),
        budget=budget_section.section(manifest),
        files="\n".join(section(files[row.file], row, command(manifest["recipe"])) for row in shown),
        data=_data(manifest),
        origin=_origin(manifest),
        command=text(command(manifest["recipe"])),
    )


def command(recipe: Mapping[str, Any]) -> str:
    """Return what to type for the same export; folders are left out, as in the manifest."""
    defaults = {field.name: field.default for field in fields(Recipe)}
    words = ["zoo", "export", recipe["model"], "--precision", ",".join(recipe["precisions"])]
    words += ["--format", ",".join(recipe["formats"])] if recipe["formats"] else []
    for key, value in recipe["options"].items():
        words += ["--set", f"{key}={value}"]
    words += registry.words(recipe["passes"])
    for layer, width in recipe["raised"].items():
        words += ["--raise", f"{layer}={width}"]
    for key, flag in _FLAGS.items():
        if recipe[key] != defaults[key]:
            words += [flag, str(recipe[key])]
    words += ["--random-calibration"] if recipe["random_calibration"] else []
    words += [] if recipe["reconstruct"] else ["--no-reconstruct"]
    words += ["--diagnose"] if recipe.get("diagnose") else []
    return shlex.join(words)


def _verdict(manifest: Mapping[str, Any], shown: list[Row]) -> tuple[str, str]:
    failed = sum(row.state == "failed" for row in shown)
    if failed:
        return f"{failed} of {len(shown)} files failed", "failed"
    if not manifest["weights"]["trained"]:
        return "Untrained: every file runs, accuracy is not proven", "noted"
    if not manifest["probe"]["real"]:
        return "Noise as data: every file runs, accuracy is not proven", "noted"
    if any(row.state == "noted" for row in shown):
        return f"Proven: all {len(shown)} files keep their bars; read the remarks", "noted"
    return f"Proven: all {len(shown)} files are the model", "good"


def _warns(line: str) -> bool:
    return line.startswith(("untrained", "warning"))


def _table(shown: list[Row], metric: Metric | None) -> str:
    columns: list[Column] = [("file", False), ("size", True), ("of float32", True), ("SQNR dB", True)]
    columns += [("same top-1 %", True), (metric.heading if metric else "", True), ("p50 ms", True), ("verdict", False)]
    cells = [
        [
            text(row.file),
            *(text(word) for word in (row.size, row.ratio, row.sqnr, row.agreement, row.score, row.time)),
            f'<span><strong class="{row.state}">{text(row.verdict)}</strong> {text(row.reason)}</span>',
        ]
        for row in shown
    ]
    if not metric:
        del columns[5]
        for line in cells:
            del line[5]
    return table(columns, cells, "files")


def _data(manifest: Mapping[str, Any]) -> str:
    parts = [("proof (probe)", _samples(manifest["probe"]))]
    if calibration := manifest["calibration"]:
        parts.append(("calibration", _samples(calibration)))
        parts.append(("ranges observed by", text(calibration["observer"])))
        if stability := calibration["stability"]:
            worst = f"{stability['worst']:.0%} in <code>{text(stability['worst_tensor'])}</code>"
            parts.append(("two halves' ranges", f"differ by {stability['median']:.0%} (median), {worst} (worst)"))
    if evaluation := manifest["evaluation"]:
        parts.append(("evaluation", f"{evaluation['count']} labelled samples, {text(evaluation['samples']['source'])}"))
    for name, contract in manifest["inputs"].items():
        parts.append((f"input {name}", text(_joined(contract.items()))))
    return facts(parts)


def _samples(record: Mapping[str, Any]) -> str:
    noise = "" if record["real"] else "; <strong>noise</strong>"
    return (
        f"{text(record['count'])} samples: {text(record['source'])}; seed {text(record['seed'])}{noise}"
        f'<br><span class="quiet mono">sha256 {text(record["sha256"])}</span>'
    )


def _origin(manifest: Mapping[str, Any]) -> str:
    weights = manifest["weights"]
    source = f"{weights['name']}, from {weights['source']}" if weights["trained"] else f"none: {weights['reason']}"
    digest = f'<br><span class="quiet mono">sha256 {text(weights["sha256"])}</span>' if weights["sha256"] else ""
    versions = ((tool, version or "missing") for tool, version in manifest["versions"].items())
    return facts(
        [
            ("weights", text(source) + digest),
            ("versions", text(_joined(versions))),
            ("machine", text(_joined(manifest["machine"].items()))),
        ]
    )


def _joined(pairs: Iterable[tuple[str, Any]]) -> str:
    """Return "height 224, scale 0.0039, ..."."""
    return ", ".join(f"{name} {_word(value)}" for name, value in pairs)


def _word(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(dict.fromkeys(_word(item) for item in value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
