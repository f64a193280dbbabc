"""The flow of a training run, from a recipe to a .keras file that knows what it is."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.model.subject import is_model_file
from training import distributing, phases, pictures, slimming, tasks
from training.continuing import OwnFile
from training.notebook import BEFORE, CURVE, Notebook, Row
from training.recipe import TrainingRecipe
from training.running import Run
from training.slimming import promises
from training.stage import Learn
from training.starting import OfZoo
from zoo import own_file
from zoo.errors import UsageProblemError
from zoo.weights import RANDOM_REQUESTED

if TYPE_CHECKING:
    from training.running import Listener
    from training.starting import Start
    from training.tasks import Parts, Task
    from zoo.metric import Metric


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a run wrote and measured.

    Attributes:
        file: the .keras file.
        folder: beside it, with the curve, the pictures and the settings.
        source: the data, in words.
        counts: photos of each part.
        before: the .keras file of the network as it was before it lost anything; None if it lost nothing.
        classes: names of what it tells apart.
        weights: what the network began with, in words.
        rows: one for each epoch.
        best: the number of the epoch whose weights the file has, from 1.
        stages: what was done to the network, one thing after the other, as its file has it.
        pictures: names of those in the folder.
        metric: the headline, by which the best epoch was chosen.
        scores: on the validation part, and on the test part where the data has one.
        warnings: sentences for the user.
    """

    file: Path
    folder: Path
    source: str
    counts: Mapping[str, int]
    before: Path | None
    classes: tuple[str, ...]
    weights: str
    rows: tuple[Row, ...]
    best: int
    stages: tuple[Mapping[str, Any], ...]
    pictures: tuple[str, ...]
    metric: Metric
    scores: Mapping[str, Mapping[str, float]]
    warnings: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Return plain data, for programs."""
        paths = {key: str(path) for key, path in vars(self).items() if isinstance(path, Path)}
        return {**vars(self), **paths, "metric": asdict(self.metric)}


def train(recipe: TrainingRecipe, tell: Listener, *, resume: bool = False) -> Trained:
    """Train what `recipe` names, and write it.

    Args:
        recipe: what, on what, and how long.
        tell: hears of every step.
        resume: go on with the run that was stopped.

    Raises:
        ZooError: a mistake in the recipe, or something outside; the file is then as it was.
    """
    import keras

    devices = distributing.find(recipe.devices, recipe.batch)  # before TensorFlow does anything else
    keras.utils.set_random_seed(recipe.seed)  # new layers draw their first weights, those of a file what they drop
    beginning = OwnFile(recipe) if is_model_file(recipe.model) else OfZoo(recipe)
    task = tasks.find(beginning.task, beginning.title)
    lesson = task.find(recipe)
    _check_place(recipe.out)
    with tempfile.TemporaryDirectory(prefix="zoo-train-") as work:
        tell("build the network")
        start = beginning.start(task.options(lesson.classes), lesson.classes)
        start = replace(start, labels=lesson.classes, source=lesson.source)
        _check(recipe, start)
        done = [record["name"] for record in start.history]
        stages = (Learn(phases=phases.plan(recipe, start)), *slimming.stages(recipe, done))
        tell("read the photos")
        parts = lesson.examples(start.preprocessing, Path(work))
        devices.check(len(parts.train))
        # Not before: data that cannot be read leaves no folder behind.
        told = {**recipe.settings(), "photos": _digest(parts), "weights_sha256": start.weights.sha256}
        notebook = Notebook(recipe.notebook, told, resume=resume)
        trained = Run(
            stages=stages,
            parts=parts,
            task=task,
            recipe=recipe,
            mirrored=recipe.augment and lesson.mirrored,
            notebook=notebook,
            devices=devices,
            tell=tell,
        ).go(start)
        tell("judge")
        scores = {name: task.judge(trained, part) for name, part in parts.judging.items()}
        best = (notebook.best(len(stages) - 1) or 0) + 1
        drawn = task.draw(trained, [*parts.judging.values()][-1], lesson.classes, notebook.folder)
        if notebook.rows:
            pictures.curve(notebook.rows, best, task.metrics[0], notebook.folder / CURVE)
            drawn = (CURVE, *drawn)
    own_file.save(trained.model, recipe.out, trained.facts())
    notebook.finish()
    return Trained(
        file=recipe.out,
        folder=notebook.folder,
        source=lesson.source,
        counts={"train": len(parts.train), **{name: len(part) for name, part in parts.judging.items()}},
        before=notebook.folder / BEFORE if recipe.slimming.asked else None,
        classes=lesson.classes,
        weights=start.weights.source if start.weights.trained else "random",
        rows=tuple(notebook.rows),
        best=best,
        stages=trained.history,
        pictures=drawn,
        metric=task.metrics[0],
        scores=scores,
        warnings=(*parts.warnings, *_warnings(recipe, task, start, trained)),
    )


@dataclass(frozen=True, kw_only=True)
class Judged:
    """How good a file is.

    Attributes:
        source: the data, in words.
        counts: photos of each part.
        metric: the headline.
        scores: on every part that the data has.
        warnings: sentences for the user.
    """

    source: str
    counts: Mapping[str, int]
    metric: Metric
    scores: Mapping[str, Mapping[str, float]]
    warnings: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Return plain data, for programs."""
        return {**vars(self), "metric": asdict(self.metric)}


def evaluate(recipe: TrainingRecipe, tell: Listener) -> Judged:
    """Judge the .keras file that the recipe names, on each part that its data is divided into.

    Raises:
        UsageProblemError: no such file, or data with other classes than its own.
    """
    if not is_model_file(recipe.model):
        raise UsageProblemError(
            "--evaluate judges a .keras file; a network of the zoo is judged by "
            f"`zoo export {recipe.model} --evaluate FOLDER`"
        )
    beginning = OwnFile(recipe)
    task = tasks.find(beginning.task, beginning.title)
    lesson = task.find(recipe)
    with tempfile.TemporaryDirectory(prefix="zoo-train-") as work:
        start = beginning.start(task.options(lesson.classes), lesson.classes)
        if start.new:
            raise UsageProblemError(
                f"{Path(recipe.model).name} was not made for {', '.join(lesson.classes)}; train it on them first"
            )
        start = replace(start, model=beginning.model)  # and not one that would learn from the start
        tell("read the photos")
        parts = lesson.examples(start.preprocessing, Path(work))
        tell("judge")
        divided = {"train": parts.train, **parts.judging}
        return Judged(
            source=lesson.source,
            counts={name: len(part) for name, part in divided.items()},
            metric=task.metrics[0],
            scores={name: task.judge(start, part) for name, part in divided.items()},
            warnings=parts.warnings,
        )


def _check_place(out: Path) -> None:
    if not out.absolute().parent.is_dir():
        raise UsageProblemError(f"there is no folder {out.absolute().parent}; make it, or choose another --out")


def _check(recipe: TrainingRecipe, start: Start) -> None:
    """Refuse names that the file could not be read with again, and to take away from what has not learned."""
    unprintable = next((text for text in (*start.labels, start.source) if not text.isprintable()), None)
    if unprintable is not None:
        raise UsageProblemError(f"{unprintable!r} holds a character that cannot be printed; rename it")
    if recipe.slimming.asked and not recipe.epochs and (start.new or not start.weights.trained):
        what = "its new last layer" if start.weights.trained else f"it ({start.weights.reason})"
        raise UsageProblemError(f"{recipe.model}: {what} must learn before anything is taken away; add --epochs 10")


def _digest(parts: Parts) -> str:
    """Return a digest of all photos and answers: other ones would be divided otherwise, and judge what was learned."""
    digest = hashlib.sha256()
    for part in (parts.train, parts.validation):
        for photo in part.photos:
            digest.update(photo.tobytes())
        digest.update(json.dumps(part.answers.shape).encode())
        objects = part.answers.dtype == object  # boxes, of which each photo has its own number
        digest.update(repr(part.answers.tolist()).encode() if objects else part.answers.tobytes())
    return digest.hexdigest()


def _warnings(recipe: TrainingRecipe, task: Task, start: Start, trained: Start) -> Iterator[str]:
    """Yield what the user should know of the weights that it began with, and of those that came out."""
    if not start.weights.trained and start.weights.reason != RANDOM_REQUESTED:
        yield f"it began with random weights: {start.weights.reason}"
    yield from promises.broken(trained.model, recipe.slimming)
    yield from promises.costly(trained.history, task.metrics[0])
