"""Compare every file of an export with the model before pruning."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from calibration.samples import Array, Samples
from export.analysis.evaluation import Labelled
from export.analysis.labelled_data import OfModel
from export.formats import FORMATS
from export.metrics import Comparison, compare
from export.model import reference, signature
from export.model.loading import model_file
from export.model.loading.static_sizes import Sizes
from export.model.model_digest import model_digest
from export.model.output_kinds import output_kinds as of_model
from export.model.subject import Subject, subject_of_file
from export.proof.artifact import Artifact
from export.proof.check import CheckResult
from export.proof.evidence import ProvenFile
from export.proof.tolerances import KEPT_BY_PRUNING
from zoo import own_file
from zoo.errors import UsageProblemError

Outputs = Mapping[str, Array]


@dataclass(frozen=True, kw_only=True)
class Original:
    """The model before pruning.

    Attributes:
        subject: the model.
        outputs: its outputs for the probe (N, ...), by name.
        records: records of the pruning passes of this export, for the manifest.
    """

    subject: Subject
    outputs: Outputs
    records: Sequence[Mapping[str, Any]] = ()

    def record(self, expected: Outputs, files: Iterable[ProvenFile], photos: Labelled | None) -> dict[str, Any]:
        """Return the comparison of the exported model and of every file with the original, for the manifest.

        Args:
            expected: outputs of the exported model.
            files: the files of the export.
            photos: labelled data, if given.
        """
        model = self.subject.model
        answers = OfModel(key=model_digest(model), run=lambda samples: reference.outputs(model, samples))
        scores = photos.data.scores(answers) if photos else None
        return {
            "passes": [dict(record) for record in self.records],
            "model": _against(self.outputs, expected),
            "original_scores": scores,
            "files": {file.artifact.file_name: self._file(file) for file in files if file.artifact.content},
        }

    def _file(self, file: ProvenFile) -> dict[str, Any]:
        artifact = file.artifact
        return {
            **(_against(self.outputs, file.measured.real) if file.measured else {}),
            "bytes": len(artifact.content),
            "bytes_zipped": len(zlib.compress(artifact.content.read(), 9)),
            "zero_share": FORMATS[artifact.format].zero_share(artifact.content.read()),
        }


def judged(artifacts: list[Artifact], original: Original, expected: Outputs) -> list[Artifact]:
    """Return the artifacts with a check of what the pruned model keeps of the original's outputs.

    Args:
        artifacts: the files, which were proven against the pruned model.
        original: the model before pruning.
        expected: outputs of the pruned model for the same samples.
    """
    kinds = of_model(original.subject.model, original.subject.losses, original.subject.task)
    checks = [
        result
        for name in expected
        for result in _kept(name, compare(reference=original.outputs[name], actual=expected[name], kind=kinds[name]))
    ]
    return [
        artifact if artifact.trouble else replace(artifact, checks=(*artifact.checks, *checks))
        for artifact in artifacts
    ]


def _kept(name: str, compared: Comparison) -> Iterator[CheckResult]:
    """Yield the share of equal predictions, or for values the variation over the samples that is kept."""
    share = compared.top1_agreement if compared.top1_agreement is not None else compared.decision_agreement
    quantity, value = ("share with the original's prediction", share) if share is not None else ("R2", compared.r2)
    if value is not None:
        least, reason = KEPT_BY_PRUNING.least, KEPT_BY_PRUNING.reason
        yield CheckResult.at_least(least, value, id="pruning", subject=name, quantity=quantity, reason=reason)


def load_original(path: Path, subject: Subject, probe: Samples) -> Original:
    """Load the model in a .keras file as an earlier state of `subject`.

    Raises:
        UsageProblemError: the file contains another network.
        CheckFailedError: the outputs contain NaN or infinity.
    """
    original = _checked(path, subject)
    return Original(subject=original, outputs=reference.outputs(original.model, probe))


def _checked(path: Path, subject: Subject) -> Subject:
    """Return the network in `path`, checked to be an earlier state of `subject`."""
    shapes = {spec.name: spec.shape for spec in signature.inputs(subject.model)}
    held = set(signature.names(model_file.load(path).model)[0])
    sizes = Sizes(given={name: shape for name, shape in shapes.items() if name in held})
    original = subject_of_file(path, None, sizes)  # Raises a clear error for a damaged file.
    facts = own_file.read(path)
    own, other = (
        (signature.inputs(some.model), [(spec.name, spec.shape) for spec in signature.outputs(some.model)])
        for some in (subject, original)
    )
    labels = (subject.labels, original.labels)
    if (
        own != other
        or (facts and facts.preprocessing != subject.preprocessing)
        or (all(labels) and subject.labels != original.labels)
    ):
        raise UsageProblemError(
            f"--original {path.name} is not an earlier state of {subject.title}: its inputs, outputs, classes or "
            "preprocessing differ; type the file of the model before pruning"
        )
    return original


def _against(before: Outputs, found: Outputs) -> dict[str, Any]:
    """Return the worst SQNR and the worst share of equal predictions over all outputs."""
    compared = [asdict(compare(reference=before[name], actual=found[name])) for name in before]
    same = [one["top1_agreement"] for one in compared if one["top1_agreement"] is not None]
    return {"sqnr_db": min(one["sqnr_db"] for one in compared), "top1_agreement": min(same, default=None)}
