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
from calibration.labelled import check_source
from calibration.sources.synthetic import NAME as SYNTHETIC
from calibration.sources.synthetic import Maker
from calibration.store import Draw
from export import delivery, evaluation, golden, models, raising, reference, signature, synthesis
from export.artifact import Artifact
from export.assembly import Assembly
from export.budget import checks, settling
from export.destination import Destination
from export.diagnosis.exporting import diagnosed
from export.making import Making
from export.manifest import manifest
from export.models import Subject
from export.progress import Progress, Quiet
from export.recipe import Recipe


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
        check_source(recipe.evaluate)
    with tempfile.TemporaryDirectory(prefix="zoo-export-") as folder:
        work = Path(folder)
        tell.step("build the model")
        subject = models.load(recipe, lambda done, total: tell.step("fetch the weights", done, total))
        raising.check(subject.model, recipe.raised)
        labelled = evaluation.find(subject, recipe.evaluate) if recipe.evaluate is not None else None
        tell.step("draw the samples")
        samples = draw(subject, recipe, work, calibration_function, tell)
        tell.step("run the Keras model")
        expected = reference.outputs(subject.model, samples.probe)
        photos = None
        if labelled is not None:
            seen = samples.calibration.digests
            photos = evaluation.prepare(subject, labelled, work, tell, exclude=seen, seed=recipe.seed)
        making = Making(subject, recipe, samples, work, tell)
        settled = None
        if recipe.budget.is_asked:
            settled = settling.settle(making, expected, photos)
            recipe = making.recipe
        assembly = Assembly(making, expected)
        artifacts = assembly.artifacts()
        if recipe.diagnose:
            artifacts = diagnosed(artifacts, making)
        if photos is not None:
            artifacts = evaluation.evaluate(artifacts, photos, work, tell)
        if settled is not None:
            artifacts = checks.judged(artifacts, settled, photos)
        chosen = delivery.chosen(artifacts, recipe.precisions, keep_failed=recipe.keep_failed)
        record = manifest(
            recipe=recipe,
            subject=subject,
            artifacts=artifacts,
            delivered=chosen,
            calibration=samples.calibration,
            stability=making.stability,
            stages=list(making.reconstruction.records) if making.reconstruction else [],
            probe=samples.probe,
            evaluation=photos.evaluation if photos else None,
            budget=settled.record() if settled else None,
        )
        if not chosen:
            return Delivery(folder=None, manifest=record, artifacts=tuple(artifacts))
        tell.step("write the files")
        answers = golden.content(samples.probe, expected, assembly.stored(chosen))
        lost = destination.lost([artifact.file_name for artifact in chosen])
        with destination.replaced() as new:
            record = delivery.write(new, chosen, record, answers, subject.labels)
    return Delivery(folder=destination.folder, manifest=record, artifacts=tuple(artifacts), replaced=lost)


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
        probe_count=recipe.probe_count,
        seed=recipe.seed,
        work=work,
        random_calibration=recipe.random_calibration,
        function=function,
        maker=_maker(subject, recipe, progress or Quiet()) if function is None else None,
    )


def _maker(subject: Subject, recipe: Recipe, progress: Progress) -> Maker | None:
    """Return what makes images of the model itself, if that is how the recipe calibrates."""
    if recipe.calibration != SYNTHETIC:
        return None
    return partial(synthesis.images, subject.model, seed=recipe.seed, progress=progress)
