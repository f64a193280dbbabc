"""Check on the device that the model files compute what they computed at the export, and measure how fast."""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from zoo.errors import UsageProblemError, ZooError

from . import session
from .comparison import Comparison, compare
from .model import Array, Model, ModelFile, load, positive

GOLDEN = "golden.npz"
TIMED_RUNS = 30


def main(folder: Path) -> int:
    """Run the command; return its exit code: 0 if all files passed, 1 if one failed, 2 for a mistake."""
    parser = argparse.ArgumentParser(prog="selfcheck.py", description=__doc__)
    parser.add_argument("--bench", action="store_true", help="measure the latency as well; prints one line to share")
    parser.add_argument("--threads", type=positive, default=1, help="threads of the runtime (default: 1)")
    parser.add_argument("--samples", type=positive, help="number of golden samples to run (default: all)")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    arguments = parser.parse_args()
    try:
        model = load(folder)
        rows = [row(model, file, arguments) for file in model.files]
    except ZooError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    if arguments.json:
        print(json.dumps({"machine": machine(), "files": rows}))
    else:
        print_rows(model, rows)
    checked = [one for one in rows if one["state"] != "skipped"]
    if not checked:
        print("error: no runtime is installed; see README.md", file=sys.stderr)
        return 3
    return 0 if all(one["state"] == "passed" for one in checked) else 1


def row(model: Model, file: ModelFile, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the results for one file as plain data."""
    module = session.runtime(file)
    if not module:
        return {"file": file.path.name, "state": "skipped", "words": "its runtime is not installed"}
    file.check_content()
    count, feeds, recorded, expected = golden(model.folder / GOLDEN, file, arguments.samples, builtin=_is_32_bit_arm())
    try:
        opened = session.open_file(file, arguments.threads)
    except (RuntimeError, ValueError) as error:  # of the runtime
        reason = str(error).strip().splitlines()[0].rstrip(".")
        return {
            "file": file.path.name,
            "state": "failed",
            "words": f"{module} {version(module)} cannot load it: {reason}",
        }
    found = [opened.run(feed) for feed in feeds]
    stored = {one.name: np.concatenate([outputs[one.name] for outputs in found]) for one in file.outputs}
    result: Comparison = compare(file, stored, recorded, expected)
    timed = milliseconds(opened, feeds[0]) if arguments.bench else None
    return {
        "file": file.path.name,
        "state": "passed" if result.passed else "failed",
        "identical": result.is_identical,
        "words": result.words,
        "samples": count,
        "runtime": f"{module} {version(module)}",
        "threads": arguments.threads,
        "p50_ms": timed,
    }


def golden(
    path: Path, file: ModelFile, most: int | None, *, builtin: bool
) -> tuple[int, list[dict[str, Array]], dict[str, Array], dict[str, Array]]:
    """Return the number of golden samples, the stored inputs (1, ...) of each, and outputs (N, ...).

    The outputs are the recorded ones, as stored, and those of the Keras model.

    Args:
        path: of golden.npz.
        file: the model file.
        most: number of samples; None takes all.
        builtin: whether to return the outputs of LiteRT's own kernels, where they are recorded.

    Raises:
        UsageProblemError: the file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            content = {name: arrays[name][:most] for name in arrays.files}
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise UsageProblemError(f"{path} cannot be read ({error}); copy the whole folder again") from None
    has_builtin = f"builtin/{file.path.name}/{file.outputs[0].name}" in content
    group = "builtin" if builtin and has_builtin else "stored"
    recorded = {one.name: content[f"{group}/{file.path.name}/{one.name}"] for one in file.outputs}
    count = len(next(iter(recorded.values())))
    feeds = [
        {one.name: content[f"fed/{file.path.name}/{one.name}"][index : index + 1] for one in file.inputs}
        for index in range(count)
    ]
    return count, feeds, recorded, {one.name: content[f"model/{one.name}"] for one in file.outputs}


def milliseconds(opened: session.Session, feed: Mapping[str, Array]) -> float:
    """Return the median latency of a loaded file."""
    taken = []
    for _ in range(TIMED_RUNS):
        start = time.perf_counter()
        opened.run(feed)
        taken.append((time.perf_counter() - start) * 1e3)
    return statistics.median(taken)


def version(module: str) -> str:
    """Return the version of an installed runtime."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(module.replace("_", "-"))
    except PackageNotFoundError:
        return "of an unknown version"


def machine() -> str:
    """Return the name of this machine, as the Raspberry Pi states it, or of its processor."""
    model = Path("/proc/device-tree/model")
    name = model.read_text(errors="replace").strip("\0\n ") if model.is_file() else ""
    return f"{name or platform.machine()}, Python {platform.python_version()}"


def _is_32_bit_arm() -> bool:
    return platform.machine().startswith("armv") or sys.maxsize < 2**32


def print_rows(model: Model, rows: list[dict[str, Any]]) -> None:
    """Print a line for every file."""
    print(f"{model.title} on {machine()}")
    for one in rows:
        print(f"{one['state']:8}{one['file']}: {one['words']}")
        if one.get("p50_ms") is not None:
            plural = "s" if one["threads"] > 1 else ""
            print(
                f"bench   {one['file']}: {one['p50_ms']:.1f} ms on {one['threads']} thread{plural}, {one['runtime']}, "
                f"{machine()}"
            )
