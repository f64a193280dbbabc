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
from export.proof.tolerances import ENLARGED_PARITY
from export.quantization.build import MadeFile
from export.quantization.export_run import ExportRun
from export.runtime.jobs.error_sums import sqnr_db
from export.runtime.jobs.isolate import LOUDER, louder
from export.runtime.run_file import measure
from zoo.errors import CheckFailedError, OutsideError

SAMPLES = 2

# Rounding of the inputs, relative, and the SQNR of the outputs that it must leave.
PERTURBATION, STABLE_DB = 1e-6, 90


def check(run: ExportRun, file: MadeFile, usual: Mapping[str, Array]) -> tuple[CheckResult, ...]:
    """Compare a float32 file with the Keras model on a few enlarged samples of the proof.

    No result if the model has no float input, cannot compute them, or magnifies rounding there as it would an error.
    With random weights, activations may become so large that the runtimes' approximations differ: ONNX Runtime takes
    the sigmoid of -18 for those of all smaller numbers.

    Args:
        run: of the export.
        file: the float32 file.
        usual: outputs of the Keras model for the probe: an error is small if it is small beside these.
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
    return _compared(run, file, samples, expected, usual)


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
    run: ExportRun, file: MadeFile, samples: Samples, expected: Mapping[str, Array], usual: Mapping[str, Array]
) -> tuple[CheckResult, ...]:
    subject = f"inputs enlarged {LOUDER} times"
    with temporary.folder() as folder:
        samples.save(Path(folder))
        try:
            measured = measure(file.on_disk(run.work), Path(folder), camera_bytes=False)
        except OutsideError as error:
            return (CheckResult.stated("parity", subject, str(error), passed=False),)
    worst = min(_db(expected[name], measured.real[name], usual[name]) for name in expected if name in measured.real)
    least, reason = ENLARGED_PARITY.min_sqnr_db, ENLARGED_PARITY.reason
    return (
        CheckResult.at_least(least, worst, id="parity", subject=subject, quantity="SQNR", unit="dB", reason=reason),
    )


def _db(expected: Array, found: Array, usual: Array) -> float:
    """Return the SQNR, where the signal is the larger one of the enlarged and of the usual outputs."""
    power = max(float(np.mean(one.astype(np.float64) ** 2)) for one in (expected, usual))
    noise = float(np.mean((expected.astype(np.float64) - found.reshape(expected.shape)) ** 2))
    return sqnr_db(power, noise)
