"""Every dependency: what it is for, the versions that were tested together, and whether it imports here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from importlib import resources
from typing import Any

from export.process import signal_name
from export.runtime.versions import version

IMPORT_SECONDS = 120  # TensorFlow takes 5 here; a disk of a small board ten times that.


@dataclass(frozen=True)
class Dependency:
    """A package that this project imports.

    Attributes:
        distribution: what pip installs.
        module: what is imported to see that it works, native code included.
        stages: what cannot be done without it.
    """

    distribution: str
    module: str
    stages: str


DEPENDENCIES = (
    Dependency("numpy", "numpy", "everything"),
    Dependency("tensorflow", "tensorflow", "build, train, convert"),
    Dependency("keras", "keras", "build, train, convert"),
    Dependency("tf-keras", "tf_keras", "pruning, clustering, quantization-aware training"),
    Dependency(
        "tensorflow-model-optimization",
        "tensorflow_model_optimization",
        "pruning, clustering, quantization-aware training",
    ),
    Dependency("ai-edge-litert", "ai_edge_litert.interpreter", "calibrate; prove and run .tflite"),
    Dependency("ai-edge-quantizer", "ai_edge_quantizer", "quantize"),
    Dependency("tf2onnx", "tf2onnx", "convert to .onnx"),
    Dependency("onnx", "onnx", "convert to .onnx"),
    Dependency("onnxruntime", "onnxruntime", "prove and run .onnx"),
    Dependency("jinja2", "jinja2", "write report.html"),
    Dependency("matplotlib", "matplotlib.figure", "pictures of training runs"),
    Dependency("pillow", "PIL.Image", "read photos"),
    Dependency("pycocotools", "pycocotools.cocoeval", "average precision of detectors"),
    Dependency("pygraphviz", "pygraphviz", "drawings of networks"),
    Dependency("scikit-image", "skimage.data", "the built-in calibration photos"),
    Dependency("click", "click", "the commands"),
    Dependency("rich", "rich.console", "tables and progress bars"),
)


@dataclass(frozen=True)
class Finding:
    """What was found out about one dependency.

    Attributes:
        dependency: which.
        version: that is installed; None if pip does not know.
        tested: the versions that were tested together with the others, one for each version of Python.
        problem: why it does not import; empty if it does.
    """

    dependency: Dependency
    version: str | None
    tested: tuple[str, ...]
    problem: str

    @property
    def is_tested(self) -> bool:
        """Whether the installed version was tested together with the others."""
        return self.version in self.tested

    def record(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "name": self.dependency.distribution,
            "version": self.version,
            "tested": list(self.tested),
            "stages": self.dependency.stages,
            "problem": self.problem or None,
        }


def locked_versions() -> dict[str, tuple[str, ...]]:
    """Return the versions of requirements.lock by distribution, from what `make lock` writes into the package."""
    lines = (resources.files("export.cli.doctor") / "tested_versions.txt").read_text(encoding="utf-8").split()
    found: dict[str, tuple[str, ...]] = {}
    for name, _, number in (line.partition("==") for line in lines):
        found[name] = (*found.get(name, ()), number)
    return found


def examine(dependencies: Sequence[Dependency] = DEPENDENCIES) -> Iterator[Finding]:
    """Import each dependency in a process of its own and yield the findings as they come, in any order."""
    # The slow ones first, so that none of them runs alone at the end.
    slow_first = sorted(dependencies, key=lambda dependency: "tensorflow" not in dependency.distribution)
    pool = ThreadPoolExecutor(max_workers=2)  # an import of TensorFlow takes 600 MB
    try:
        for future in as_completed([pool.submit(_examine_one, dependency) for dependency in slow_first]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C must not wait for those that have not begun.


def _examine_one(dependency: Dependency) -> Finding:
    return Finding(
        dependency,
        version=version(dependency.distribution),
        tested=locked_versions().get(dependency.distribution, ()),
        problem=import_problem(dependency.module),
    )


def import_problem(module: str) -> str:
    """Import `module` in a child process; return why that fails, empty if it does not.

    A native library that crashes takes only the child with it.
    """
    # -P: a file of the same name in the current folder is not what a command would import.
    command = [sys.executable, "-P", "-c", f"import {module}"]
    try:
        child = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=IMPORT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"the import does not end ({IMPORT_SECONDS} s)"
    if child.returncode == 0:
        return ""
    if child.returncode < 0:
        return f"the import crashes ({signal_name(-child.returncode)})"
    lines = child.stderr.strip().splitlines()
    return lines[-1] if lines else f"the import ends the process with code {child.returncode}"
