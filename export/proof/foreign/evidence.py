"""The evidence for a file of any maker: the file, the model, and what both compute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from calibration.samples import Array, Samples
from export.formats import Format
from export.formats.opened import OpenedFile
from export.metrics import OutputKind
from export.proof.enlarged import Enlarged
from export.proof.foreign.edges import Edge
from export.proof.foreign.originals import Original
from export.proof.foreign.pairing import Pairing
from export.proof.foreign.stored import Difference
from export.quantization.export_run import ExportRun
from export.runtime.run_file import Measurement, measure, written
from export.scheme import Scheme


@dataclass(frozen=True, kw_only=True, eq=False)
class ForeignFile:
    """A file of any maker that its runtime can run.

    Attributes:
        path: of the file, with a batch of 1.
        content: its bytes, with a batch of 1.
        size: number of bytes of the given file and its data.
        sha256: of the given file, as it was read before the checks.
        data: the digests of the files with weights beside the given file, by their places.
        format: its format.
        opened: the parsed file; None if it cannot be parsed.
        trouble: why it cannot be parsed; empty if it can.
        inputs: its inputs, matched to the model's.
        outputs: its outputs, matched to the model's.
        measured: its outputs for the probe, as the file names them.
    """

    path: Path
    content: bytes
    size: int
    sha256: str
    data: Mapping[str, str]
    format: Format
    opened: OpenedFile | None
    trouble: str
    inputs: tuple[Edge, ...]
    outputs: tuple[Edge, ...]
    measured: Measurement

    @property
    def real(self) -> dict[str, Array]:
        """Its outputs for the probe, by the model's names and in the model's layout."""
        return as_model(self.outputs, self.measured.real)


@dataclass(frozen=True, kw_only=True, eq=False)
class ForeignEvidence:
    """All that the checks of a file read.

    Attributes:
        run: the model, the samples and a folder for files.
        file: the file.
        expected: outputs of the Keras model for the probe, (N, ...) by name.
        kinds: what the outputs mean.
        scheme: what the file's stored types amount to.
        probe: folder of the probe as the file takes it.
        calibration: folder of the calibration samples as the file takes them.
        enlarged: enlarged samples with the model's outputs; None if the model has no use for them.
        original: the model as our own converter writes it.
        pairing: the model's constant for each of the file's; None if the file cannot be parsed.
        differences: the distances of the pairs.
    """

    run: ExportRun
    file: ForeignFile
    expected: Mapping[str, Array]
    kinds: Mapping[str, OutputKind]
    scheme: Scheme
    probe: Path
    calibration: Path
    enlarged: Enlarged | None
    original: Original
    pairing: Pairing | None
    differences: tuple[Difference, ...]

    @property
    def is_judged(self) -> bool:
        """Whether the thresholds of outputs apply."""
        return self.run.judges(self.scheme)

    def outputs_of(self, content: bytes, folder: Path) -> dict[str, Array]:
        """Return the outputs of a variant of the file for saved samples, by the model's names.

        Raises:
            RuntimeCrashError: the runtime cannot run it.
        """
        path = written(self.run.work, f"variant{self.file.format.suffix}", content)
        return as_model(self.file.outputs, measure(path, folder, camera_bytes=False, hurry=True).real)

    def saved(self, samples: Samples, name: str) -> Path:
        """Save samples of the model as the file takes them, and return the folder."""
        return save_for_file(samples, self.file.inputs, self.run.work / name)


def as_model(outputs: tuple[Edge, ...], real: Mapping[str, Array]) -> dict[str, Array]:
    """Return outputs of a file by the model's names and in the model's layout."""
    return {edge.name: edge.to_model(real[edge.file_name]) for edge in outputs}


def save_for_file(samples: Samples, inputs: tuple[Edge, ...], folder: Path) -> Path:
    """Save samples of the model under the names and in the layout of a file's inputs."""
    import numpy as np

    values = {edge.file_name: edge.to_file(np.asarray(samples.inputs[edge.name])) for edge in inputs}
    plain = Samples(inputs=values, source=samples.source, seed=samples.seed, real=samples.real)
    folder.mkdir(parents=True, exist_ok=True)
    plain.save(folder)
    return folder
