"""The flow of an export, from a recipe to proven files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from calibration.samples import Array
from export import cache, temporary
from export.analysis import evaluation
from export.analysis.budget import checks as budget_checks
from export.analysis.budget.result import BudgetResult
from export.analysis.budget.run import find_file
from export.analysis.deviations import run as deviations
from export.analysis.diagnosis.exporting import diagnosed
from export.analysis.evaluation import Labelled
from export.analysis.original import Original, load_original
from export.analysis.original import judged as judged_by_original
from export.bundle import golden, golden_photo, origins, pictures, signing, write
from export.bundle.atomic_folder import Destination
from export.bundle.diagram.of_subject import diagram
from export.bundle.golden_photo import GoldenPhoto
from export.bundle.manifest import manifest
from export.model import entries, reads_tokens
from export.model.streaming.step_model import StepModel, step_model
from export.model.subject import Subject, artifact_name, load_subject
from export.passes.pruning import pruned
from export.preflight import check as preflight
from export.progress import Progress, Quiet
from export.proof.artifact import Artifact
from export.proof.evidence import ProvenFile
from export.proof.prove import prove_all
from export.quantization import coarse_edges, mixed_precision
from export.quantization.build import MadeFile, bases_of, float_files, quantized_files
from export.quantization.described import described
from export.quantization.export_run import ExportRun
from export.quantization.graph_options import with_options
from export.quantization.integer_base import Bases, IntegerBase
from export.quantization.requested import Key, formats
from export.quantization.samples import draw, for_untrained
from export.quantization.streamed import form_of, streamed
from export.recipe import Recipe
from export.scheme import FLOAT32, INT8

Outputs = Mapping[str, Array]


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What an export wrote and measured.

    Attributes:
        folder: holds the delivered files; None if no file could be delivered, and then nothing was written.
        manifest: all measurements, including those of files that were not delivered.
        artifacts: the requested files, after the float32 files that they are compared with.
        replaced: names of files of an earlier export in this folder that were removed.
    """

    folder: Path | None
    manifest: Mapping[str, Any]
    artifacts: tuple[Artifact, ...]
    replaced: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every requested file is proven."""
        return bool(self.manifest["passed"])


def run(
    recipe: Recipe, progress: Progress | None = None, calibration_function: Callable[[], Any] | None = None
) -> Delivery:
    """Export the model that `recipe` names, prove every file, and write those that pass.

    Args:
        recipe: the model, the schemes, the formats and how to quantize.
        progress: is notified of every step.
        calibration_function: replaces `recipe.calibration`: called once, it returns an iterable of samples (arrays, or
            dictionaries of arrays by input name, without a batch axis) for calibration and proof.

    Raises:
        ZooError: the recipe is wrong, or the network, disk or a runtime failed; nothing has been written.
    """
    tell = progress or Quiet()
    preflight.check(recipe)
    destination = Destination(recipe.out, artifact_name(recipe))
    signer = signing.read_private(Path(recipe.sign).expanduser()) if recipe.sign is not None else None
    with temporary.folder() as folder:
        work = Path(folder)
        subject = _subject(recipe, tell)
        recipe = recipe if calibration_function is not None else for_untrained(recipe, subject)
        labelled = evaluation.find(subject, recipe.evaluate) if recipe.evaluate is not None else None
        tell.step("draw the samples")
        samples = draw(subject, recipe, work, calibration_function, tell)
        kept = cache.at_home(used=cache.may_be_used(recipe))
        export = ExportRun(subject=subject, recipe=recipe, samples=samples, work=work, progress=tell, cache=kept)
        form = _streaming_form(export)
        tell.step("run the Keras model")
        expected: Outputs = entries.outputs(subject, samples.probe)
        export, expected = _streaming_run(export, form, expected)
        export, expected, original = _pruned_run(export, expected)
        export = _with_coarse_edges(export)
        photos = None
        if labelled is not None:
            seen = samples.calibration.digests
            photos = evaluation.prepare(
                export.subject,
                labelled,
                work,
                tell,
                source=recipe.evaluate or "",
                exclude=seen,
                seed=recipe.seed,
                cache=replace(cache.at_home(used=recipe.use_cache), is_read=recipe.resume),
            )
        return _delivered(_exported(export, expected, photos, original), destination, signer)


@dataclass(frozen=True, kw_only=True, eq=False)
class Exported:
    """The files of an export and everything measured about them.

    Attributes:
        run: the export, with the recipe that the budget search chose, if there is a budget.
        expected: outputs of the Keras model for the probe samples.
        files: built files, by format and scheme.
        proven: the same files with their proof.
        artifacts: the requested files and their float32 references, with accuracy, diagnosis and budget checks.
        bases: the models that integer files were quantized from, by weight bits.
        photos: labelled data; None without `--evaluate`.
        result: how the budget was met; None without a budget.
        original: the model before pruning; None if it was not pruned.
    """

    run: ExportRun
    expected: Outputs
    files: Mapping[Key, MadeFile]
    proven: Mapping[Key, ProvenFile]
    artifacts: list[Artifact]
    bases: Mapping[int, IntegerBase]
    photos: Labelled | None
    result: BudgetResult | None
    original: Original | None


def _subject(recipe: Recipe, progress: Progress) -> Subject:
    progress.step("build the model")
    subject = load_subject(recipe, lambda done, total: progress.step("fetch the weights", done, total))
    reads_tokens.check(recipe, subject)
    mixed_precision.check(subject.model, recipe.raised)
    if recipe.streaming:
        step_model(subject.model)  # refuses most models that have no such form, before any other work
    return subject


def _streaming_form(run: ExportRun) -> StepModel | None:
    """Return the streaming form if the recipe requests it.

    Raises:
        UsageProblemError: the model has none.
    """
    if not run.recipe.streaming:
        return None
    run.progress.step("build the streaming form")
    return form_of(run)


def _streaming_run(run: ExportRun, form: StepModel | None, expected: Outputs) -> tuple[ExportRun, Outputs]:
    """Return the export and outputs of the streaming form; without one, the arguments."""
    if form is None:
        return run, expected
    run = streamed(run, form, expected)
    return run, entries.outputs(run.subject, run.samples.probe)


def _pruned_run(run: ExportRun, expected: Outputs) -> tuple[ExportRun, Outputs, Original | None]:
    """Return the export and outputs of the pruned model, and the original; without pruning, the arguments and None."""
    recipe, subject, samples = run.recipe, run.subject, run.samples
    if not recipe.passes and recipe.original is None:
        return run, expected, None
    original = Original(subject=subject, outputs=expected)
    if recipe.original is not None:
        original = load_original(Path(recipe.original).expanduser(), subject, samples.probe)
    if not recipe.passes:
        return run, expected, original
    subject, records = pruned(subject, recipe.passes, recipe.seed, samples.calibration, run.progress)
    return (
        replace(run, subject=subject),
        entries.outputs(subject, samples.probe),
        replace(original, records=records),
    )


def _with_coarse_edges(run: ExportRun) -> ExportRun:
    """Return the export with the layers in higher precision whose inputs or outputs integers are too coarse for."""
    run = replace(run, coarse=coarse_edges.find(run))
    return replace(run, recipe=replace(run.recipe, raised={**run.coarse_edges(INT8).widths, **run.recipe.raised}))


def _exported(run: ExportRun, expected: Outputs, photos: Labelled | None, original: Original | None) -> Exported:
    """Build and prove every file, then measure what the recipe requests: diagnosis, accuracy, budget."""
    floats = float_files(run)
    result = find_file(run, floats, expected, photos) if run.recipe.budget.is_asked else None
    if result is None:
        bases: Bases = bases_of(run, floats)
        files = quantized_files(run, floats, bases)
    else:
        run, bases = replace(run, recipe=result.recipe), result.bases
        files = quantized_files(run, floats, bases, known=result.files)
    files = described(run, with_options(run, files))
    proven = prove_all(run, files, bases, expected)
    requested = {file_format.name for file_format in formats(run.recipe)}
    wanted = {FLOAT32, *run.recipe.schemes}
    artifacts = [one.artifact for (name, scheme), one in proven.items() if name in requested and scheme in wanted]
    known = {bits: base for bits, base in bases.items() if isinstance(base, IntegerBase)}
    if original is not None and run.recipe.passes:
        artifacts = judged_by_original(artifacts, original, expected)
    if run.recipe.diagnose and INT8.weight_bits in known:
        artifacts = diagnosed(artifacts, run, files, known[INT8.weight_bits])
    if photos is not None:
        artifacts = evaluation.evaluate(artifacts, photos, run.work, run.progress)
    if result is not None:
        artifacts = budget_checks.judged(artifacts, result, photos)
    return Exported(
        run=run,
        expected=expected,
        files=files,
        proven=proven,
        artifacts=artifacts,
        bases=known,
        photos=photos,
        result=result,
        original=original,
    )


def _delivered(found: Exported, destination: Destination, signer: signing.Signer | None) -> Delivery:
    """Write the files that passed, if there are any, and sign them if there is a signer."""
    run, artifacts = found.run, tuple(found.artifacts)
    chosen = write.chosen(found.artifacts, run.recipe.schemes, keep_failed=run.recipe.keep_failed)
    photo = golden_photo.find(run.samples.probe, run.subject.preprocessing)
    files = {**golden_photo.companions(photo), **pictures.of_diagram(diagram(run.subject.model, run.subject.title))}
    record, shots = _record(found, chosen, photo, has_diagram=pictures.DIAGRAM in files)
    if not chosen:
        return Delivery(folder=None, manifest=record, artifacts=artifacts)
    run.progress.step("write the files")
    stored = {one.artifact.file_name: one.measured.stored for one in found.proven.values() if one.measured is not None}
    outputs = {file.file_name: stored[file.file_name] for file in chosen if file.file_name in stored}
    golden_outputs = golden.content(run.samples.probe, found.expected, outputs)
    lost = destination.lost([artifact.file_name for artifact in chosen])
    with destination.replaced() as new:
        labels, companions = run.subject.labels, {**files, **shots, **run.subject.companions}
        record = write.write(new, chosen, record, golden_outputs, labels, companions, signer)
    origins.remember(run.recipe, [destination.folder / artifact.file_name for artifact in chosen])
    kept = (replace(one, content=one.content.moved(destination.folder / one.file_name)) for one in artifacts)
    return Delivery(folder=destination.folder, manifest=record, artifacts=tuple(kept), replaced=lost)


def _record(
    found: Exported, delivered: list[Artifact], photo: GoldenPhoto | None, *, has_diagram: bool
) -> tuple[dict[str, Any], Mapping[str, bytes]]:
    """Return the manifest of an export that delivers the files `delivered`, and the pictures of its samples."""
    run, bases = found.run, found.bases.values()
    names = {artifact.file_name for artifact in found.artifacts}
    compared = [one for one in found.proven.values() if one.artifact.file_name in names]
    differing = deviations.find(run.subject, run.samples.probe, found.expected, compared)
    shots = pictures.of_samples(differing, run.samples.probe, photo)
    record = manifest(
        recipe=run.recipe,
        subject=run.subject,
        artifacts=found.artifacts,
        delivered=delivered,
        calibration=run.samples.calibration,
        stability=next((base.observation.stability for base in bases if base.observation), None),
        passes=[record for base in bases for record in base.reconstruction.records],
        probe=run.samples.probe,
        evaluation=found.photos.evaluation if found.photos else None,
        budget=found.result.record() if found.result else None,
        photo=photo,
        raised={scheme: run.raised(scheme) for scheme in run.recipe.schemes},
        pruning=found.original.record(found.expected, compared, found.photos) if found.original else None,
        deviations=differing.record(shots.names) if differing else None,
        diagram=pictures.DIAGRAM if has_diagram else None,
    )
    return record, shots.files
