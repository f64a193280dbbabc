"""The flow of a training run: from a recipe to a .keras file that records its classes and its inputs."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from export.model.loading.model_file import is_model_file
from training import batch_norms, compression, distributing, phases, pictures, preflight, tasks
from training.compression import checks
from training.file_start import FileStart
from training.recipe import TrainingRecipe
from training.results import Evaluation, Trained
from training.run import Run
from training.run_state import BEFORE, CURVE, RunState
from training.stage import Learn
from training.start import ZooStart
from zoo import own_file, trained_on
from zoo.errors import UsageProblemError
from zoo.weights import RANDOM_REQUESTED

if TYPE_CHECKING:
    from training.run import ProgressListener
    from training.start import Start
    from training.tasks import Parts, Task, TrainingData


def train(recipe: TrainingRecipe, report: ProgressListener, *, resume: bool = False) -> Trained:
    """Train as `recipe` says, and write the .keras file.

    Args:
        recipe: the network, its data and the training options.
        report: called at every step.
        resume: continue an interrupted run.

    Raises:
        ZooError: the recipe cannot be followed, or a file cannot be read or written; `recipe.out` is then unchanged.
    """
    preflight.check(recipe, resume=resume)
    import keras

    devices = distributing.find(recipe.devices, recipe.batch)  # before TensorFlow does anything else
    keras.utils.set_random_seed(recipe.seed)  # for the weights of new layers, and for dropout
    origin = FileStart(recipe) if is_model_file(recipe.model) else ZooStart(recipe)
    task = tasks.find(origin.task, origin.title)
    if task.what == "texts":
        preflight.check_for_texts(recipe)  # the task of a file may be known only now
    data = task.find(recipe)
    with tempfile.TemporaryDirectory(prefix="zoo-train-") as work:
        report("build the network")
        start = origin.start(task.options(data.classes), data.classes)
        start = replace(start, labels=data.classes, source=data.source)
        _check(recipe, start)
        if task.least_in_an_epoch and not start.weights.trained:
            batch_norms.follow(start.model)
        done = [record["name"] for record in start.history]
        stages = (Learn(phases=phases.plan(recipe, start, task.rates)), *compression.stages(recipe, done))
        report(f"read the {task.what}")
        parts = data.examples(start, Path(work))
        devices.check(len(parts.train))
        known = start.trained_on
        start = replace(start, trained_on=known | parts.digests.get("train", frozenset()))
        # Only now: unreadable data leaves no run folder behind.
        settings = {**recipe.settings(), "examples": _digest(parts), "weights_sha256": start.weights.sha256}
        run = Run(
            stages=stages,
            parts=parts,
            task=task,
            recipe=recipe,
            mirrored=recipe.augment and data.mirrored,
            run_state=RunState(
                recipe.run_folder, settings, resume=resume, higher_is_better=task.metrics[0].higher_is_better
            ),
            devices=devices,
            report=report,
        )
        return _finish(run, data, start, run.go(start), _seen(parts, known))


def _finish(run: Run, data: TrainingData, start: Start, trained: Start, seen: tuple[str, ...]) -> Trained:
    """Evaluate the trained network, draw the pictures and write the .keras file; `seen` are warnings."""
    recipe, task, parts, run_state = run.recipe, run.task, run.parts, run.run_state
    run.report("evaluate")
    scores = {name: task.evaluate(trained, part) for name, part in parts.held_out.items()}
    best = (run_state.best(len(run.stages) - 1) or 0) + 1
    drawn = task.draw(trained, [*parts.held_out.values()][-1], data.classes, run_state.folder)
    if run_state.rows:
        pictures.curve(run_state.rows, best, task.metrics[0], run_state.folder / CURVE)
        drawn = (CURVE, *drawn)
    own_file.save(trained.model, recipe.out, trained.facts())
    run_state.finish()
    return Trained(
        file=recipe.out,
        folder=run_state.folder,
        source=data.source,
        counts={"train": len(parts.train), **{name: len(part) for name, part in parts.held_out.items()}},
        before=run_state.folder / BEFORE if recipe.compression.requested else None,
        classes=data.classes,
        weights=start.weights.source if start.weights.trained else "random",
        rows=tuple(run_state.rows),
        best=best,
        stages=trained.history,
        pictures=drawn,
        metric=task.metrics[0],
        takes_photos=task.takes_photos,
        scores=scores,
        warnings=(*parts.warnings, *seen, *_warnings(recipe, task, start, trained)),
    )


def evaluate(recipe: TrainingRecipe, report: ProgressListener) -> Evaluation:
    """Evaluate the .keras file that the recipe names on the training, validation and test part of its data.

    Raises:
        UsageProblemError: the file does not exist, or the data has other classes than the file.
    """
    preflight.check(recipe, evaluate=True)
    origin = FileStart(recipe)
    task = tasks.find(origin.task, origin.title)
    data = task.find(recipe)
    with tempfile.TemporaryDirectory(prefix="zoo-train-") as work:
        start = origin.start(task.options(data.classes), data.classes)
        if start.new:
            raise UsageProblemError(
                f"{Path(recipe.model).name} was not trained on the classes {', '.join(data.classes)}; "
                "train it on them first"
            )
        start = replace(start, model=origin.model)  # `start` may have replaced untrained weights by random ones
        report(f"read the {task.what}")
        parts = data.examples(start, Path(work))
        report("evaluate")
        divided = {"train": parts.train, **parts.held_out}
        return Evaluation(
            source=data.source,
            counts={name: len(part) for name, part in divided.items()},
            metric=task.metrics[0],
            scores={name: task.evaluate(start, part) for name, part in divided.items()},
            warnings=(*parts.warnings, *_seen(parts, start.trained_on)),
        )


def _seen(parts: Parts, known: frozenset[bytes]) -> tuple[str, ...]:
    """Return warnings about held-out examples that the network was trained on before."""
    return tuple(
        sentence for name in parts.held_out for sentence in trained_on.warning(parts.digests.get(name, ()), known, name)
    )


def _check(recipe: TrainingRecipe, start: Start) -> None:
    """Refuse class names that a file cannot store, and the compression of an untrained network."""
    unprintable = next((text for text in (*start.labels, start.source) if not text.isprintable()), None)
    if unprintable is not None:
        raise UsageProblemError(f"{unprintable!r} contains an unprintable character; rename it")
    if recipe.compression.requested and not recipe.epochs and (start.new or not start.weights.trained):
        reason = "its last layer is new" if start.weights.trained else start.weights.reason
        raise UsageProblemError(f"{recipe.model} must be trained before it is compressed ({reason}); add --epochs 10")


def _digest(parts: Parts) -> str:
    """Return a digest of all examples and annotations: a resumed run must not mix training and validation examples."""
    digest = hashlib.sha256()
    for part in (parts.train, parts.validation):
        for values in part.inputs.values():
            for row in values:
                digest.update(row.tobytes())
        digest.update(json.dumps(part.annotations.shape).encode())
        objects = part.annotations.dtype == object  # boxes: their number differs from photo to photo
        digest.update(repr(part.annotations.tolist()).encode() if objects else part.annotations.tobytes())
    return digest.hexdigest()


def _warnings(recipe: TrainingRecipe, task: Task, start: Start, trained: Start) -> Iterator[str]:
    """Yield warnings about the initial weights and about the compressed network."""
    if not start.weights.trained and start.weights.reason != RANDOM_REQUESTED:
        yield f"training started from random weights: {start.weights.reason}"
    yield from checks.violations(trained.model, recipe.compression)
    yield from checks.score_drop(trained.history, task.metrics[0])
