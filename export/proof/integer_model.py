"""The checks of the model that integer files are derived from: equalization, reconstruction and drift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from calibration.samples import Array
from export.metrics import OutputKind
from export.model import reference
from export.passes.integer_model import Reconstruction
from export.proof.check import CheckResult
from export.proof.compare import compare_outputs
from export.proof.tolerances import EQUALIZATION, MOVED_WEIGHTS, Tolerance, for_count
from export.quantization.export_run import ExportRun
from export.quantization.integer_base import IntegerBase
from export.runtime.run_file import measure
from export.scheme import FLOAT32, W8A32

Outputs = Mapping[str, Array]


@dataclass(frozen=True, kw_only=True)
class BaseOutputs:
    """Outputs of the model and float file that integer files are derived from, for the samples of the proof.

    Attributes:
        model: outputs of the reconstructed model, (N, ...) by name.
        float_file: outputs of that model's float file.
        equalized: outputs of the equalized model before rounding; None where equalization is exact by construction.
    """

    model: Outputs
    float_file: Outputs
    equalized: Outputs | None


def base_outputs(run: ExportRun, base: IntegerBase) -> BaseOutputs | None:
    """Run the base's model and float file on the probe; return None if integer files are derived from the original.

    Raises:
        RuntimeCrashError: the runtime cannot run the float file.
        CheckFailedError: an output of the model is NaN or infinite.
    """
    made, probe = base.reconstruction, run.samples.probe
    if made.model is None:
        return None
    return BaseOutputs(
        model=reference.outputs(made.model, probe),
        float_file=measure(base.path, run.samples.probe_folder, camera_bytes=False, hurry=True).real,
        equalized=reference.outputs(made.equalized, probe) if made.equalized is not None else None,
    )


def equalization(expected: Outputs, found: BaseOutputs) -> tuple[CheckResult, ...]:
    """Check that the equalized model gives the original's outputs, where that is not exact by construction.

    The pass itself uses the calibration samples only and stays below their caps; the proof uses other samples.
    """
    if found.equalized is None:
        return ()
    judged = compare_outputs(expected, found.equalized, W8A32, has_thresholds=True, tolerance=EQUALIZATION)
    return tuple(replace(check, id="equalization") for check in judged.checks)


def reconstruction(
    expected: Outputs, found: BaseOutputs, tolerance: Tolerance, kinds: Mapping[str, OutputKind]
) -> tuple[CheckResult, ...]:
    """Check that the reconstructed model gives the original's outputs, and that its float file gives the same."""
    tolerance = for_count(tolerance, len(next(iter(expected.values()))))
    judged = (
        *compare_outputs(expected, found.model, W8A32, has_thresholds=True, tolerance=tolerance, kinds=kinds).checks,
        *compare_outputs(found.model, found.float_file, FLOAT32, has_thresholds=True).checks,
    )
    return tuple(replace(check, id="reconstruction") for check in judged)


def drift(made: Reconstruction) -> CheckResult:
    """Check how far reconstruction moved the weights of the channel that moved most."""
    return CheckResult.at_most(
        MOVED_WEIGHTS,
        made.moved,
        id="drift",
        subject=f"a channel of {made.where}",
        quantity="weights moved, share of their norm",
    )
