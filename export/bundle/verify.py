"""Verify a delivered folder on its golden inputs, without the source model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from export import temporary
from export.bundle import (
    authenticity,
    completeness,
    consistency,
    file_facts,
    golden,
    golden_inputs,
    report_match,
    token_numbers,
    zoo_facts,
)
from export.bundle.authenticity import Authenticity, State
from export.bundle.golden import Golden
from export.bundle.read import Delivered, damage, of_formats
from export.bundle.signing import PublicKey
from export.bundle.verify_file import VerifiedFile, examined, unseen, verify_file, whole, whole_file
from export.bundle.write import GOLDEN
from export.bundle.writer import TOOL, writer
from export.formats import FORMATS
from export.progress import Progress
from export.proof.check import CheckResult
from zoo.errors import CheckFailedError

SCHEMA = "zoo-export verification 1"
# What a manifest states, and no file shows.
ALWAYS_STATED = ("accuracy on labelled data", "SQNR on all samples", "largest errors", "latency", "versions", "history")


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
    def not_derivable(self) -> tuple[str, ...]:
        """The facts that neither the files nor the zoo show, so that only a checked signature vouches for them."""
        if self.authenticity.state in (State.VALID, State.INVALID):
            return ()
        untrained = () if self.delivered.trained else ("that the weights are untrained",)
        of_model = () if self.is_of_zoo else ("preprocessing", "class names", "task", "origin of the weights")
        wrote = self.delivered.versions.get(TOOL)
        of_version = () if wrote == writer() else (f"the report and the list of checks of zoo-export {wrote}",)
        writes = any(file.get("greedy_continuation") for file in self.delivered.manifest["files"])
        texts = ("continuation of texts",) if writes else ()
        return (*of_version, *untrained, *of_model, *ALWAYS_STATED, *texts, *self._unread_siblings())

    def _unread_siblings(self) -> tuple[str, ...]:
        """Return that files may store other numbers than those they were derived from, which cannot be read here."""
        unread = file_facts.unread_formats()
        needed = {name for one in self.files for name in FORMATS[one.file.format].needs(one.file.scheme)}
        return tuple(f"that the numbers are those of the .{name}" for name in sorted(needed & unread))

    @property
    def is_of_zoo(self) -> bool:
        """Whether the zoo knows the network."""
        return any(check.subject.endswith(zoo_facts.OF_ZOO) for check in self.checks)

    @property
    def passed(self) -> bool:
        """Whether all checks of the folder passed."""
        return all(file.passed for file in self.files) and all(check.passed for check in self.checks)


def verify(
    delivered: Delivered, progress: Progress, key: PublicKey | None = None, formats: Sequence[str] = ()
) -> Verification:
    """Check every file of a folder: same bytes and outputs, consistent records, and still close to the Keras model.

    Nothing but the manifest is read if its signature is wrong.

    Args:
        delivered: the folder.
        progress: is notified of every file.
        key: the key that must have signed the manifest; None accepts any key and no signature.
        formats: names of the formats whose files are verified; empty for all, each of which needs its runtime.

    Raises:
        UsageProblemError: the folder has no file of these formats.
        OutsideError: temporary files cannot be written.
    """
    wanted = of_formats(delivered, formats)
    signed = authenticity.examine(delivered, key)
    if signed.state is State.INVALID:
        files = tuple(unseen(file, "the signature is not valid") for file in wanted)
        return Verification(delivered=delivered, authenticity=signed, count=0, files=files, checks=signed.checks())
    checks = [*signed.checks(), *_records(delivered)]
    try:
        samples = _golden(delivered)
    except CheckFailedError as error:
        checks = [check for check in checks if check.subject != GOLDEN]
        checks.append(CheckResult.stated("integrity", GOLDEN, str(error), passed=False))
        files = tuple(unseen(file, str(error), whole_file(file)) for file in wanted)
        return Verification(delivered=delivered, authenticity=signed, count=0, files=files, checks=tuple(checks))
    checks += completeness.check_golden(delivered, samples)
    checks += examined(golden_inputs.check, delivered, samples)
    checks += examined(token_numbers.check, delivered, samples)
    with temporary.folder() as folder:
        with temporary.writing():
            samples.samples(delivered.photo_input).save(Path(folder))
        seen: list[VerifiedFile] = []
        for file in wanted:
            progress.step(f"verify {file.path.name}", len(seen), len(wanted))
            seen.append(verify_file(file, delivered, samples, Path(folder), seen))
    return Verification(
        delivered=delivered, authenticity=signed, count=len(samples), files=tuple(seen), checks=tuple(checks)
    )


def _records(delivered: Delivered) -> list[CheckResult]:
    """Return the checks of the folder that need neither golden data nor a run."""
    checks = [whole(delivered.folder / name, digest) for name, digest in delivered.companions.items()]
    checks += completeness.check(delivered)
    for examine in (consistency.check, zoo_facts.check, report_match.check):
        checks += examined(examine, delivered)
    return checks


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
