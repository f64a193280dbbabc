"""What the checks of one file look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from calibration.samples import Array
from export.proof.artifact import Artifact
from export.proof.compare import OutputComparison
from export.proof.integer_model import BaseOutputs
from export.quantization.build import MadeFile
from export.quantization.export_run import ExportRun
from export.quantization.integer_base import IntegerBase
from export.runtime.run_file import Measurement
from export.scheme import Scheme


@dataclass(frozen=True, kw_only=True)
class ProvenFile:
    """A file with its proof.

    Attributes:
        artifact: the file and its checks.
        measured: what its runtime gave; None if it could not be made or run.
    """

    artifact: Artifact
    measured: Measurement | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """One file, what it was derived from, and what all of them gave for the samples of the proof.

    Attributes:
        run: of the export.
        file: to be judged.
        expected: outputs of the Keras model, (N, ...) by name.
        measured: outputs of the file, and what it declares.
        compared: the two of them.
        parent: the float file that it was quantized from; None for float files, and where that could not be made.
        siblings: files of its precision that it was derived from, by format.
        float_file: the float32 file of its format; None where it is that one.
        primary: the file of its precision in the primary format, if there is one and it is another.
        base: of integer files; None where there is none.
        base_outputs: what the base's model and file gave; None where it is the original's.
    """

    run: ExportRun
    file: MadeFile
    expected: Mapping[str, Array]
    measured: Measurement
    compared: OutputComparison
    parent: bytes | None = None
    siblings: Mapping[str, ProvenFile] = field(default_factory=dict)
    float_file: ProvenFile | None = None
    primary: ProvenFile | None = None
    base: IntegerBase | None = None
    base_outputs: BaseOutputs | None = None

    @property
    def scheme(self) -> Scheme:
        """The file's precision."""
        return self.file.scheme

    @property
    def is_judged(self) -> bool:
        """Whether thresholds mean anything for it."""
        return self.run.judges(self.file.scheme)
