"""Dependencies: their purpose, the tested versions, and whether each one imports on this machine."""

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

IMPORT_SECONDS = 120  # TensorFlow takes 5 s on a desktop, and about ten times longer on a small board.


@dataclass(frozen=True)
class Dependency:
    """A package that this project imports.

    Attributes:
        distribution: the name that pip installs.
        module: the module to import as a test, native code included.
        stages: the features that need this dependency.
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
    Dependency("cryptography", "cryptography.hazmat.primitives.asymmetric.ed25519", "sign and verify folders"),
    Dependency("flatbuffers", "flatbuffers", "write .tflite files and their metadata"),
    Dependency("jinja2", "jinja2", "write report.html"),
    Dependency("matplotlib", "matplotlib.figure", "plots of training runs"),
    Dependency("pillow", "PIL.Image", "read photos"),
    Dependency("pycocotools", "pycocotools.cocoeval", "average precision of detectors"),
    Dependency("pygraphviz", "pygraphviz", "drawings of networks"),
    Dependency(
        "scikit-image", "skimage.data", "the photos of the tutorials, and those behind the scenes of small detectors"
    ),
    Dependency("tokenizers", "tokenizers", "text to tokens and back"),
    Dependency("litert-lm-builder", "litert_lm_builder", "pack language models for LiteRT-LM"),
    Dependency("fsspec", "fsspec.core", "the stores of sweeps"),
    Dependency("safetensors", "safetensors.numpy", "read weights of language networks"),
    Dependency("scipy", "scipy.stats", "rank correlation of embeddings"),
    Dependency("click", "click", "the commands"),
    Dependency("rich", "rich.console", "tables and progress bars"),
)


@dataclass(frozen=True)
class Finding:
    """The result of checking one dependency.

    Attributes:
        dependency: the dependency.
        version: the installed version; None if pip does not know it.
        tested: the versions that were tested together with the others, one for each version of Python.
        problem: why the import fails; empty if it succeeds.
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
    """Return the tested versions by distribution, from the copy of requirements.lock that `make lock` writes."""
    lines = (resources.files("export.cli.doctor") / "tested_versions.txt").read_text(encoding="utf-8").split()
    found: dict[str, tuple[str, ...]] = {}
    for name, _, number in (line.partition("==") for line in lines):
        found[name] = (*found.get(name, ()), number)
    return found


def examine(dependencies: Sequence[Dependency] = DEPENDENCIES) -> Iterator[Finding]:
    """Import each dependency in a separate process and yield the findings as they complete."""
    # Start the slow imports first, so that none of them runs alone at the end.
    slow_first = sorted(dependencies, key=lambda dependency: "tensorflow" not in dependency.distribution)
    pool = ThreadPoolExecutor(max_workers=2)  # An import of TensorFlow takes 600 MB.
    try:
        for future in as_completed([pool.submit(_examine_one, dependency) for dependency in slow_first]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C must not wait for pending imports.


def _examine_one(dependency: Dependency) -> Finding:
    return Finding(
        dependency,
        version=version(dependency.distribution),
        tested=locked_versions().get(dependency.distribution, ()),
        problem=import_problem(dependency.module),
    )


def import_problem(module: str) -> str:
    """Import `module` in a child process and return why the import fails; empty if it succeeds.

    A crash of a native library ends only the child process.
    """
    # -P: do not import a file of the same name from the current folder.
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
        return f"the import did not finish within {IMPORT_SECONDS} s"
    if child.returncode == 0:
        return ""
    if child.returncode < 0:
        return f"the import crashed ({signal_name(-child.returncode)})"
    lines = child.stderr.strip().splitlines()
    return lines[-1] if lines else f"the import ended the process with exit code {child.returncode}"
