"""Prove a file that another tool made from a Keras model: collect the evidence, make the checks, name the faults."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from calibration.samples import Array
from export.errors import ConversionError
from export.formats import Format, format_of
from export.formats.opened import OpenedFile
from export.model import entries, signature
from export.model.tensor_spec import TensorSpec
from export.process import RuntimeCrashError
from export.proof.enlarged import enlarge
from export.proof.foreign import diagnosis, edges
from export.proof.foreign.checks import Findings, make_all, required
from export.proof.foreign.evidence import ForeignEvidence, ForeignFile, save_for_file
from export.proof.foreign.originals import original
from export.proof.foreign.pairing import paired
from export.proof.foreign.stored import differences
from export.quantization.export_run import ExportRun
from export.runtime import data_files
from export.runtime.inspect_file import inspect_file
from export.runtime.run_file import Measurement, measure
from export.scheme import FLOAT16, FLOAT32, INT8, W8A16, W8A32, Scheme
from zoo.errors import OutsideError, UsageProblemError

OPEN_SIZES, FIX = "sizes other than the batch", "convert it again with fixed sizes"

IN_WORDS = {
    FLOAT32.name: "float32",
    FLOAT16.name: "float16 weights, float activations",
    INT8.name: "8-bit weights and activations",
    W8A16.name: "8-bit weights, 16-bit activations",
    W8A32.name: "8-bit weights, float activations (dynamic range)",
}

STEPS = (
    *("run the Keras model", "run the file", "convert the model for comparison"),
    *("check the file", "look for faults"),
)


@dataclass(frozen=True, kw_only=True)
class ForeignProof:
    """A file of any maker with the results of its checks.

    Attributes:
        evidence: all that the checks read.
        findings: their results.
        faults: sentences on what is wrong, the most telling first.
        remarks: sentences on what the file is and how it was compared.
    """

    evidence: ForeignEvidence
    findings: Findings
    faults: tuple[str, ...]
    remarks: tuple[str, ...]
    missing: tuple[str, ...] = field(default=())

    @property
    def failed(self) -> bool:
        """Whether a check failed."""
        return any(not check.passed for check in self.findings.checks)

    @property
    def proven(self) -> bool:
        """Whether no check failed and all that the file's precision requires were made."""
        return not self.failed and not self.missing


def prove(run: ExportRun, path: Path) -> ForeignProof:
    """Return the proof of the file at `path`.

    Args:
        run: the model, the samples and a folder for files.
        path: of a file that its runtime can load.

    Raises:
        UsageProblemError: its inputs or outputs do not fit the model's.
        OutsideError: its runtime cannot run it.
    """
    tell = run.progress
    tell.step(STEPS[0])
    expected = entries.outputs(run.subject, run.samples.probe)
    tell.step(STEPS[1])
    file, probe = _opened(run, path, expected)
    tell.step(STEPS[2])
    ours = original(run.subject.model, run.samples.probe, run.samples.probe_folder, run.work)
    constants = file.opened.constants if file.opened is not None else ()
    pairing = paired(constants, ours.constants, ours.unfolded) if file.opened is not None else None
    evidence = ForeignEvidence(
        run=run,
        file=file,
        expected=expected,
        kinds=entries.output_kinds(run.subject),
        scheme=file.opened.scheme if file.opened is not None else _scheme_of(file.measured),
        probe=probe,
        calibration=save_for_file(run.samples.calibration, file.inputs, run.work / "calibration-of-file"),
        enlarged=enlarge(run),
        original=ours,
        pairing=pairing,
        differences=differences(pairing.pairs) if pairing is not None else (),
    )
    tell.step(STEPS[3])
    findings = make_all(evidence)
    needed = required(evidence.scheme, file.opened.unread if file.opened is not None else ())
    missing = tuple(id for id in needed if not any(one.id == id for one in findings.checks))
    tell.step(STEPS[4])
    return ForeignProof(
        evidence=evidence,
        findings=findings,
        faults=diagnosis.faults(evidence, findings),
        remarks=diagnosis.remarks(evidence, findings),
        missing=missing,
    )


def _opened(run: ExportRun, path: Path, expected: dict[str, Array]) -> tuple[ForeignFile, Path]:
    """Return the file with its outputs for the probe, and the folder of the probe as the file takes it."""
    file_format = format_of(path)
    data, given, content = data_files.digests(path), path.read_bytes(), file_format.with_batch_of_one(path)
    if path.read_bytes() != given or data_files.digests(path) != data:
        raise OutsideError(f"{path.name} changed while it was read; try again")
    copy = run.work / f"file{file_format.suffix}"
    copy.write_bytes(content)
    try:
        declared = [TensorSpec.from_record(record) for record in inspect_file(copy)["inputs"]]
    except RuntimeCrashError as error:
        raise UsageProblemError(str(error).replace(str(copy), str(path))) from error
    except (TypeError, ValueError) as error:  # a size is a name or nothing
        raise UsageProblemError(f"{path.name} leaves {OPEN_SIZES} of its inputs open; {FIX}") from error
    session_inputs = edges.matched("input", signature.inputs(run.subject.model), declared)
    probe = save_for_file(run.samples.probe, session_inputs, run.work / "probe-of-file")
    try:
        measured = measure(copy, probe, camera_bytes=False, hurry=True)
    except (TypeError, ValueError) as error:
        raise UsageProblemError(f"{path.name} leaves {OPEN_SIZES} of its outputs open; {FIX}") from error
    outputs = edges.matched("output", signature.outputs(run.subject.model), measured.outputs, (expected, measured.real))
    plain = file_format.with_plain_grids(content)
    opened, trouble = _parsed(file_format, plain)
    if plain != content:
        copy.write_bytes(plain)
        again = measure(copy, probe, camera_bytes=False, hurry=True).real
        if not all(np.array_equal(again[name], real, equal_nan=True) for name, real in measured.real.items()):
            opened, trouble = None, "its outputs change where its scales and zero points are stored directly"
    return (
        ForeignFile(
            path=copy,
            content=plain,
            size=data_files.size_bytes(path),
            sha256=hashlib.sha256(given).hexdigest(),
            data=data,
            format=file_format,
            opened=opened,
            trouble=trouble,
            inputs=session_inputs,
            outputs=outputs,
            measured=measured,
        ),
        probe,
    )


def _parsed(file_format: Format, content: bytes) -> tuple[OpenedFile | None, str]:
    try:
        return file_format.opened(content), ""
    except ConversionError as error:
        return None, str(error)


def _scheme_of(measured: Measurement) -> Scheme:
    """Return the scheme of a file that cannot be parsed, from the operators that its runtime counts."""
    kinds = {op.arithmetic for op in measured.census}
    return W8A16 if "int16" in kinds else INT8 if "integer" in kinds else FLOAT32
