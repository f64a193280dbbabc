"""The full sweep: every architecture exported at full size, and every tiny variant proven; written into docs/zoo.md.

python -m benchmarks sweep [--models NAME,NAME] [--only tiny] [--again]
Measurements are kept in build/sweep and used again, so the sweep may be stopped at any time. The results of the proofs
are written to zoo/proofs/proofs.json, for `zoo list`. Networks that read text have a table of
their own, and no tiny variants, as those that read features.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import zoo
from benchmarks import tiny_examples
from benchmarks.cost import ZOO
from benchmarks.page import between, machine
from benchmarks.process import measure, python
from export.analysis.tasks import TASKS
from export.runtime.versions import version
from export.units import count_in_words

PAGE = Path("docs/zoo.md")
PROOFS = Path("zoo/proofs/proofs.json")
KEPT = Path("build/sweep")
PARTS = ("full", "tiny")
FULL = ("--int8",)
TINY = ("--weights", "tiny", "--precision", "float32,float16,int8")

MADE_WITH = ("tensorflow", "keras", "ai-edge-litert", "ai-edge-quantizer", "onnx", "onnxruntime")

Record = dict[str, Any]


def main(words: Sequence[str]) -> int:
    """Measure the missing architectures, and write the page after each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks sweep", description=__doc__)
    parser.add_argument("--models", default=",".join(zoo.names()), help="architectures; all of them if not given")
    parser.add_argument(
        "--only", choices=PARTS, help="the full-size networks, or their tiny variants; both if not given"
    )
    parser.add_argument("--again", action="store_true", help="also repeat measurements that are kept")
    arguments = parser.parse_args(words)
    KEPT.mkdir(parents=True, exist_ok=True)
    for name in sorted(arguments.models.split(","), key=lambda name: zoo.find(name).parameter_count):
        path = KEPT / f"{name}.json"
        kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else dict.fromkeys(PARTS)
        for part in (arguments.only,) if arguments.only else PARTS:
            if part == "tiny" and (zoo.find(name).reads_text or zoo.find(name).trained_as("tiny") is None):
                continue
            if arguments.again or kept.get(part) is None:
                kept[part] = _measured(name, part)
        path.write_text(json.dumps(kept), encoding="utf-8")
        write_page()
    return 0


def write_page() -> None:
    """Write the tables of all measurements into the page."""
    kept = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(KEPT.glob("*.json"))}
    known = {name: kept[name] for name in zoo.names() if name in kept}
    page = PAGE.read_text(encoding="utf-8")
    of_photos, of_texts = (
        {name: one for name, one in known.items() if zoo.find(name).reads_text is side} for side in (False, True)
    )
    sections = {"full size": full_table(of_photos), "tiny variants": tiny_table(of_photos)} if of_photos else {}
    sections |= {"texts": text_table(of_texts)} if of_texts else {}
    for section, rows in sections.items():
        page = between(page, f"<!-- {section} -->", f"<!-- end of {section} -->", "\n".join(rows))
    PAGE.write_text(page, encoding="utf-8")
    found = {name: {part: _proof(record[part]) for part in PARTS if record[part]} for name, record in known.items()}
    before = json.loads(PROOFS.read_text(encoding="utf-8"))
    proofs = {name: before.get(name, {}) | found.get(name, {}) for name in zoo.names() if name in {*found, *before}}
    PROOFS.write_text(json.dumps(proofs, indent=1) + "\n", encoding="utf-8")


def full_table(kept: Mapping[str, Record]) -> list[str]:
    """Return the table of the full-size exports of networks that take photos or features."""
    return _table_of_exports(kept, "integer %", _integer_share)


def text_table(kept: Mapping[str, Record]) -> list[str]:
    """Return the table of the exports of networks that read text."""
    return _table_of_exports(kept, "SQNR dB", lambda files: _number(_worst(files, "int8_dynamic", "sqnr_db")))


def _table_of_exports(kept: Mapping[str, Record], heading: str, quantity: Callable[[list[Record]], str]) -> list[str]:
    """Return a table with the cost and the files of each export, and one more quantity of these files."""
    lines = [
        f"| architecture | numbers | weights | seconds | peak GB | .tflite MB | .onnx MB | {heading} | verdict |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, record in sorted(kept.items()):
        if (full := record["full"]) is None:
            continue
        count = count_in_words(zoo.find(name).parameter_count)
        cells = [name, count, full["weights"], f"{full['seconds']:.0f}", f"{full['peak_gb']:.1f}"]
        for kind in ("tflite", "onnx"):
            found = [file for file in full["files"] if file["format"] == kind]
            cells.append(_megabytes(found[0]["bytes"]) if found else "-")
        cells += [quantity(full["files"]), _verdict(full)]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", _conditions(kept, "full")]


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}" if size >= 50_000 else f"{size / 1e6:.2f}"


def _integer_share(files: list[Record]) -> str:
    shares = [file["integer_share"] for file in files if file["integer_share"] is not None]
    return f"{100 * min(shares):.0f}" if shares else "-"


def tiny_table(kept: Mapping[str, Record]) -> list[str]:
    """Return the table of the tiny variants."""
    lines = [
        "| architecture | metric | float32 | int8 | int8 same prediction % | int8 SQNR dB | float16 SQNR dB "
        "| int8 formats | verdict |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, record in kept.items():
        if (tiny := record["tiny"]) is None:
            continue
        files = tiny["files"]
        float16, int8 = (_worst(files, scheme, "sqnr_db") for scheme in ("float16", "int8"))
        same = _worst(files, "int8", "top1_agreement")
        formats = ", ".join(f".{file['format']}" for file in files if file["precision"] == "int8")
        task = _task_cells(tiny)
        cells = [name, *task, _number(same, 100), _number(int8), _number(float16), formats or "none", _verdict(tiny)]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", _conditions(kept, "tiny")]


def _task_cells(tiny: Record) -> list[str]:
    """Return the task's metric, the Keras model's score, and the lowest of the int8 files."""
    evaluation = tiny["evaluation"]
    if evaluation is None:  # the export failed
        return ["-", "-", "-"]
    metric = TASKS[evaluation["task"]].metrics[0]
    scores = [file["scores"][metric.key] for file in tiny["files"] if file["precision"] == "int8"]
    return [metric.heading, metric.words(evaluation["scores"][metric.key]), metric.words(min(scores))]


def _measured(name: str, part: str) -> Record:
    if part == "full":
        return _export(name, *FULL)
    architecture = zoo.find(name)
    side = architecture.preprocess(**architecture.tiny).height
    with tempfile.TemporaryDirectory() as folder:
        examples = tiny_examples.write(architecture.task, Path(folder), side)
        return _export(name, *TINY, "--evaluate", str(examples))


def _proof(record: Record) -> Record:
    """Return the facts of an export that `zoo list` prints."""
    found = (_worst(record["files"], scheme, "sqnr_db") for scheme in ("int8", "int8_dynamic"))
    worst = next((one for one in found if one is not None), None)
    sqnr_db = None if worst is None else round(worst, 1)
    facts = {key: record[key] for key in ("weights", "trained", "date")}
    return {**facts, "int8_sqnr_db": sqnr_db, "proven": record["code"] == 0}


def _export(*words: str) -> Record:
    """Export, and return cost, files and exit code; a failed export gives a record, too."""
    with tempfile.TemporaryDirectory() as folder:
        cost = measure(python("-c", ZOO, *words, "--keep-failed", "--out", folder, "--json"))
    manifest = json.loads(cost.output) if cost.code in (0, 1) else {}
    files = [
        {key: file[key] for key in ("format", "precision", "bytes", "integer_share", "comparisons", "passed", "scores")}
        for file in manifest.get("files", [])
    ]
    weights = {"name": "-", "trained": False, **manifest.get("weights", {})}
    spent = {"seconds": cost.seconds, "peak_gb": cost.peak_gb, "code": cost.code}
    facts = {"weights": weights["name"], "trained": weights["trained"], "date": date.today().isoformat()}
    return {**spent, **facts, "evaluation": manifest.get("evaluation"), "files": files}


def _verdict(record: Record) -> str:
    failed = [f"{file['precision']} .{file['format']}" for file in record["files"] if not file["passed"]]
    if record["code"] == 0:
        return "proven"
    return f"failed: {', '.join(failed)}" if failed else f"exit {record['code']}"


def _worst(files: Sequence[Record], scheme: str, quantity: str) -> float | None:
    of = [file["comparisons"].values() for file in files if file["precision"] == scheme]
    values = [one[quantity] for comparisons in of for one in comparisons if one[quantity] is not None]
    return min(values, default=None)


def _number(value: float | None, factor: float = 1.0) -> str:
    return "-" if value is None else f"{factor * value:.1f}"


def _conditions(kept: Mapping[str, Record], part: str) -> str:
    days = sorted({record[part]["date"] for record in kept.values() if record[part]})
    when = " to ".join(dict.fromkeys((days[0], days[-1]))) if days else "never"
    made = ", ".join(f"{name} {version(name)}" for name in MADE_WITH)
    return f"Measured {when} on {machine()}, Python {platform.python_version()}, seed 0, with {made}."
