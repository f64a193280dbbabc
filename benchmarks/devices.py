"""Every architecture packed for devices and checked on emulated processors and in Chromium, into docs/devices.md.

python -m benchmarks devices [--models NAME,NAME] [--on aarch64,armv7,browser] [--again]
Results are kept in build/devices and used again, so the run may be stopped at any time. Weights that cannot be had are
replaced by random ones; a file whose outputs are the same for every input fails.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import zoo
from benchmarks.page import between, machine

PAGE = Path("docs/devices.md")
KEPT = Path("build/devices")
PLACES = ("aarch64", "armv7", "browser")
# Sizes and kernels are what a device runs; accuracy is measured elsewhere.
EXPORT = ("--int8", "--no-reconstruct", "--calibration-count", "16", "--probe-count", "4")
SAMPLES = "2"
LIMIT_SECONDS = 3600

Record = dict[str, Any]


def main(words: Sequence[str]) -> int:
    """Check the missing architectures, smallest first, and write the page after each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks devices", description=__doc__)
    parser.add_argument("--models", default=",".join(zoo.names()), help="architectures; all of them if not given")
    parser.add_argument("--on", default=",".join(PLACES), help="where to check; everywhere if not given")
    parser.add_argument("--again", action="store_true", help="also repeat checks that are kept")
    arguments = parser.parse_args(words)
    KEPT.mkdir(parents=True, exist_ok=True)
    places = arguments.on.split(",")
    for name in sorted(arguments.models.split(","), key=lambda name: zoo.find(name).parameter_count):
        path = KEPT / f"{name}.json"
        kept: Record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        missing = [place for place in places if arguments.again or place not in kept]
        if missing:
            kept |= checked(name, missing)
            path.write_text(json.dumps(kept, indent=1), encoding="utf-8")
        print(name, {place: verdict(kept[place]) for place in places}, flush=True)
        write_page()
    return 0


def checked(name: str, places: Sequence[str]) -> Record:
    """Export an architecture and return the result of the self-check on each device."""
    with tempfile.TemporaryDirectory() as work:
        weights = "default"
        code, output, error = started("export", name, *EXPORT, "--out", work)
        if code == 3:  # Weights that cannot be had.
            weights = "random"
            code, output, error = started("export", name, *EXPORT, "--weights", "random", "--out", work)
        elif code == 1 and not any(Path(work).iterdir()):  # Some networks need the reconstruction.
            code, output, error = started("export", name, "--int8", "--out", work)
        folders = [path for path in Path(work).iterdir() if path.is_dir()]
        if not folders:
            refused = {"files": [], "trouble": f"not exported: {last_line(output if code == 1 else error)}"}
            return {"weights": weights, **dict.fromkeys(places, refused)}
        return {"weights": weights, **{place: _on(place, folders[0]) for place in places}}


def _on(place: str, folder: Path) -> Record:
    code, output, error = started("verify", str(folder), "--on", place, "--samples", SAMPLES, "--json")
    if code in (0, 1) and output.strip():
        return {"files": json.loads(output)["files"], "trouble": ""}
    return {"files": [], "trouble": last_line(error)}


def started(*words: str) -> tuple[int, str, str]:
    """Run `zoo` and return its exit code, output and errors."""
    try:
        done = subprocess.run(
            ["zoo", *words],
            executable=str(Path(sys.executable).with_name("zoo")),
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return 3, "", f"it took longer than {LIMIT_SECONDS} s"
    return done.returncode, done.stdout, done.stderr


def last_line(text: str) -> str:
    """Return the last line of messages."""
    return (text.strip() or "it printed nothing").splitlines()[-1]


def verdict(record: Mapping[str, Any]) -> str:
    """Return one word or number about an architecture at one place."""
    files = [file for file in record["files"] if file["state"] != "skipped"]
    if record["trouble"] or not files:
        return record["trouble"] or "no file"
    failed = [f"{file['file']}: {file['words']}" for file in files if file["state"] == "failed"]
    if failed and all("cannot load it" in file["words"] for file in files if file["state"] == "failed"):
        return "not loaded"
    if failed:
        return f"failed: {'; '.join(failed)}"
    return "identical" if all(file["is_identical"] for file in files) else "passed"


def write_page() -> None:
    """Write the table of all kept checks into the page."""
    kept = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(KEPT.glob("*.json"))}
    places = [place for place in PLACES if any(place in record for record in kept.values())]
    lines = [f"| architecture | weights | {' | '.join(places)} |", f"|---|---|{'---|' * len(places)}"]
    for name, record in kept.items():
        cells = [verdict(record[place]) if place in record else "-" for place in places]
        lines.append(f"| {name} | {record['weights']} | {' | '.join(cells)} |")
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(
        between(page, "<!-- devices -->", "<!-- end of devices -->", "\n".join([*lines, "", machine()])),
        encoding="utf-8",
    )
