"""Run one file on samples in a child process, and return its outputs, latencies and operators."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.samples import Array
from export import process, temporary
from export.formats.requirements import Requirements
from export.formats.session import OpCount
from export.model.tensor_spec import TensorSpec
from export.progress import Counted, uncounted
from export.runtime.jobs.run import run

# Samples of a slow file that are timed on one thread: so many, or fewer if they take longer than that.
TIMED_SAMPLES, TIMED_SECONDS = 16, 10.0


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """The result of a run.

    Attributes:
        inputs: the inputs as the file declares them.
        outputs: the outputs as the file declares them.
        stored: outputs (N, ...) by name, as the file stores them.
        milliseconds: latency of every inference, in the order of the samples.
        p50_ms: median latency on one thread.
        p90_ms: 90th percentile of the latency on one thread.
        census: operators as the runtime executes them.
        requirements: releases of the runtime that load it.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    stored: Mapping[str, Array]
    milliseconds: tuple[float, ...]
    p50_ms: float
    p90_ms: float
    census: tuple[OpCount, ...]
    requirements: Requirements

    @property
    def real(self) -> dict[str, Array]:
        """The outputs as real values, float64."""
        return {spec.name: spec.dequantize(self.stored[spec.name]) for spec in self.outputs}


def written(folder: Path, name: str, content: bytes) -> Path:
    """Return the path of a file `name` with `content` below `folder`, which is written unless it exists.

    The folder of the file is named by a digest of its content, so that other content never has the same path.
    """
    path = folder / hashlib.sha256(content).hexdigest()[:16] / name
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return path


def measure(
    path: Path, samples: Path, *, camera_bytes: bool, hurry: bool = False, counted: Counted = uncounted
) -> Measurement:
    """Run the file at `path` on the samples saved in `samples`, on one thread.

    Args:
        path: path of the file.
        samples: a folder that `Samples.save` wrote.
        camera_bytes: whether to feed uint8 photos without normalisation, as a device would.
        hurry: whether to time only the first samples of a slow file, and run the others on all cores.
        counted: is called with the number of samples that are done.

    Raises:
        RuntimeCrashError: the runtime cannot load or run the file.
        UsageProblemError: the samples do not fit the file's inputs.
    """
    with temporary.folder() as folder:
        outputs = Path(folder) / "outputs.npz"
        result = process.call(
            run,
            counted=counted,
            path=path,
            samples=samples,
            outputs=outputs,
            camera_bytes=camera_bytes,
            hurry_after=(TIMED_SAMPLES, TIMED_SECONDS) if hurry else None,
        )
        with np.load(outputs, allow_pickle=False) as arrays:
            stored = {name: arrays[name] for name in arrays.files}
    return Measurement(
        inputs=tuple(TensorSpec.from_record(spec) for spec in result["inputs"]),
        outputs=tuple(TensorSpec.from_record(spec) for spec in result["outputs"]),
        stored=stored,
        milliseconds=tuple(result["milliseconds"]),
        p50_ms=result["p50_ms"],
        p90_ms=result["p90_ms"],
        census=tuple(OpCount(**op) for op in result["census"]),
        requirements=Requirements(**result["requirements"]),
    )
