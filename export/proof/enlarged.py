"""Parity beyond the samples: a float file and the model on inputs that are enlarged.

Real samples may never reach the cap of an activation or a rare branch, so a file without it would agree on all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from calibration.samples import Array, Samples
from export import temporary
from export.model import entries
from export.proof.check import CheckResult
from export.proof.compare import compare_outputs
from export.proof.tolerances import ENLARGED_PARITY
from export.quantization.build import MadeFile
from export.quantization.export_run import ExportRun
from export.runtime.jobs.isolate import LOUDER, louder
from export.runtime.run_file import measure
from export.scheme import FLOAT32
from zoo.errors import CheckFailedError, OutsideError

SAMPLES = 2


def check(run: ExportRun, file: MadeFile) -> tuple[CheckResult, ...]:
    """Compare a float32 file with the Keras model on a few enlarged samples of the proof.

    No result if the model has no float input, or cannot compute them.
    """
    probe = run.samples.probe
    few = probe.take(np.unique(np.linspace(0, len(probe) - 1, SAMPLES).astype(np.int64)))
    if run.subject.entries or not any(np.issubdtype(one.dtype, np.floating) for one in few.inputs.values()):
        return ()
    import tensorflow as tf

    samples = louder(few)
    try:
        expected = entries.outputs(run.subject, samples)
    except (CheckFailedError, tf.errors.OpError):  # no numbers, or an index beyond a table
        return ()
    return _compared(run, file, samples, expected)


def _compared(
    run: ExportRun, file: MadeFile, samples: Samples, expected: Mapping[str, Array]
) -> tuple[CheckResult, ...]:
    with temporary.folder() as folder:
        samples.save(Path(folder))
        try:
            measured = measure(file.on_disk(run.work), Path(folder), camera_bytes=False)
        except OutsideError as error:
            return (CheckResult.stated("parity", f"inputs enlarged {LOUDER} times", str(error), passed=False),)
    kinds = entries.output_kinds(run.subject)
    compared = compare_outputs(
        expected, measured.real, FLOAT32, has_thresholds=True, tolerance=ENLARGED_PARITY, kinds=kinds
    )
    return compared.checks
