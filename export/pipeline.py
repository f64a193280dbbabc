"""The flow of an export, from a recipe to proven files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import calibration.sources
from calibration.inputs import InputSpec
from calibration.sources.synthetic import NAME as SYNTHETIC
from calibration.sources.synthetic import Maker
from calibration.store import Draw
from export import delivery, evaluation, findings, golden, models, raising, reference, signature, slimming, synthesis
from export.artifact import Artifact
from export.destination import Destination
from export.findings import Findings
from export.making import Making
from export.models import Subject
from export.progress import Progress, Quiet
from export.recipe import Recipe

# Samples of the proof. Of random weights only parity is judged, which fewer show as well.
PROBES, UNTRAINED_PROBES = 64, 16


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What an export wrote and measured.

    Attributes:
        folder: with the files; None if not one could be delivered: nothing was written then.
        manifest: everything measured, also of files that were not delivered.
        artifacts: all that were made, float32 first.
        replaced: files of the export that was in the folder before, which are gone now.
    """

    folder: Path | None
    manifest: Mapping[str, Any]
    artifacts: tuple[Artifact, ...]
    replaced: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every file that was asked for is proven."""
        return bool(self.manifest["passed"])


def run(
    recipe: Recipe, progress: Progress | None = None, calibration_function: Callable[[], Any] | None = None
) -> Delivery:
    """Export what `recipe` names, prove every file, and write the good ones.

    Args:
        recipe: what and how.
        progress: hears of every step.
        calibration_function: called once, it gives an iterable of samples (arrays, or dictionaries of arrays by input
            name, without a batch) for calibration and proof, in place of `recipe.calibration`.

    Raises:
        ZooError: a mistake in the recipe, or something outside; nothing has been written then.
    """
    tell = progress or Quiet()
    destination = Destination(recipe.out, models.artifact_name(recipe))
    destination.check()
    if recipe.evaluate is not None:
        evaluation.check_source(recipe.evaluate)
    with tempfile.TemporaryDirectory(prefix="zoo-export-") as folder:
        work = Path(folder)
        subject = _subject(recipe, tell)
        labelled = evaluation.find(subject, recipe.evaluate) if recipe.evaluate is not None else None
        tell.step("draw the samples")
        samples = draw(subject, recipe, work, calibration_function, tell)
        tell.step("run the Keras model")
        expected = reference.outputs(subject.model, samples.probe)
        slim = slimming.slimmed(subject, recipe, samples, expected, tell)
        if slim is not None and slim.subject is not subject:
            subject, expected = slim.subject, reference.outputs(slim.subject.model, samples.probe)
        photos = None
        if labelled is not None:
            seen = samples.calibration.digests
            photos = evaluation.prepare(subject, labelled, work, tell, exclude=seen, seed=recipe.seed)
        found = findings.find(Making(subject, recipe, samples, work, tell), expected, photos, slim)
        return _delivered(found, destination, tell)


def _subject(recipe: Recipe, progress: Progress) -> Subject:
    progress.step("build the model")
    subject = models.load(recipe, lambda done, total: progress.step("fetch the weights", done, total))
    raising.check(subject.model, recipe.raised)
    return subject


def _delivered(found: Findings, destination: Destination, progress: Progress) -> Delivery:
    """Write the good files, if there is one."""
    assembly, artifacts = found.assembly, tuple(found.artifacts)
    recipe, subject = assembly.making.recipe, assembly.making.subject
    chosen = delivery.chosen(found.artifacts, recipe.precisions, keep_failed=recipe.keep_failed)
    record = found.record(chosen)
    if not chosen:
        return Delivery(folder=None, manifest=record, artifacts=artifacts)
    progress.step("write the files")
    answers = golden.content(assembly.making.samples.probe, assembly.expected, assembly.stored(chosen))
    lost = destination.lost([artifact.file_name for artifact in chosen])
    with destination.replaced() as new:
        record = delivery.write(new, chosen, record, answers, subject.labels)
    return Delivery(folder=destination.folder, manifest=record, artifacts=artifacts, replaced=lost)


def draw(
    subject: Subject,
    recipe: Recipe,
    work: Path,
    function: Callable[[], Any] | None = None,
    progress: Progress | None = None,
) -> Draw:
    """Return calibration and probe samples for the subject; they share nothing."""
    inputs = {spec.name: InputSpec(shape=spec.shape[1:], dtype=spec.dtype) for spec in signature.inputs(subject.model)}
    return calibration.sources.draw(
        recipe.calibration,
        inputs=inputs,
        preprocessing=subject.preprocessing,
        calibration_count=recipe.calibration_count,
        probe_count=recipe.probe_count or (PROBES if subject.weights.trained else UNTRAINED_PROBES),
        seed=recipe.seed,
        work=work,
        random_calibration=recipe.random_calibration,
        function=function,
        maker=_maker(subject, recipe, progress or Quiet()) if function is None else None,
        drawn=subject.drawn_inputs,
    )


def _maker(subject: Subject, recipe: Recipe, progress: Progress) -> Maker | None:
    """Return what makes images of the model itself, if that is how the recipe calibrates."""
    if recipe.calibration != SYNTHETIC:
        return None
    return partial(synthesis.images, subject.model, seed=recipe.seed, progress=progress)
