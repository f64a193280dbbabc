"""The full sweep: every architecture exported at full size, and every tiny variant proven; written into docs/zoo.md.

python -m benchmarks sweep [--models NAME,NAME] [--only tiny] [--again]
The exports are those of `zoo sweep`, one after the other, each in a process of its own, so that seconds and memory are
those of a single export. Measurements are kept in build/sweep and used again, so the sweep may be stopped at any time.
The results of the proofs
are written to zoo/proofs/proofs.json, for `zoo list`. Networks that read text have a table of
their own, and no tiny variants, as those that read features.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import zoo
from benchmarks import tiny_examples
from benchmarks.page import between, machine
from export.analysis.tasks import TASKS
from export.cli.sweep.words import recipe
from export.runtime.versions import version
from export.sweep.job import Job, Outcome
from export.sweep.keys import export_key
from export.sweep.run import Way, outcomes
from export.sweep.store import Store
from export.sweep.work import MANIFEST
from export.units import count_in_words
from zoo.errors import OutsideError

PAGE = Path("docs/zoo.md")
PROOFS = Path("zoo/proofs/proofs.json")
KEPT = Path("build/sweep")
PARTS = ("full", "tiny")
STORE, EXAMPLES = "store", "examples"
# The options of `zoo export`, as in the file of a sweep.
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "full": {"int8": True, "keep-failed": True},
    "tiny": {"weights": "tiny", "precision": "float32,float16,int8", "keep-failed": True},
}
ALONE = Way(at_once=1, retries=0, jobs_per_worker=1)

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
    if arguments.again:
        shutil.rmtree(KEPT / STORE, ignore_errors=True)
    names = sorted(arguments.models.split(","), key=lambda name: zoo.find(name).parameter_count)
    parts = (arguments.only,) if arguments.only else PARTS
    wanted = [(name, part) for name in names for part in parts if _has(name, part)]
    missing = [_job(*one) for one in wanted if arguments.again or _kept(one[0]).get(one[1]) is None]
    store = Store(str(KEPT / STORE))
    for outcome in outcomes(missing, store, ALONE, lambda job, step: None):
        name, part = outcome.job.model, outcome.job.recipe_name
        record = {**_kept(name), part: _record(outcome, store)}
        (KEPT / f"{name}.json").write_text(json.dumps(record), encoding="utf-8")
        write_page()
    write_page()
    return 0


def _kept(name: str) -> dict[str, Any]:
    """Return the measurements of an architecture so far."""
    path = KEPT / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else dict.fromkeys(PARTS)
    return found


def _has(name: str, part: str) -> bool:
    """Return whether an architecture has a part: tiny variants are those of networks that take photos."""
    return part == "full" or not (zoo.find(name).reads_text or zoo.find(name).trained_as("tiny") is None)


def _job(name: str, part: str) -> Job:
    """Return the export of a part; tiny variants are evaluated on examples of their task."""
    words = dict(OPTIONS[part])
    if part == "tiny":
        words["evaluate"] = str(_examples(name))
    found = recipe(name, words, Path.cwd(), KEPT)
    return Job(
        name=f"{name}-{part}",
        model=name,
        recipe_name=part,
        recipe=found,
        devices=(),
        key=export_key(found),
        pack_keys={},
    )


def _examples(name: str) -> Path:
    """Return labelled examples in the size of a tiny variant."""
    architecture = zoo.find(name)
    side = architecture.preprocess(**architecture.tiny).height
    folder = KEPT / EXAMPLES / f"{architecture.task}-{side}"
    folder.mkdir(parents=True, exist_ok=True)
    return tiny_examples.write(architecture.task, folder, side)


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


def _proof(record: Record) -> Record:
    """Return the facts of an export that `zoo list` prints."""
    found = (_worst(record["files"], scheme, "sqnr_db") for scheme in ("int8", "int8_dynamic"))
    worst = next((one for one in found if one is not None), None)
    sqnr_db = None if worst is None else round(worst, 1)
    facts = {key: record[key] for key in ("weights", "trained", "date")}
    return {**facts, "int8_sqnr_db": sqnr_db, "proven": record["code"] == 0}


def _record(outcome: Outcome, store: Store) -> Record:
    """Return cost, files and exit code of an export; a failed one gives a record, too."""
    export = outcome.export
    today = date.today().isoformat()
    if export is None:
        empty: Record = {"weights": "-", "trained": False, "date": today, "evaluation": None, "files": []}
        return {"seconds": 0.0, "peak_gb": 0.0, "code": OutsideError.exit_code, **empty}
    manifest = json.loads(store.read(export, MANIFEST))
    files = [
        {key: file[key] for key in ("format", "precision", "bytes", "integer_share", "comparisons", "passed", "scores")}
        for file in manifest["files"]
    ]
    cost, weights = export["cost"], manifest["weights"]
    spent = {"seconds": cost["seconds"], "peak_gb": cost["peak_bytes"] / 1e9, "code": 0 if export["passed"] else 1}
    facts = {"weights": weights["name"], "trained": weights["trained"], "date": today}
    return {**spent, **facts, "evaluation": manifest["evaluation"], "files": files}


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
