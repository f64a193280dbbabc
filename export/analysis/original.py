"""What losing weights costs: every file of an export beside the model as it was before."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from calibration.samples import Array, Samples
from export.analysis.evaluation import Labelled
from export.formats import FORMATS
from export.metrics import compare
from export.model import reference, signature
from export.model.subject import Subject, subject_of_file
from export.proof.evidence import ProvenFile
from zoo import own_file
from zoo.errors import UsageProblemError

Outputs = Mapping[str, Array]


@dataclass(frozen=True, kw_only=True)
class Original:
    """The model as it was before it lost weights.

    Attributes:
        subject: that model.
        outputs: what it gives for the probe, (N, ...) by name.
        records: of the passes that took weights away in this export, for the manifest.
    """

    subject: Subject
    outputs: Outputs
    records: Sequence[Mapping[str, Any]] = ()

    def record(self, expected: Outputs, files: Iterable[ProvenFile], photos: Labelled | None) -> dict[str, Any]:
        """Return how the exported model and every file compare with the original, for the manifest.

        Args:
            expected: outputs of the exported model.
            files: of the export.
            photos: labelled data, if given.
        """
        scores = photos.truth.scores(reference.outputs(self.subject.model, photos.truth.samples)) if photos else None
        return {
            "stages": [dict(record) for record in self.records],
            "model": _against(self.outputs, expected),
            "original_scores": scores,
            "files": {file.artifact.file_name: self._file(file) for file in files if file.artifact.content},
        }

    def _file(self, file: ProvenFile) -> dict[str, Any]:
        artifact = file.artifact
        return {
            **(_against(self.outputs, file.measured.real) if file.measured else {}),
            "bytes": len(artifact.content),
            "bytes_zipped": len(zlib.compress(artifact.content, 9)),
            "zero_share": FORMATS[artifact.format].zero_share(artifact.content),
        }


def load_original(path: Path, subject: Subject, probe: Samples) -> Original:
    """Return the model in a .keras file as an earlier state of `subject`.

    Raises:
        UsageProblemError: it is another network.
        CheckFailedError: it gives NaN or infinity.
    """
    original = _checked(path, subject)
    return Original(subject=original, outputs=reference.outputs(original.model, probe))


def _checked(path: Path, subject: Subject) -> Subject:
    """Return the network that `subject` was before it lost weights."""
    original = subject_of_file(path, None)  # first: it says what is wrong with a file that is none
    facts = own_file.read(path)
    own, other = (
        (signature.inputs(some.model), [(spec.name, spec.shape) for spec in signature.outputs(some.model)])
        for some in (subject, original)
    )
    told_apart = (subject.labels, original.labels)
    if (
        own != other
        or (facts and facts.preprocessing != subject.preprocessing)
        or (all(told_apart) and subject.labels != original.labels)
    ):
        raise UsageProblemError(
            f"--original {path.name} is no earlier state of {subject.title}: it has other inputs, outputs or classes, "
            "or takes photos in another way"
        )
    return original


def _against(before: Outputs, found: Outputs) -> dict[str, Any]:
    """Return the worst SQNR and share of equal answers of all outputs."""
    compared = [asdict(compare(reference=before[name], actual=found[name])) for name in before]
    same = [one["top1_agreement"] for one in compared if one["top1_agreement"] is not None]
    return {"sqnr_db": min(one["sqnr_db"] for one in compared), "top1_agreement": min(same, default=None)}
