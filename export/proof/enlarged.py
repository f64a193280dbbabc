"""Parity beyond the samples: a float file and the model on inputs that are enlarged.

Real samples may never reach the cap of an activation or a rare branch, so a file without it would agree on all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from calibration.samples import Array, Samples
from export import temporary
from export.metrics import compare
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

# Rounding of the inputs, relative, and the SQNR of the outputs that it must leave.
PERTURBATION, STABLE_DB = 1e-6, 90


def check(run: ExportRun, file: MadeFile) -> tuple[CheckResult, ...]:
    """Compare a float32 file with the Keras model on a few enlarged samples of the proof.

    No result if the model has no float input, cannot compute them, or magnifies rounding there as it would an error. With
    random weights, activations may become so large that the runtimes' approximations differ: ONNX Runtime takes the
    sigmoid of -18 for those of all smaller numbers.
    """
    if not run.subject.weights.trained:
        return ()
    probe = run.samples.probe
    few = probe.take(np.unique(np.linspace(0, len(probe) - 1, SAMPLES).astype(np.int64)))
    if run.subject.entries or not any(np.issubdtype(one.dtype, np.floating) for one in few.inputs.values()):
        return ()
    samples = louder(few)
    expected = _outputs(run, samples)
    nearby = _outputs(run, _perturbed(samples))
    if expected is None or nearby is None or not _is_stable(expected, nearby):
        return ()
    return _compared(run, file, samples, expected)


def _outputs(run: ExportRun, samples: Samples) -> Mapping[str, Array] | None:
    """Return the Keras model's outputs; None if it cannot compute them: no numbers, or an index beyond a table."""
    import tensorflow as tf

    try:
        return entries.outputs(run.subject, samples)
    except (CheckFailedError, tf.errors.OpError):
        return None


def _perturbed(samples: Samples) -> Samples:
    """Return samples whose float inputs differ by float32 rounding."""
    rng = np.random.default_rng(0)

    def nearby(values: Array) -> Array:
        if not np.issubdtype(values.dtype, np.floating):
            return values
        return (values * (1 + PERTURBATION * rng.choice([-1.0, 1.0], values.shape))).astype(values.dtype)

    return samples.with_inputs({name: nearby(np.asarray(values)) for name, values in samples.inputs.items()})


def _is_stable(expected: Mapping[str, Array], nearby: Mapping[str, Array]) -> bool:
    """Return whether rounding the inputs hardly changes the outputs, so that two runtimes must agree on them."""
    compared = [compare(reference=expected[name], actual=nearby[name]).sqnr_db for name in expected]
    return min(compared) >= STABLE_DB


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
