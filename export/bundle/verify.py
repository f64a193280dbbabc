"""Verify a delivered folder on its golden inputs, without the source model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from calibration.samples import Array
from export import temporary
from export.bundle import authenticity, completeness, consistency, file_facts, golden, golden_inputs, zoo_facts
from export.bundle.authenticity import Authenticity, State
from export.bundle.completeness import DAMAGED
from export.bundle.golden import Golden
from export.bundle.read import Delivered, DeliveredFile, damage
from export.bundle.signing import PublicKey
from export.bundle.write import GOLDEN
from export.formats import PRIMARY
from export.metrics import Comparison
from export.process import RuntimeCrashError
from export.progress import Progress
from export.proof import compare
from export.proof.check import CheckResult
from export.proof.tolerances import FIDELITY, PARITY, REPRODUCTION, STEP_AGREEMENT, for_few, for_few_steps
from export.runtime.run_file import Measurement, measure
from export.scheme import FLOAT32, W8A16
from zoo.errors import CheckFailedError, UsageProblemError

SCHEMA = "zoo-export verification 1"


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


@dataclass(frozen=True, kw_only=True)
class Verification:
    """The verification of a folder.

    Attributes:
        delivered: the folder.
        authenticity: its signature.
        count: the number of golden samples; 0 if there are none.
        files: the result for each file of the manifest.
        checks: the checks of the files other than model files.
    """

    delivered: Delivered
    authenticity: Authenticity
    count: int
    files: tuple[VerifiedFile, ...]
    checks: tuple[CheckResult, ...]

    @property
    def passed(self) -> bool:
        """Whether all checks of the folder passed."""
        return all(file.passed for file in self.files) and all(check.passed for check in self.checks)


def verify(delivered: Delivered, progress: Progress, key: PublicKey | None = None) -> Verification:
    """Check every file of a folder: same bytes and outputs, consistent records, and still close to the Keras model.

    Nothing but the manifest is read if its signature is wrong.

    Args:
        delivered: the folder.
        progress: is notified of every file.
        key: the key that must have signed the manifest; None accepts any key and no signature.

    Raises:
        OutsideError: temporary files cannot be written.
    """
    signed = authenticity.examine(delivered, key)
    if signed.state is State.INVALID:
        files = tuple(_unseen(file, "the signature is not valid") for file in delivered.files)
        return Verification(delivered=delivered, authenticity=signed, count=0, files=files, checks=signed.checks())
    checks = [*signed.checks()]
    checks += [_whole(delivered.folder / name, digest) for name, digest in delivered.companions.items()]
    checks += completeness.check(delivered)
    for examine in (consistency.check, zoo_facts.check):
        checks += _examined(examine, delivered)
    try:
        samples = _golden(delivered)
    except CheckFailedError as error:
        checks = [check for check in checks if check.subject != GOLDEN]
        checks.append(CheckResult.stated("integrity", GOLDEN, str(error), passed=False))
        files = tuple(_unseen(file, str(error), _whole(file.path, file.sha256)) for file in delivered.files)
        return Verification(delivered=delivered, authenticity=signed, count=0, files=files, checks=tuple(checks))
    checks += completeness.check_golden(delivered, samples)
    checks += _examined(golden_inputs.check, delivered, samples)
    with temporary.folder() as folder:
        with temporary.writing():
            samples.samples(delivered.photo_input).save(Path(folder))
        seen: list[VerifiedFile] = []
        for file in delivered.files:
            progress.step(f"verify {file.path.name}", len(seen), len(delivered.files))
            seen.append(_file(file, delivered, samples, Path(folder), seen))
    return Verification(
        delivered=delivered, authenticity=signed, count=len(samples), files=tuple(seen), checks=tuple(checks)
    )


def _unseen(file: DeliveredFile, reason: str, *checks: CheckResult) -> VerifiedFile:
    """Return the result for a file that was not run."""
    unseen = CheckResult.stated("reproduction", "the file", f"the file was not run: {reason}", passed=False)
    return VerifiedFile(file=file, checks=(*checks, unseen))


def _golden(delivered: Delivered) -> Golden:
    """Return the golden data, which are not read unless they are those of the manifest.

    Raises:
        CheckFailedError: they are missing, changed or damaged.
    """
    if GOLDEN not in delivered.companions:
        raise CheckFailedError("the manifest does not list it, so no outputs can be compared; export the model again")
    if trouble := damage(delivered.folder / GOLDEN, delivered.companions[GOLDEN]):
        raise CheckFailedError(trouble)
    return golden.read(delivered.folder / GOLDEN)


def _examined(examine: Callable[..., tuple[CheckResult, ...]], *about: Any) -> tuple[CheckResult, ...]:
    """Return the results of a check; a record that it cannot use fails."""
    try:
        return examine(*about)
    except DAMAGED as error:
        reason = f"it is damaged ({type(error).__name__}: {error})"
        return (CheckResult.stated("consistency", "the manifest", reason, passed=False),)


def _file(
    file: DeliveredFile, delivered: Delivered, samples: Golden, folder: Path, others: list[VerifiedFile]
) -> VerifiedFile:
    whole = _whole(file.path, file.sha256)
    if not whole.passed:  # Do not pass an unknown file to native code.
        return VerifiedFile(file=file, checks=(whole,))
    try:
        measured = measure(file.path, folder, camera_bytes=file.takes_camera_bytes, hurry=True)
    except (RuntimeCrashError, UsageProblemError) as error:
        return VerifiedFile(file=file, checks=(whole,), trouble=str(error))
    judge = file.scheme.can_be_judged(trained=delivered.trained, real=delivered.real)
    # The error of float rounding does not depend on the sample; the error of quantization does.
    tolerance = PARITY if file.scheme == FLOAT32 else for_few(FIDELITY[file.scheme], len(samples))
    proven = compare.compare_outputs(
        samples.expected, measured.real, file.scheme, has_thresholds=judge, tolerance=tolerance
    )
    loose = compare.magnifies(file.scheme, file.raised, trained=delivered.trained)
    model = samples.expected if loose else None
    checks = (
        whole,
        _signature(file, measured),
        *_reproduction(file, measured, samples, model),
        *proven.checks,
        *_agreement(file, measured, others, samples, model),
        *_recorded(file, delivered, measured),
        *_as_exported(file),
    )
    return VerifiedFile(file=file, checks=checks, comparisons=proven.comparisons, measured=measured)


def _whole(path: Path, sha256: str) -> CheckResult:
    """Check that the bytes are those of the export."""
    trouble = damage(path, sha256)
    return CheckResult.stated("integrity", path.name, trouble or "its sha256 matches the manifest", passed=not trouble)


def _signature(file: DeliveredFile, measured: Measurement) -> CheckResult:
    """Check that inputs and outputs match the manifest, including scales and zero points."""
    same = (file.inputs, file.outputs) == (measured.inputs, measured.outputs)
    reason = "match the manifest" if same else "differ from the manifest: a device would feed the file wrongly"
    return CheckResult.stated("signature", "inputs and outputs", f"name, shape, type and scale {reason}", passed=same)


def _reproduction(
    file: DeliveredFile, measured: Measurement, samples: Golden, model: Mapping[str, Array] | None
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
    model: Mapping[str, Array] | None,
) -> tuple[CheckResult, ...]:
    """Compare with the file of the same precision in the primary format, as the export does."""
    for other in others:
        is_sibling = other.file.scheme == file.scheme and other.file.format == PRIMARY.name != file.format
        if is_sibling and other.measured is not None:
            specs = {spec.name: spec for spec in other.measured.outputs}
            step_tolerance = for_few_steps(STEP_AGREEMENT, len(samples))
            if set(specs) == {spec.name for spec in measured.outputs}:
                return compare.agreement(
                    other.measured.real,
                    measured.real,
                    specs,
                    file.scheme,
                    model=model,
                    step_tolerance=step_tolerance,
                )
    return ()


def _recorded(file: DeliveredFile, delivered: Delivered, measured: Measurement) -> tuple[CheckResult, ...]:
    """Check the record of a file against itself and against the file."""
    record = next(one for one in delivered.manifest["files"] if one["file"] == file.path.name)
    try:
        found = _examined(file_facts.check, file, delivered, measured)
    except RuntimeCrashError as error:
        found = (CheckResult.stated("consistency", "the file", str(error), passed=False),)
    return (*consistency.check_file(record, delivered.manifest), *found)


def _as_exported(file: DeliveredFile) -> tuple[CheckResult, ...]:
    """Fail a file that failed its proof at the export and was written with --keep-failed."""
    if not file.failures:
        return ()
    reason = f"the file failed its proof at the export: {'; '.join(file.failures)}"
    return (CheckResult.stated("export", "the file", reason, passed=False),)
