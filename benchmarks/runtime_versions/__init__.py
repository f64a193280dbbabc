"""Which versions of operators the releases of the runtimes accept, into the tables of the formats.

python -m benchmarks runtime_versions
Installs every release below build/releases, asks it to load small files, and writes
export/formats/<format>/runtime_versions.json, from which an export states the oldest release that runs a file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.environment import run
from benchmarks.runtime_versions import graphs, operators

RELEASES = Path("build/releases")
PROBE = Path(__file__).with_name("probe.py")
FORMATS = Path("export/formats")
# The last release of each minor version, from the oldest that Python 3.11 runs.
LITERT = ("1.0.1", "1.1.2", "1.2.0", "1.3.0", "1.4.0", "2.0.3", "2.1.6", "2.2.0", "2.3.0")
ONNXRUNTIME = (
    *("1.15.1", "1.16.3", "1.17.3", "1.18.1", "1.19.2", "1.20.1", "1.21.1", "1.22.1", "1.23.2", "1.24.4", "1.25.1"),
    *("1.26.0", "1.27.0", "1.28.0", "1.29.0", "1.30.0", "1.31.1"),
)
# Releases that were built for NumPy 1.
NUMPY_1 = ("tflite-runtime 2.14.0", *(f"ai-edge-litert {one}" for one in LITERT[:2]), *(
    f"onnxruntime {one}" for one in ONNXRUNTIME[:4]
))  # fmt: skip

Table = dict[str, Any]


def main(words: Sequence[str]) -> int:
    """Ask every release, and write the tables."""
    argparse.ArgumentParser(prog="python -m benchmarks runtime_versions", description=__doc__).parse_args(words)
    small = ["tflite-runtime 2.14.0", *(f"ai-edge-litert {one}" for one in LITERT)]
    _write("tflite", {release: _asked(release, operators.files(RELEASES / "operators")) for release in small})
    large = [f"onnxruntime {one}" for one in ONNXRUNTIME]
    _write("onnx", {release: _asked(release, graphs.files(RELEASES / "graphs")) for release in large})
    return 0


def _asked(release: str, files: Path) -> Mapping[str, int]:
    """Return the newest version of everything that a release accepts."""
    folder = RELEASES / release.replace(" ", "-")
    if not folder.is_dir():
        _install(folder, release.replace(" ", "=="), "--no-deps")
        _install(folder, "numpy<2" if release in NUMPY_1 else "numpy", "packaging", "flatbuffers", "protobuf")
    command = [sys.executable, "-S", str(PROBE), str(folder), str(files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    print(release, f"{len(found)} kinds", flush=True)
    return found


def _install(folder: Path, *packages: str) -> None:
    run(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", folder, *packages)


def _write(name: str, found: Mapping[str, Mapping[str, int]]) -> None:
    """Write the newest version that each release accepts, 0 for none, one kind in a line."""
    kinds = sorted({kind for one in found.values() for kind in one})
    rows = [f"  {json.dumps(kind)}: {json.dumps([one.get(kind, 0) for one in found.values()])}" for kind in kinds]
    lines = ["{", f' "releases": {json.dumps(list(found))},', ' "newest": {', ",\n".join(rows), " }", "}", ""]
    text = "\n".join(lines)
    (FORMATS / name / "runtime_versions.json").write_text(text, encoding="utf-8")
