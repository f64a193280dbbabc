"""The networks of MLPerf Tiny as we export them, beside MLPerf's own int8 files, in one run.

python -m benchmarks mlperf_tiny [--models NAME,NAME] [--write]
Needs espeak-ng for the networks of speech and, for mlperf_vww, ZOO_COCO_SAMPLE: a folder with images/ and
instances.json of COCO.
Every network is exported with its defaults, and with int8 inputs and outputs, as MLPerf's files have them. All files
get the same numbers; none of them calibrated our files.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import zoo
from benchmarks.mlperf_tiny import files, scoring
from benchmarks.mlperf_tiny.trials import NAMES, Trial, of_network
from benchmarks.page import between, machine
from calibration.samples import Array
from export import process
from export.formats import PRIMARY
from export.pipeline import run
from export.recipe import Io, Recipe
from export.runtime.jobs.timing import time_file
from export.runtime.versions import version
from export.scheme import INT8
from zoo import weights

PAGE = Path(__file__).resolve().parents[2] / "docs" / "mlperf_tiny.md"
BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"
ROUNDS, RUNS = 7, 200
OURS, THEIRS = "ours", "MLPerf's"
HEADINGS = ("network", "data", "file", "right %", "as float %", "SQNR dB", "kB", "RAM kB", "ms")
DETECTS = "mlperf_autoencoder"


@dataclass(frozen=True, kw_only=True)
class File:
    """An int8 file: its path, its median latency on one thread, and the arena that a microcontroller needs."""

    path: Path
    milliseconds: float
    arena_bytes: int


def main(arguments: Sequence[str]) -> int:
    """Measure, print the table, and write it into docs/mlperf_tiny.md with `--write`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks mlperf_tiny", description=__doc__)
    parser.add_argument("--models", default=",".join(NAMES), help="networks; all of them if not given")
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE.name}")
    options = parser.parse_args(arguments)
    lines = [f"| {' | '.join(HEADINGS)} |", f"|{'---|' * len(HEADINGS)}"]
    for name in options.models.split(","):
        for row in _rows(name):
            lines.append(row)
            print(row, flush=True)
    tools = ", ".join(f"{name} {version(name)}" for name in ("ai-edge-litert", "ai-edge-quantizer"))
    text = "\n".join([*lines, "", f"{machine()}, one thread, {tools}."])
    print(text)
    if options.write:
        PAGE.write_text(between(PAGE.read_text(encoding="utf-8"), BEGIN, END, text), encoding="utf-8")
    return 0


def _rows(name: str) -> Iterator[str]:
    """Yield the rows of one network: the float network, our file and MLPerf's, on each of its data."""
    with tempfile.TemporaryDirectory() as folder:
        run(Recipe(model=name, schemes=(INT8,), formats=(PRIMARY.name,), io=Io.INT8, out=Path(folder)))
        ours, theirs = Path(folder) / name / f"{name}-int8.tflite", files.int8(name)
        times = _milliseconds({OURS: ours, THEIRS: theirs})
        made = {who: _file(path, times[who]) for who, path in ((OURS, ours), (THEIRS, theirs))}
        for trial in of_network(name):
            yield from _rows_of(name, trial, made)


def _file(path: Path, milliseconds: float) -> File:
    arena_bytes = PRIMARY.footprint(path.read_bytes()).arena_bytes
    return File(path=path, milliseconds=milliseconds, arena_bytes=arena_bytes)


def _rows_of(name: str, trial: Trial, made: Mapping[str, File]) -> Iterator[str]:
    score = scoring.of_reconstructions if name == DETECTS else scoring.of_classes
    reference = _float_outputs(name, trial.inputs)
    yield _row(name, trial, "float32", score(trial, reference, reference))
    for who, file in made.items():
        found = scoring.outputs(file.path, trial.inputs)
        if who == OURS and name != DETECTS:
            found = scoring.probabilities(found)
        yield _row(name, trial, who, score(trial, reference, found), file)


def _float_outputs(name: str, inputs: Array) -> Array:
    """Return the outputs of the Keras model, as probabilities where it has classes."""
    architecture = zoo.find(name)
    model = architecture.build()
    weights.load(model, architecture)
    found = np.asarray(model.predict(inputs, batch_size=64, verbose=0), np.float64)
    return found if name == DETECTS else scoring.probabilities(found)


def _row(name: str, trial: Trial, who: str, score: scoring.Score, file: File | None = None) -> str:
    right = "-" if score.accuracy is None else f"{100 * score.accuracy:.2f}"
    same, sqnr = ("-", "-") if file is None else (f"{100 * score.same:.2f}", f"{score.sqnr_db:.1f}")
    size = "-" if file is None else f"{file.path.stat().st_size / 1000:.1f}"
    memory = "-" if file is None else f"{file.arena_bytes / 1000:.1f}"
    time = "-" if file is None else f"{file.milliseconds:.3f}"
    return f"| {' | '.join((name, trial.words, who, right, same, sqnr, size, memory, time))} |"


def _milliseconds(paths: Mapping[str, Path]) -> dict[str, float]:
    """Return the median latency of each file; they are timed in turn."""
    rounds: dict[str, list[float]] = {who: [] for who in paths}
    for _ in range(ROUNDS):
        for who, path in paths.items():
            rounds[who].append(process.call(time_file, fresh=True, path=path, runs=RUNS, threads=1)["p50_ms"])
    return {who: statistics.median(times) for who, times in rounds.items()}
