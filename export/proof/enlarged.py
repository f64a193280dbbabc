"""Parity beyond the samples: a float file and the model on inputs that are enlarged.

Real samples may never reach the cap of an activation or a rare branch, so a file without it would agree on all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration import enlarged as larger
from calibration.samples import Array, Samples
from export import temporary
from export.metrics import compare
from export.model import signature
from export.proof.check import CheckResult
from export.proof.tolerances import ENLARGED_PARITY
from export.quantization.build import MadeFile
from export.quantization.export_run import ExportRun
from export.runtime.jobs.error_sums import sqnr_db
from export.runtime.run_file import measure
from zoo.errors import OutsideError

SAMPLES = 2

# Rounding of the inputs, relative, and the SQNR of the outputs that it must leave.
PERTURBATION, STABLE_DB = 1e-6, 90
CHAOTIC_DB = 40  # The rounding of a file is larger than that of its inputs, and more of it is magnified.


@dataclass(frozen=True, kw_only=True, eq=False)
class Enlarged:
    """Enlarged samples of the proof, and the Keras model's outputs for them, by name."""

    samples: Samples
    expected: Mapping[str, Array]


def enlarge(run: ExportRun) -> Enlarged | None:
    """Return a few enlarged samples of the proof with the model's outputs.

    None if the model has no float input, cannot compute them, or magnifies rounding there as it would an error. With
    random weights, activations may become so large that the runtimes' approximations differ: ONNX Runtime takes the
    sigmoid of -18 for those of all smaller numbers.
    """
    few = _few(run.samples.probe)
    if run.subject.entries or not run.subject.weights.trained or not _has_floats(few):
        return None
    samples = larger.enlarged(few)
    expected, nearby = (_outputs(run, one) for one in (samples, _perturbed(samples)))
    if expected is None or nearby is None or not _is_stable(expected, nearby):
        return None
    return Enlarged(samples=samples, expected=expected)


def magnified(run: ExportRun) -> str:
    """Return why no file can equal the model: random weights that magnify rounding; empty if they do not.

    A deep network with random weights may be chaotic: EfficientNetV2-M gives other classes for inputs that differ in
    their last bit.
    """
    few = _few(run.samples.probe)
    if run.subject.entries or run.subject.weights.trained or not _has_floats(few):  # whole numbers have no last bit
        return ""
    expected, nearby = (_outputs(run, one) for one in (few, _perturbed(few)))
    if expected is None or nearby is None:
        return ""
    worst = min(compare(reference=expected[name], actual=nearby[name]).sqnr_db for name in expected)
    if worst >= CHAOTIC_DB:
        return ""
    return (
        f"no file can be compared with these untrained weights: when its inputs change by {PERTURBATION:g}, relative, "
        f"the model's own outputs agree to {worst:.0f} dB only"
    )


def check(run: ExportRun, file: MadeFile, usual: Mapping[str, Array], enlarged: Enlarged) -> CheckResult:
    """Compare a float32 file with the Keras model on enlarged samples.

    Args:
        run: of the export.
        file: the float32 file.
        usual: outputs of the Keras model for the probe: an error is small if it is small beside these.
        enlarged: the samples and the model's outputs.
    """
    subject = f"inputs enlarged {larger.TIMES} times"
    with temporary.folder() as folder:
        enlarged.samples.save(Path(folder))
        try:
            measured = measure(file.on_disk(run.work), Path(folder), camera_bytes=False)
        except OutsideError as error:
            return CheckResult.stated("parity", subject, str(error), passed=False)
    found, expected = measured.real, enlarged.expected
    other = [name for name, one in expected.items() if name not in found or found[name].size != one.size]
    if other:
        reason = f"outputs of another shape or none: {', '.join(other)}"
        return CheckResult.stated("parity", subject, reason, passed=False)
    worst = float(np.min([_db(expected[name], found[name], usual[name]) for name in expected]))
    least, reason = ENLARGED_PARITY.min_sqnr_db, ENLARGED_PARITY.reason
    return CheckResult.at_least(least, worst, id="parity", subject=subject, quantity="SQNR", unit="dB", reason=reason)


def _outputs(run: ExportRun, samples: Samples) -> Mapping[str, Array] | None:
    """Return the Keras model's outputs; None if it cannot compute them: no numbers, or an index beyond a table."""
    import keras
    import tensorflow as tf

    model = run.subject.model
    given = [samples.inputs[spec.name] for spec in signature.inputs(model)]
    try:  # An eager call: compiling would take longer than running these few samples.
        found = keras.tree.flatten(model(given[0] if len(given) == 1 else given, training=False))
    except tf.errors.OpError:
        return None
    outputs = {spec.name: np.asarray(one) for spec, one in zip(signature.outputs(model), found, strict=True)}
    return outputs if all(np.isfinite(one).all() for one in outputs.values()) else None


def _few(probe: Samples) -> Samples:
    return probe.take(np.unique(np.linspace(0, len(probe) - 1, SAMPLES).astype(np.int64)))


def _has_floats(samples: Samples) -> bool:
    return any(np.issubdtype(one.dtype, np.floating) for one in samples.inputs.values())


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


def _db(expected: Array, found: Array, usual: Array) -> float:
    """Return the SQNR, where the signal is the larger one of the enlarged and of the usual outputs."""
    power = max(float(np.mean(one.astype(np.float64) ** 2)) for one in (expected, usual))
    noise = float(np.mean((expected.astype(np.float64) - found.reshape(expected.shape)) ** 2))
    return sqnr_db(power, noise)
