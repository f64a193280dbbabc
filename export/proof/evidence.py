"""The evidence for one file: all that its checks read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from calibration.samples import Array
from export.proof.artifact import Artifact
from export.proof.check import NotMade
from export.proof.compare import OutputComparison
from export.proof.enlarged import Enlarged
from export.proof.integer_model import BaseOutputs
from export.quantization.build import MadeFile
from export.quantization.export_run import ExportRun
from export.quantization.integer_base import IntegerBase
from export.runtime.file_content import FileContent
from export.runtime.run_file import Measurement
from export.scheme import Scheme


@dataclass(frozen=True, kw_only=True)
class ProvenFile:
    """A file with the results of its checks.

    Attributes:
        artifact: the file and the results.
        measured: outputs of its runtime; None if the file could not be built or run.
    """

    artifact: Artifact
    measured: Measurement | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """One file, the files that it was derived from, and their outputs for the samples of the proof.

    Attributes:
        run: of the export.
        file: the file to check.
        expected: outputs of the Keras model, (N, ...) by name.
        measured: outputs of the file, and its declared inputs and outputs.
        compared: `measured` compared with `expected`.
        parent: the float file that it was quantized from; None for float files, and if it could not be built.
        siblings: files of the same scheme that it was derived from, by format.
        float_file: the float32 file of its format; None if the file itself is float32.
        primary: the primary format's file of the same scheme; None if there is none or it is the file itself.
        base: the model that integer files are quantized from; None for float files.
        base_outputs: outputs of the base's model and float file; None if the base is the original.
        enlarged: enlarged samples with the Keras model's outputs; None if the model has no use for them.
        magnified: why no file can equal the model with its random weights; empty if files can.
    """

    run: ExportRun
    file: MadeFile
    expected: Mapping[str, Array]
    measured: Measurement
    compared: OutputComparison
    parent: FileContent | None = None
    siblings: Mapping[str, ProvenFile] = field(default_factory=dict)
    float_file: ProvenFile | None = None
    primary: ProvenFile | None = None
    base: IntegerBase | None = None
    base_outputs: BaseOutputs | None = None
    enlarged: Enlarged | None = None
    magnified: str = ""

    @property
    def scheme(self) -> Scheme:
        """The file's scheme."""
        return self.file.scheme

    @property
    def is_judged(self) -> bool:
        """Whether thresholds apply to the file."""
        return self.run.judges(self.file.scheme)


def not_judged(evidence: Evidence) -> NotMade:
    """Return why thresholds do not apply to the file."""
    trained = evidence.run.subject.weights.trained
    return NotMade(f"the {'samples are noise' if trained else 'weights are untrained'}, so no threshold applies")
