"""The check of a streaming form: its outputs over whole sequences are those of the original model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from calibration.samples import Array
from export import process, temporary
from export.metrics import OutputKind
from export.proof.check import CheckResult
from export.proof.compare import compare_outputs
from export.quantization.export_run import Stream
from export.runtime.jobs.stream import stream as run_stream
from export.scheme import Scheme
from zoo.errors import OutsideError

ID = "stream"


def check(path: Path, stream: Stream, scheme: Scheme, kinds: Mapping[str, OutputKind]) -> tuple[CheckResult, ...]:
    """Run a file step by step, its states fed back, and compare the outputs with those of the original model.

    An output without steps is compared after the last one.

    Args:
        path: of the file, which its runtime can read.
        stream: the sequences and the original's outputs.
        scheme: of the file; its tolerances are those of parity or fidelity.
        kinds: of the outputs.
    """
    try:
        found = _outputs(path, stream)
    except OutsideError as error:
        return (CheckResult.stated(ID, "the file", str(error), passed=False),)
    actual = {name: _like(stream.expected[name], values) for name, values in found.items() if name in stream.expected}
    own = {name: kinds[name] for name in stream.expected}
    compared = compare_outputs(stream.expected, actual, scheme, has_thresholds=True, kinds=own, id=ID)
    return compared.checks


def _like(expected: Array, found: Array) -> Array:
    """Return the outputs of every step (N, T, 1, ...) as one series, or those of the last step, as expected."""
    if expected.ndim + 1 == found.ndim and found.shape[2] == 1 and expected.shape[1] == found.shape[1]:
        return found[:, :, 0]
    return found[:, -1]


def _outputs(path: Path, stream: Stream) -> dict[str, Array]:
    with temporary.folder() as folder:
        outputs = Path(folder) / "outputs.npz"
        process.call(
            run_stream,
            path=path,
            sequences=stream.sequences,
            outputs=outputs,
            state=dict(stream.state),
            series=list(stream.series),
            steps=stream.steps,
        )
        with np.load(outputs, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
