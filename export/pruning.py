"""The model with fewer weights, and what that costs: against the model as it was before."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calibration.samples import Array
from calibration.store import Draw
from export import passes
from export.errors import PassRefusedError
from export.formats import FORMATS
from export.metrics import compare
from export.model import reference, signature
from export.model.graph import functional
from export.model.subject import Subject, subject_of_file
from export.passes import Stage
from export.passes.fold import Fold
from export.passes.prune import Prune
from export.passes.prune_channels import PruneChannels
from export.passes.refit import FEWEST_SAMPLES
from export.passes.shrink import Shrink
from export.recipe import Pruning, Recipe
from zoo import own_file
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    from export.analysis.evaluation import Labelled
    from export.progress import Progress
    from export.proof.artifact import Artifact
    from export.proof.prove import Assembly

# Of what training makes, all that other weights would undo.
_UNDONE = ("prune", "cluster", "qat")

Outputs = Mapping[str, Array]


@dataclass(frozen=True, kw_only=True)
class Slimmed:
    """A subject with fewer weights.

    Attributes:
        subject: it; what is converted.
        original: the subject as it was.
        before: what the original says of the probe.
        records: of the stages, for the manifest.
    """

    subject: Subject
    original: Subject
    before: Outputs
    records: Sequence[Mapping[str, Any]]

    def record(self, assembly: Assembly, artifacts: Sequence[Artifact], photos: Labelled | None) -> dict[str, Any]:
        """Return how the new model and every file compare with the original, for the manifest."""
        scores = photos.truth.scores(reference.outputs(self.original.model, photos.truth.samples)) if photos else None
        files = {artifact.file_name: self._file(assembly, artifact) for artifact in artifacts if artifact.content}
        return {
            "stages": [dict(record) for record in self.records],
            "model": _against(self.before, assembly.expected),
            "original_scores": scores,
            "files": files,
        }

    def _file(self, assembly: Assembly, artifact: Artifact) -> dict[str, Any]:
        assert artifact.content is not None  # asked by who calls
        measured = assembly.measurements.get((artifact.format, artifact.precision))
        return {
            **(_against(self.before, measured.real) if measured else {}),
            "bytes": len(artifact.content),
            "bytes_zipped": len(zlib.compress(artifact.content, 9)),
            "zero_share": FORMATS[artifact.format].zero_share(artifact.content),
        }


def slimmed(subject: Subject, recipe: Recipe, samples: Draw, expected: Outputs, progress: Progress) -> Slimmed | None:
    """Return `subject` with the weights that the recipe's pruning leaves, beside what it is compared with.

    Args:
        subject: what the recipe names.
        recipe: how.
        samples: to fit weights on, and to compare on.
        expected: what `subject` says of the probe.
        progress: hears of every step.

    Returns:
        None if nothing is pruned, and no original is named.

    Raises:
        UsageProblemError: nothing to fit the other weights on, a model that cannot be pruned, or an original that is
            another network.
    """
    if recipe.pruning is None and recipe.original is None:
        return None
    original, before = subject, expected
    if recipe.original is not None:
        original = _original(Path(recipe.original).expanduser(), subject)
        before = reference.outputs(original.model, samples.probe)
    pruned, records = subject, list[Mapping[str, Any]]()
    if recipe.pruning is not None:
        pruned, records = _pruned(subject, recipe.pruning, recipe.seed, samples, progress)
    return Slimmed(subject=pruned, original=original, before=before, records=records)


def _original(path: Path, subject: Subject) -> Subject:
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


def _pruned(
    subject: Subject, pruning: Pruning, seed: int, samples: Draw, progress: Progress
) -> tuple[Subject, list[Mapping[str, Any]]]:
    """Return the subject with fewer weights, and the records of the stages."""
    typed = " ".join(pruning.words)
    if reason := _reason_against(subject, samples):
        raise UsageProblemError(f"{typed}: {reason}")
    model, records = functional(subject.model), list[Mapping[str, Any]]()
    try:
        for stage in _stages(pruning, seed):
            progress.step("prune the model")
            staged = passes.apply(stage, model, samples.calibration)
            model = staged.model
            records.append(staged.record.record())
    except PassRefusedError as error:
        raise UsageProblemError(f"{typed} is not for this model: {error}") from error
    if not all(record["layers"] for record in records[1:]):
        raise UsageProblemError(f"{typed}: there is nothing in this model that could be taken away")
    return replace(subject, model=model), records


def _stages(pruning: Pruning, seed: int) -> Iterator[Stage]:
    """Yield the stages in the order that makes sense: what is removed needs no zeros."""
    yield Fold()
    if pruning.channels:
        yield PruneChannels(share=pruning.channels, seed=seed)
        yield Shrink()
    if pruning.weights:
        yield Prune(share=pruning.share, pattern=pruning.pattern, seed=seed)


def _reason_against(subject: Subject, samples: Draw) -> str:
    made = [record["name"] for record in subject.history if record["name"] in _UNDONE]
    if made:
        return f"it fits weights anew, and would undo what training made of them ({', '.join(made)}); prune there"
    if not subject.weights.trained:
        return "the weights are untrained, so that it cannot be told which are worth least; give trained ones"
    if not samples.calibration.real:
        return "the samples are noise; leave out --random-calibration"
    if len(samples.calibration) < FEWEST_SAMPLES:
        return f"{len(samples.calibration)} samples are too few; give at least {FEWEST_SAMPLES}"
    return ""


def _against(before: Outputs, found: Outputs) -> dict[str, Any]:
    """Return the worst SQNR and share of equal answers of all outputs."""
    compared = [asdict(compare(reference=before[name], actual=found[name])) for name in before]
    same = [one["top1_agreement"] for one in compared if one["top1_agreement"] is not None]
    return {"sqnr_db": min(one["sqnr_db"] for one in compared), "top1_agreement": min(same, default=None)}
