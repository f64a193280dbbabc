"""Latency of the int8 files on one thread, compared with those of the converters; all files are measured in turn."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from benchmarks.cost import export
from benchmarks.process import measure, python
from export import process
from export.runtime.jobs.timing import time_file

ROUNDS, RUNS = 7, 40


def run(models: list[str]) -> None:
    """Print the median time of each file and the ratio ours / theirs."""
    print("\n## Latency of int8, one thread, ms (median of 7 rounds of 40 runs, in turn)\n")
    print("| model | format | ours | converters | ours / theirs | ours, float32 |\n|---|---|---|---|---|---|")
    for name in models:
        with tempfile.TemporaryDirectory() as folder:
            export(name, Path(folder), "float32,int8", "--keep-failed")
            theirs = Path(folder) / "converters"
            theirs.mkdir()
            measure(python("-m", "benchmarks.converters", name, str(theirs)))
            for suffix in (".tflite", ".onnx"):
                files = {
                    "ours": Path(folder) / name / f"{name}-int8{suffix}",
                    "theirs": theirs / f"int8{suffix}",
                    "float": Path(folder) / name / f"{name}-float32{suffix}",
                }
                times = _interleaved(files)
                print(
                    f"| {name} | {suffix} | {times['ours']:.2f} | {times['theirs']:.2f} "
                    f"| {times['ours'] / times['theirs']:.2f} | {times['float']:.2f} |"
                )


def _interleaved(files: dict[str, Path]) -> dict[str, float]:
    rounds: dict[str, list[float]] = {name: [] for name in files}
    for _ in range(ROUNDS):
        for name, path in files.items():
            rounds[name].append(process.call(time_file, fresh=True, path=path, runs=RUNS, threads=1)["p50_ms"])
    return {name: statistics.median(times) for name, times in rounds.items()}
