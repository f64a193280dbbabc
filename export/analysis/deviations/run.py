"""Compare the requested file with the fewest bits with the Keras model, sample by sample."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from calibration.samples import Array, Samples
from export.analysis.deviations import predictions
from export.analysis.deviations.confusion import confusion
from export.analysis.deviations.predictions import Compared, Pairing
from export.analysis.deviations.sample_errors import SampleError, largest
from export.analysis.tasks.segmentation.outputs import Mask
from export.formats import PRIMARY
from export.metrics import OutputKind
from export.model.subject import Subject
from export.proof.artifact import Artifact
from export.proof.evidence import ProvenFile
from export.runtime.run_file import Measurement
from export.scheme import FLOAT32, INT8
from zoo.errors import CheckFailedError, UsageProblemError

MOST_SAMPLES = 6


@dataclass(frozen=True, kw_only=True, eq=False)
class Deviation:
    """A sample with a large error, and what model and file predict for it."""

    error: SampleError
    pairing: Pairing

    @property
    def masks(self) -> tuple[Array, Array] | None:
        """The classes of the pixels (height, width) by the model and by the file; None for other predictions."""
        one, other = self.pairing.model.picture, self.pairing.file.picture
        return (one.classes, other.classes) if isinstance(one, Mask) and isinstance(other, Mask) else None

    @property
    def changed_pixels(self) -> float | None:
        """The share of pixels with another class; None without masks."""
        return None if self.masks is None else float((self.masks[0] != self.masks[1]).mean())


@dataclass(frozen=True, kw_only=True, eq=False)
class Deviations:
    """How a file differs from the Keras model on the samples of the proof.

    Attributes:
        file: name of the file.
        confusions: pairs of different classes, by the name of the output.
        samples: those with the largest errors, the largest first.
    """

    file: str
    confusions: Mapping[str, Mapping[str, Any]]
    samples: tuple[Deviation, ...]

    def record(self, photos: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
        """Return plain data for a manifest; `photos` names the pictures of a sample, by its row."""
        return {
            "file": self.file,
            "confusions": {name: dict(one) for name, one in self.confusions.items()},
            "samples": [
                {
                    "number": one.error.row + 1,
                    "share": one.error.share,
                    "sqnr_db": one.error.sqnr_db,
                    "output": one.error.output,
                    "model": predictions.record(one.pairing.model),
                    "file": predictions.record(one.pairing.file),
                    "changed_pixels": one.changed_pixels,
                    **photos.get(one.error.row, {}),
                }
                for one in self.samples
            ],
        }


def find(
    subject: Subject, probe: Samples, expected: Mapping[str, Array], proven: Collection[ProvenFile]
) -> Deviations | None:
    """Return the deviations of the file with the fewest bits; None for untrained weights, noise or float32 only.

    Args:
        subject: the model.
        probe: the samples of the proof.
        expected: outputs (N, ...) of the Keras model, by name.
        proven: the requested files.
    """
    measured = [(one.artifact, one.measured) for one in proven if one.measured is not None]
    files = [(file, outputs) for file, outputs in measured if file.scheme != FLOAT32 and _is_whole(outputs, expected)]
    if not (files and subject.weights.trained and probe.real):
        return None
    artifact, outputs = min(files, key=lambda one: _bits(one[0]))
    errors = largest(expected, outputs.stored, outputs.outputs, MOST_SAMPLES)
    pairings = _pairings(subject, artifact, expected, outputs, errors)
    return Deviations(
        file=artifact.file_name,
        confusions=_confusions(subject, artifact, expected, outputs),
        samples=tuple(Deviation(error=one, pairing=two) for one, two in zip(errors, pairings, strict=False)),
    )


def _bits(artifact: Artifact) -> tuple[bool, int, int, bool]:
    """Return a key that is smallest for int8, else for the fewest bits, in the primary format."""
    scheme = artifact.scheme
    return scheme != INT8, scheme.weight_bits, scheme.activation_bits, artifact.format != PRIMARY.name


def _is_whole(outputs: Measurement, expected: Mapping[str, Array]) -> bool:
    """Return whether a file has the outputs of the model, of the same shapes."""
    stored = {name: values.shape for name, values in outputs.stored.items()}
    return stored == {name: values.shape for name, values in expected.items()}


def _confusions(
    subject: Subject, artifact: Artifact, expected: Mapping[str, Array], outputs: Measurement
) -> dict[str, dict[str, Any]]:
    specs = {spec.name: spec for spec in outputs.outputs}
    return {
        name: confusion(expected[name], specs[name].dequantize(outputs.stored[name]), subject.labels)
        for name, compared in artifact.comparisons.items()
        if compared.kind is OutputKind.CLASSES
    }


def _pairings(
    subject: Subject,
    artifact: Artifact,
    expected: Mapping[str, Array],
    outputs: Measurement,
    errors: tuple[SampleError, ...],
) -> list[Pairing]:
    """Return the predictions for the samples with the largest errors; none if the outputs cannot be read."""
    if set(artifact.comparisons) != set(expected):
        return []
    found: list[Pairing] = []
    for error in errors:
        few = np.array([error.row])
        compared = _compared(subject, artifact, expected, outputs, few)
        try:
            if predictions.is_read_together(compared):
                return _together(subject, artifact, expected, outputs, errors)
            found += predictions.read(compared, error.output, [error.row + 1])
        except (CheckFailedError, UsageProblemError):  # a damaged description of the outputs; the proof says so
            return []
    return found


def _together(
    subject: Subject,
    artifact: Artifact,
    expected: Mapping[str, Array],
    outputs: Measurement,
    errors: tuple[SampleError, ...],
) -> list[Pairing]:
    count = len(next(iter(expected.values())))
    compared = _compared(subject, artifact, expected, outputs, np.arange(count))
    found = predictions.read(compared, next(iter(expected)), range(1, count + 1))
    return [found[error.row] for error in errors]


def _compared(
    subject: Subject, artifact: Artifact, expected: Mapping[str, Array], outputs: Measurement, rows: Array
) -> Compared:
    return Compared(
        subject=subject,
        artifact=artifact,
        expected={name: np.asarray(values[rows]) for name, values in expected.items()},
        found={spec.name: spec.dequantize(outputs.stored[spec.name][rows]) for spec in outputs.outputs},
    )
