"""The model with fewer weights, and what that costs: against the model as it was."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from calibration.samples import Array
from calibration.store import Draw
from export import reference, stages
from export.metrics import compare
from export.models import Subject
from export.recipe import Pruning, Recipe
from export.stages import Stage, StageRefusedError
from export.stages.fold import Fold
from export.stages.graph import functional
from export.stages.prune import Prune
from export.stages.prune_channels import PruneChannels
from export.stages.refit import FEWEST_SAMPLES
from export.stages.shrink import Shrink
from export.targets import TARGETS
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    from export.artifact import Artifact
    from export.assembly import Assembly
    from export.evaluation import Labelled
    from export.progress import Progress

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
            "zero_share": TARGETS[artifact.format].zero_share(artifact.content),
        }


def slimmed(subject: Subject, recipe: Recipe, samples: Draw, before: Outputs, progress: Progress) -> Slimmed:
    """Return `subject` with the weights that the recipe's pruning leaves.

    Raises:
        UsageProblemError: nothing to fit the other weights on, or a model that cannot be pruned.
    """
    pruning = recipe.pruning
    assert pruning is not None  # who calls has asked
    typed = " ".join(pruning.words)
    if reason := _reason_against(subject, samples):
        raise UsageProblemError(f"{typed}: {reason}")
    model, records = functional(subject.model), list[Mapping[str, Any]]()
    try:
        for stage in _stages(pruning, recipe.seed):
            progress.step("prune the model")
            staged = stages.apply(stage, model, samples.calibration)
            model = staged.model
            records.append(staged.record.record())
    except StageRefusedError as error:
        raise UsageProblemError(f"{typed} is not for this model: {error}") from error
    if not all(record["layers"] for record in records[1:]):
        raise UsageProblemError(f"{typed}: there is nothing in this model that could be taken away")
    return Slimmed(subject=replace(subject, model=model), original=subject, before=before, records=records)


def _stages(pruning: Pruning, seed: int) -> Iterator[Stage]:
    """Yield the stages in the order that makes sense: what is removed needs no zeros."""
    yield Fold()
    if pruning.channels:
        yield PruneChannels(share=pruning.channels, seed=seed)
        yield Shrink()
    if pruning.weights:
        yield Prune(share=pruning.share, pattern=pruning.pattern, seed=seed)


def _reason_against(subject: Subject, samples: Draw) -> str:
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
