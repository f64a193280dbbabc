"""Prune the model for `--prune` and `--prune-channels`, before any conversion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from calibration.samples import Samples
from export import passes
from export.errors import PassRefusedError
from export.model.graph import functional
from export.model.subject import Subject
from export.passes import registry
from export.passes.fitting.refit import FEWEST_SAMPLES
from export.passes.fold import Fold
from export.progress import Progress
from export.recipe import PassChoice
from zoo.errors import UsageProblemError

# Training methods whose result would be lost by refitting the weights.
_UNDONE = ("prune", "cluster", "qat")


def pruned(
    subject: Subject, choice: Sequence[PassChoice], seed: int, samples: Samples, progress: Progress
) -> tuple[Subject, list[Mapping[str, Any]]]:
    """Return the subject with a pruned model, and the records of the passes.

    Args:
        subject: the original model.
        choice: pruning passes.
        seed: random seed of the passes.
        samples: calibration samples, on which the remaining weights are refitted.
        progress: receives every step.

    Raises:
        UsageProblemError: the samples are unsuitable, or the model cannot be pruned.
    """
    chosen = tuple(registry.ordered(choice).values())
    typed = " ".join(f"{one.flag} {one.value}" for one in chosen)
    if reason := _reason_against(subject, samples):
        raise UsageProblemError(f"{typed}: {reason}")
    model, records = functional(subject.model), list[Mapping[str, Any]]()
    try:
        for step in (Fold(), *(step for one in chosen for step in one.steps(seed))):
            progress.step("prune the model")
            result = passes.apply(step, model, samples)
            model = result.model
            records.append(result.record.record())
    except PassRefusedError as error:
        raise UsageProblemError(f"{typed} does not support this model: {error}") from error
    if not all(record["layers"] for record in records[1:]):
        raise UsageProblemError(f"{typed}: this model has no weights that can be pruned")
    return replace(subject, model=model), records


def _reason_against(subject: Subject, samples: Samples) -> str:
    made = [record["name"] for record in subject.history if record["name"] in _UNDONE]
    if made:
        return f"refitting the weights would undo their training ({', '.join(made)}); prune in training instead"
    if not subject.weights.trained:
        return "the weights are untrained, so their importance is unknown; give trained weights"
    if not samples.real:
        return "the samples are noise; leave out --random-calibration"
    if len(samples) < FEWEST_SAMPLES:
        return f"{len(samples)} samples are too few; give at least {FEWEST_SAMPLES}"
    return ""
