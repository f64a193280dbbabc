"""The flow of a training run, from a recipe to a .keras file that knows what it is."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zoo
from training import phases, pictures, starting, tasks
from training.notebook import Notebook, Row
from training.recipe import TrainingRecipe
from zoo import own_file
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    from training.running import Listener
    from training.starting import Start
    from training.tasks import Lesson
    from zoo.architecture import Architecture
    from zoo.metric import Metric


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a run wrote and measured.

    Attributes:
        file: the .keras file.
        folder: beside it, with the curve, the pictures and the settings.
        source: the data, in words.
        counts: photos of each part.
        classes: names of what it tells apart.
        weights: what the network began with, in words.
        rows: one for each epoch.
        best: the number of the epoch whose weights the file has, from 1.
        pictures: names of those in the folder.
        metric: the headline, by which the best epoch was chosen.
        scores: on the validation part, and on the test part where the data has one.
        warnings: sentences for the user.
    """

    file: Path
    folder: Path
    source: str
    counts: Mapping[str, int]
    classes: tuple[str, ...]
    weights: str
    rows: tuple[Row, ...]
    best: int
    pictures: tuple[str, ...]
    metric: Metric
    scores: Mapping[str, Mapping[str, float]]
    warnings: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Return plain data, for programs."""
        return {**vars(self), "file": str(self.file), "folder": str(self.folder), "metric": asdict(self.metric)}


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

    from training import running

    architecture = zoo.find(recipe.architecture)
    task = tasks.find(architecture)
    lesson = task.find(recipe)
    if not recipe.out.absolute().parent.is_dir():
        raise UsageProblemError(f"there is no folder {recipe.out.absolute().parent}; make it, or choose another --out")
    with tempfile.TemporaryDirectory(prefix="zoo-train-") as work:
        tell("build the network")
        keras.utils.set_random_seed(recipe.seed)  # new layers draw their first weights
        start = starting.start(architecture, recipe, task.options(lesson.classes))
        tell("read the photos")
        parts = lesson.examples(start.preprocessing, Path(work))
        # Not before: data that cannot be read leaves no folder behind.
        notebook = Notebook(recipe.out.with_suffix(".training"), recipe.settings(), resume=resume)
        mirrored = recipe.augment and lesson.mirrored
        plan = phases.plan(recipe, start)
        running.Run(
            start=start,
            phases=plan,
            parts=parts,
            task=task,
            recipe=recipe,
            mirrored=mirrored,
        ).go(notebook, tell)
        tell("judge")
        judged = {"validation": parts.validation, **({"test": parts.test} if parts.test else {})}
        scores = {name: task.judge(start, part) for name, part in judged.items()}
        pictures.curve(notebook.rows, task.metrics[0], notebook.folder / "curve.png")
        drawn = task.draw(start, [*judged.values()][-1], lesson.classes, notebook.folder)
    own_file.save(start.model, recipe.out, _facts(architecture, start, lesson))
    notebook.finish()
    return Trained(
        file=recipe.out,
        folder=notebook.folder,
        source=lesson.source,
        counts={"train": len(parts.train), **{name: len(part) for name, part in judged.items()}},
        classes=lesson.classes,
        weights=start.weights.source if start.weights.trained else "random",
        rows=tuple(notebook.rows),
        best=(notebook.best or 0) + 1,
        pictures=("curve.png", *drawn),
        metric=task.metrics[0],
        scores=scores,
        warnings=(*parts.warnings, *_warnings(start)),
    )


def _warnings(start: Start) -> tuple[str, ...]:
    if start.weights.trained or start.weights.reason == "random weights were asked for":
        return ()
    return (f"it began with random weights: {start.weights.reason}",)


def _facts(architecture: Architecture, start: Start, lesson: Lesson) -> own_file.Facts:
    """Return what the file says of itself."""
    return own_file.Facts(
        architecture=architecture.name,
        title=f"{architecture.title}, trained on {lesson.source}",
        task=architecture.task,
        preprocessing=start.preprocessing,
        labels=lesson.classes,
        drawn_inputs=architecture.drawn_inputs,
        detection=start.detection,
    )
