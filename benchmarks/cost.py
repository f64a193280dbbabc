"""Seconds and memory of an export, compared with the converters of the libraries in the same run."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from benchmarks.process import Cost, measure, python

ZOO = "import sys; from export.cli.main import main_export; sys.exit(main_export(sys.argv[1:]))"


def run(models: list[str]) -> None:
    """Print seconds and peak memory of an export (with proof) and of the converters (without)."""
    print("\n## Cost of float32 + int8 in both formats, weights cached\n")
    print("| model | ours, proof included | converters, nothing checked | seconds | memory |\n|---|---|---|---|---|")
    for name in models:
        with tempfile.TemporaryDirectory() as folder:
            ours = export(name, Path(folder) / "ours", "float32,int8")
            (Path(folder) / "converters").mkdir()
            theirs = measure(python("-m", "benchmarks.converters", name, f"{folder}/converters"))
        print(
            f"| {name} | {_words(ours)} | {_words(theirs)} | {theirs.seconds / ours.seconds:.1f} x less "
            f"| {theirs.peak_gb / ours.peak_gb:.1f} x less |"
        )
        with tempfile.TemporaryDirectory() as folder:
            print(f"| {name} --int8 alone | {_words(export(name, Path(folder), 'int8'))} | | | |")


def export(name: str, out: Path, schemes: str, *more: str) -> Cost:
    """Run `zoo-export` and return its cost."""
    return measure(python("-c", ZOO, name, "--precision", schemes, "--out", str(out), "--json", *more))


def manifest(cost: Cost) -> dict[str, object]:
    """Return the manifest that an export printed."""
    found: dict[str, object] = json.loads(cost.output)
    return found


def _words(cost: Cost) -> str:
    failed = f", EXIT {cost.code}" if cost.code else ""
    return f"{cost.seconds:.1f} s, {cost.peak_gb:.2f} GB{failed}"
