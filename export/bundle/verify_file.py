"""Verify one file of a delivered folder on the golden inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from calibration.samples import Array
from export.bundle import consistency, file_facts
from export.bundle.completeness import DAMAGED
from export.bundle.golden import Golden
from export.bundle.incomparable import says_incomparable
from export.bundle.read import Delivered, DeliveredFile, damage
from export.bundle.write import GOLDEN
from export.formats import PRIMARY
from export.metrics import Comparison, OutputKind, by_shape
from export.model.output_kinds import EMBEDDING, SCORING_TOKENS
from export.process import RuntimeCrashError
from export.proof import compare, format_agreement
from export.proof.check import CheckResult
from export.proof.tolerances import (
    DYNAMIC_MARGINS_DB,
    FIDELITY,
    PARITY,
    REPRODUCTION,
    STEP_AGREEMENT,
    for_few,
    for_few_steps,
)
from export.runtime.run_file import Measurement, measure
from export.scheme import FLOAT32, W8A16
from export.temporary import FullDiskError
from zoo.errors import OutsideError, UsageProblemError


@dataclass(frozen=True, kw_only=True)
class VerifiedFile:
    """The verification of one file.

    Attributes:
        file: the file as its manifest describes it.
        trouble: why the file could not be run; empty if it ran, or if a failed check already says why.
        checks: the results of all checks.
        comparisons: comparisons with the recorded outputs of the Keras model, by output name.
        measured: the outputs and times; None if the file was not run.
    """

    file: DeliveredFile
    trouble: str = ""
    checks: tuple[CheckResult, ...] = ()
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    measured: Measurement | None = None

    @property
    def passed(self) -> bool:
        """Whether the file is still the proven one."""
        return not self.trouble and all(check.passed for check in self.checks)


def verify_file(
    file: DeliveredFile, delivered: Delivered, samples: Golden, folder: Path, others: list[VerifiedFile]
) -> VerifiedFile:
    """Return the checks of one file.

    Args:
        file: the file.
        delivered: its folder.
        samples: the golden data.
        folder: where the golden inputs are saved.
        others: the files that were verified before.
    """
    integrity = whole_file(file)
    if not integrity.passed:  # Do not pass an unknown file to native code.
        return VerifiedFile(file=file, checks=(integrity,))
    try:
        measured = measure(file.path, folder, camera_bytes=file.takes_camera_bytes, hurry=True)
    except FullDiskError:
        raise
    except (OutsideError, UsageProblemError) as error:
        return VerifiedFile(file=file, checks=(integrity,), trouble=str(error))
    judge = file.scheme.can_be_judged(trained=delivered.trained, real=delivered.real)
    # The error of float rounding does not depend on the sample; the error of quantization does.
    tolerance = PARITY if file.scheme == FLOAT32 else for_few(FIDELITY[file.scheme], len(samples))
    proven = compare.compare_outputs(
        samples.expected,
        measured.real,
        file.scheme,
        has_thresholds=judge,
        tolerance=tolerance,
        kinds=output_kinds(delivered, samples.expected),
    )
    # Untrained weights that magnify rounding: nothing can be compared with the model, only with the export's outputs.
    incomparable = says_incomparable(delivered.manifest)
    magnifies = compare.magnifies(file.scheme, file.raised, trained=delivered.trained)
    model = samples.expected if magnifies or file.scheme.is_dynamic else None
    checks = (
        integrity,
        _signature(file, measured),
        *_reproduction(file, measured, samples, model, magnifies=magnifies),
        *(() if incomparable else proven.checks),
        *(() if incomparable else _agreement(file, measured, others, samples, delivered, magnifies=magnifies)),
        *_recorded(file, delivered, measured),
        *_as_exported(file),
    )
    return VerifiedFile(file=file, checks=checks, comparisons=proven.comparisons, measured=measured)


def whole(path: Path, sha256: str) -> CheckResult:
    """Check that the bytes are those of the export."""
    trouble = damage(path, sha256)
    return CheckResult.stated("integrity", path.name, trouble or "its sha256 matches the manifest", passed=not trouble)


def whole_file(file: DeliveredFile) -> CheckResult:
    """Check that the bytes of a file and of its data are those of the export."""
    trouble, name = file.damage(), file.path.name
    of_all = "its sha256 and that of its weights match" if file.data else "its sha256 matches"
    return CheckResult.stated("integrity", name, trouble or f"{of_all} the manifest", passed=not trouble)


def _signature(file: DeliveredFile, measured: Measurement) -> CheckResult:
    """Check that inputs and outputs match the manifest, including scales and zero points."""
    same = (file.inputs, file.outputs) == (measured.inputs, measured.outputs)
    reason = "match the manifest" if same else "differ from the manifest: a device would feed the file wrongly"
    return CheckResult.stated("signature", "inputs and outputs", f"name, shape, type and scale {reason}", passed=same)


def _reproduction(
    file: DeliveredFile,
    measured: Measurement,
    samples: Golden,
    model: Mapping[str, Array] | None,
    *,
    magnifies: bool,
) -> tuple[CheckResult, ...]:
    """Check that the outputs match those at the export, up to the rounding differences between processors."""
    stored = samples.stored.get(file.path.name, {})
    specs = {spec.name: spec for spec in measured.outputs}
    if set(stored) != set(specs):
        reason = f"{GOLDEN} does not contain the outputs of this file at the export"
        return (CheckResult.stated("reproduction", "the file", reason, passed=False),)
    recorded = {name: specs[name].dequantize(values) for name, values in stored.items()}
    return compare.agreement(
        recorded,
        measured.real,
        specs,
        file.scheme,
        model=model,
        margin_db=None if magnifies else DYNAMIC_MARGINS_DB.get(file.scheme),
        id="reproduction",
        # The 16-bit rounding of w8a16 magnifies differences between processors, as it does between formats.
        tolerance=None if file.scheme == W8A16 else REPRODUCTION,
        step_tolerance=for_few_steps(STEP_AGREEMENT, len(next(iter(recorded.values())))),
    )


def _agreement(
    file: DeliveredFile,
    measured: Measurement,
    others: list[VerifiedFile],
    samples: Golden,
    delivered: Delivered,
    *,
    magnifies: bool,
) -> tuple[CheckResult, ...]:
    """Compare with the file of the same precision in the primary format, as the export does."""
    for other in others:
        is_sibling = other.file.scheme == file.scheme and other.file.format == PRIMARY.name != file.format
        if is_sibling and other.measured is not None and set(other.measured.real) == set(measured.real):
            return format_agreement.check(
                other.measured,
                measured,
                file.scheme,
                magnifies=magnifies,
                expected=samples.expected,
                kinds=output_kinds(delivered, samples.expected),
                step_tolerance=for_few_steps(STEP_AGREEMENT, len(samples)),
                fidelity_db=_recorded_fidelity(other.file, delivered),
                has_near_ties=not delivered.trained,
            )
    return ()


def output_kinds(delivered: Delivered, outputs: Mapping[str, Array]) -> dict[str, OutputKind]:
    """Return what the outputs mean, as far as their shapes and the task say."""
    if delivered.task == EMBEDDING:
        return dict.fromkeys(outputs, OutputKind.EMBEDDINGS)
    if delivered.task in SCORING_TOKENS:
        return dict.fromkeys(outputs, OutputKind.NEXT_TOKENS)
    return by_shape(outputs)


def _recorded_fidelity(file: DeliveredFile, delivered: Delivered) -> dict[str, float]:
    """Return the SQNR of a file on the samples of the proof, by output; nothing where the record is damaged."""
    record = next(one for one in delivered.manifest["files"] if one["file"] == file.path.name)
    try:
        return {str(name): float(one["sqnr_db"]) for name, one in record["comparisons"].items()}
    except DAMAGED:
        return {}


def _recorded(file: DeliveredFile, delivered: Delivered, measured: Measurement) -> tuple[CheckResult, ...]:
    """Check the record of a file against itself and against the file."""
    record = next(one for one in delivered.manifest["files"] if one["file"] == file.path.name)
    try:
        found = examined(file_facts.check, file, delivered, measured)
    except RuntimeCrashError as error:
        found = (CheckResult.stated("consistency", "the file", str(error), passed=False),)
    return (*consistency.check_file(record, delivered.manifest), *found)


def _as_exported(file: DeliveredFile) -> tuple[CheckResult, ...]:
    """Fail a file that failed its proof at the export and was written with --keep-failed."""
    if not file.failures:
        return ()
    reason = f"the file failed its proof at the export: {'; '.join(file.failures)}"
    return (CheckResult.stated("export", "the file", reason, passed=False),)


def unseen(file: DeliveredFile, reason: str, *checks: CheckResult) -> VerifiedFile:
    """Return the result for a file that was not run."""
    result = CheckResult.stated("reproduction", "the file", f"the file was not run: {reason}", passed=False)
    return VerifiedFile(file=file, checks=(*checks, result))


def examined(examine: Callable[..., tuple[CheckResult, ...]], *about: Any) -> tuple[CheckResult, ...]:
    """Return the results of a check; a record that it cannot use fails."""
    try:
        return examine(*about)
    except DAMAGED as error:
        reason = f"it is damaged ({type(error).__name__}: {error})"
        return (CheckResult.stated("consistency", "the manifest", reason, passed=False),)
