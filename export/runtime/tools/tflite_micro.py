"""Run a file in the interpreter of TensorFlow Lite Micro on this machine, in a child process: it may abort."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from calibration.samples import Array
from export import temporary
from export.process import signal_name
from export.progress import Progress
from export.runtime.tools.environment import TFLITE_MICRO, interpreter, variables
from zoo.errors import CheckFailedError

PROGRAM = Path(__file__).with_name("run_tflite_micro.py")
RUN_SECONDS = 1800
_USED = re.compile(r"Arena allocation (head|tail) (\d+) bytes")
_PYTHON = re.compile(r"Traceback|\s|RuntimeError: |ValueError: ")  # begins the lines of a traceback


@dataclass(frozen=True, kw_only=True, eq=False)
class MicroRun:
    """What the interpreter computed, and the memory that it used.

    Attributes:
        outputs: stored outputs (N, ...) by name.
        activations_bytes: of the tensors and scratch buffers.
        persistent_bytes: of what is kept, as structures of 64 bits.
    """

    outputs: Mapping[str, Array]
    activations_bytes: int
    persistent_bytes: int

    @property
    def arena_bytes(self) -> int:
        """All of it."""
        return self.activations_bytes + self.persistent_bytes


def run(path: Path, inputs: Sequence[Array], outputs: Sequence[str], arena_bytes: int, progress: Progress) -> MicroRun:
    """Run a file on samples.

    Args:
        path: of the file.
        inputs: stored inputs (N, ...), in the order of the file.
        outputs: names of the outputs, in the order of the file.
        arena_bytes: the memory that the interpreter gets.
        progress: is notified when the interpreter has to be fetched.

    Raises:
        CheckFailedError: the interpreter does not run the file, or needs more memory.
        OutsideError: the interpreter cannot be fetched.
    """
    python = interpreter(TFLITE_MICRO, progress)
    with temporary.folder() as work:
        fed, found = Path(work) / "inputs.npz", Path(work) / "outputs.npz"
        arrays: dict[str, Any] = {str(place): values for place, values in enumerate(inputs)}
        with temporary.writing():
            np.savez(fed, **arrays)
        arguments = [PROGRAM, path, fed, found, len(outputs), arena_bytes]
        done = subprocess.run(
            [str(word) for word in (python, "-P", *arguments)],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=RUN_SECONDS,
            env=variables(),
        )
        if done.returncode:
            raise CheckFailedError(f"TensorFlow Lite Micro does not run {path.name}: {_reason(done)}")
        with np.load(found, allow_pickle=False) as stored:
            rows = {name: stored[str(place)] for place, name in enumerate(outputs)}
    used = {part: int(size) for part, size in _USED.findall(done.stderr)}
    return MicroRun(outputs=rows, activations_bytes=used["head"], persistent_bytes=used["tail"])


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """Return what the interpreter said first, which names the operator; the later lines follow from it."""
    said = [line.strip() for line in done.stderr.splitlines() if line.strip() and not _PYTHON.match(line)]
    if done.returncode < 0:
        return f"it crashed ({signal_name(-done.returncode)}): {said[-1] if said else 'no message'}"
    return said[0] if said else "no message"
