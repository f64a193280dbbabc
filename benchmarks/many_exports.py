"""Processor time and wall time of 8 exports: by one `zoo sweep`, and by 8 commands one after the other."""

from __future__ import annotations

import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.page import machine

NETWORKS = ("lenet5", "mobilenet", "mobilenet_v2", "resnet50")
TINY = "tiny"  # the weights of small variants, which are shipped: nothing is fetched while time is measured
RECIPES: Mapping[str, tuple[str, ...]] = {"int8": ("--int8",), "float16": ("--precision", "float16")}
PROGRAM = (sys.executable, "-c", "import sys; from export.cli.main import main; sys.exit(main(sys.argv[1:]))")


@dataclass(frozen=True)
class Spent:
    """Time of a command, or of several: of the clock, and of all processors together."""

    wall_s: float
    processor_s: float

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.wall_s + other.wall_s, self.processor_s + other.processor_s)


def run(_models: list[str]) -> None:
    """Print the time of both ways, and what each job of the sweep took."""
    print(f"\n## 8 exports: {', '.join(NETWORKS)}, each in {' and '.join(RECIPES)}, on {machine()}\n")
    print("| way | wall s | processor s | wall, of the commands | processor, of the commands |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        commands = _commands(root / "commands")
        _print("8 commands", commands, commands)
        _print("zoo sweep", _sweep(root / "sweep"), commands)
        _print("zoo sweep, again", _sweep(root / "sweep"), commands)
        if find_spec("ray") is not None:
            ray = _sweep(root / "ray", "--on", "ray", "--jobs", "2")
            jobs_s = sum(
                float(row["processor_seconds"]) for row in _jobs(root / "ray")
            )  # Ray's workers are no children
            _print("zoo sweep --on ray --jobs 2", Spent(ray.wall_s, ray.processor_s + jobs_s), commands)
        print("\n| job | s | processor s | peak GB |\n|---|---|---|---|")
        for row in _jobs(root / "sweep"):
            peak = int(row["peak_bytes"]) / 1e9
            print(
                f"| {row['job']} | {float(row['seconds']):.1f} | {float(row['processor_seconds']):.1f} | {peak:.2f} |"
            )


def _jobs(folder: Path) -> list[dict[str, str]]:
    """Return a row of the results for each job."""
    with (folder / "out" / "results.csv").open(encoding="utf-8") as table:
        return list({row["job"]: row for row in csv.DictReader(table)}.values())


def _print(way: str, spent: Spent, commands: Spent) -> None:
    wall, processor = spent.wall_s / commands.wall_s, spent.processor_s / commands.processor_s
    print(f"| {way} | {spent.wall_s:.1f} | {spent.processor_s:.1f} | {wall:.2f} | {processor:.2f} |", flush=True)


def _commands(folder: Path) -> Spent:
    total = Spent(0, 0)
    for name in NETWORKS:
        for recipe, words in RECIPES.items():
            weights = () if name == "lenet5" else ("--weights", TINY)
            total += _timed(folder, "export", name, *words, *weights, "--out", str(folder / recipe))
    return total


def _sweep(folder: Path, *words: str) -> Spent:
    folder.mkdir(exist_ok=True)
    models = ", ".join(
        f'"{name}"' if name == "lenet5" else f'{{model = "{name}", weights = "{TINY}"}}' for name in NETWORKS
    )
    path = folder / "sweep.toml"
    path.write_text(f'models = [{models}]\n[recipes.int8]\nint8 = true\n[recipes.float16]\nprecision = "float16"\n')
    return _timed(folder, "sweep", str(path), "--out", str(folder / "out"), *words)


def _timed(folder: Path, *words: str) -> Spent:
    """Run a command with a cache of its own."""
    environment = {**os.environ, "ZOO_EXPORT_CACHE": str(folder / "cache")}
    begun, before = time.perf_counter(), _processor_s()
    subprocess.run([*PROGRAM, *words], check=True, env=environment, capture_output=True)
    return Spent(time.perf_counter() - begun, _processor_s() - before)


def _processor_s() -> float:
    """Return the processor time of all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
