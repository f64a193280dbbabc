"""Every dependency: what it is for, the versions that were tested together, and whether it imports here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
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
        tested: the versions of requirements.lock, one per version of Python; a test holds the two together.
        stages: what cannot be done without it.
    """

    distribution: str
    module: str
    tested: tuple[str, ...]
    stages: str


DEPENDENCIES = (
    Dependency("numpy", "numpy", ("2.4.6", "2.5.5"), "everything"),
    Dependency("tensorflow", "tensorflow", ("2.21.0",), "build, train, convert"),
    Dependency("keras", "keras", ("3.15.1",), "build, train, convert"),
    Dependency("tf-keras", "tf_keras", ("2.21.0",), "pruning, clustering, quantization-aware training"),
    Dependency(
        "tensorflow-model-optimization",
        "tensorflow_model_optimization",
        ("0.8.1",),
        "pruning, clustering, quantization-aware training",
    ),
    Dependency("ai-edge-litert", "ai_edge_litert.interpreter", ("2.3.0",), "calibrate; prove and run .tflite"),
    Dependency("ai-edge-quantizer", "ai_edge_quantizer", ("0.10.0",), "quantize"),
    Dependency("tf2onnx", "tf2onnx", ("1.17.0",), "convert to .onnx"),
    Dependency("onnx", "onnx", ("1.23.2",), "convert to .onnx"),
    Dependency("onnxruntime", "onnxruntime", ("1.31.1",), "prove and run .onnx"),
    Dependency("jinja2", "jinja2", ("3.1.6",), "write report.html"),
    Dependency("matplotlib", "matplotlib.figure", ("3.11.2",), "pictures of training runs"),
    Dependency("pillow", "PIL.Image", ("13.0.0",), "read photos"),
    Dependency("pycocotools", "pycocotools.cocoeval", ("2.0.11",), "average precision of detectors"),
    Dependency("pygraphviz", "pygraphviz", ("2.0.4",), "drawings of networks"),
    Dependency("scikit-image", "skimage.data", ("0.26.0",), "the built-in calibration photos"),
    Dependency("click", "click", ("8.5.1",), "the commands"),
    Dependency("rich", "rich.console", ("15.0.0",), "tables and progress bars"),
)


@dataclass(frozen=True)
class Finding:
    """What was found out about one dependency.

    Attributes:
        dependency: which.
        version: that is installed; None if pip does not know.
        problem: why it does not import; empty if it does.
    """

    dependency: Dependency
    version: str | None
    problem: str

    @property
    def is_tested(self) -> bool:
        """Whether this is a version that was tested together with the others."""
        return self.version in self.dependency.tested

    def record(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "name": self.dependency.distribution,
            "version": self.version,
            "tested": list(self.dependency.tested),
            "stages": self.dependency.stages,
            "problem": self.problem or None,
        }


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
    return Finding(dependency, version(dependency.distribution), import_problem(dependency.module))


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
