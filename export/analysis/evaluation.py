"""How good the Keras model and every file are at their task, on labelled data: the number that users ask for first."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from export.analysis import tasks
from export.analysis.tasks import Examples, Metric, Task, Truth
from export.model import entries
from export.model.subject import Subject
from export.progress import Progress
from export.proof.artifact import Artifact
from export.runtime.run_file import measure
from zoo import datasets
from zoo.errors import UsageProblemError


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How good the Keras model is on labelled data.

    Attributes:
        task: its name.
        samples: the record of the data.
        count: how many.
        scores: every metric of the task, by key.
    """

    task: str
    samples: dict[str, Any]
    count: int
    scores: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Labelled data, ready to be run.

    Attributes:
        task: what the model is for.
        truth: the samples and their right answers.
        folder: where the samples are saved.
        evaluation: of the Keras model on them.
    """

    task: Task
    truth: Truth
    folder: Path
    evaluation: Evaluation

    @property
    def headline(self) -> Metric:
        """What budgets are about."""
        return self.task.metrics[0]

    def scores(self, path: Path, *, camera_bytes: bool) -> dict[str, float]:
        """Return every metric of the file at `path`.

        Raises:
            RuntimeCrashError: the runtime cannot run it.
        """
        return self.truth.scores(measure(path, self.folder, camera_bytes=camera_bytes, hurry=True).real)

    def lost(self, scores: Mapping[str, float]) -> float:
        """Return by how much a file with these scores falls behind the Keras model in the headline."""
        key = self.headline.key
        return self.headline.lost(self.evaluation.scores[key], scores[key])


def check_source(source: str) -> None:
    """Refuse what does not exist, before any work.

    Raises:
        UsageProblemError: see above.
    """
    if source not in datasets.DATA_SETS and not Path(source).expanduser().exists():
        takes = "; ".join(f"for {task.name}, {task.examples}" for task in tasks.TASKS.values())
        raise UsageProblemError(f"--evaluate {source!r} does not exist; give {takes}")


def find(subject: Subject, source: str) -> tuple[Task, Examples]:
    """Return what the model is for and the labelled examples that `source` names: before the work, nothing decoded.

    Raises:
        UsageProblemError: the model has no task that is known, or `source` cannot be used.
    """
    task = tasks.find(subject)
    return task, task.find(subject, source)


def prepare(
    subject: Subject,
    found: tuple[Task, Examples],
    work: Path,
    progress: Progress,
    *,
    exclude: Collection[str],
    seed: int,
) -> Labelled:
    """Return the labelled data as the model's input, saved in `work`, and how good the Keras model is on them.

    Raises:
        UsageProblemError: not one example can be used.
    """
    task, examples = found
    progress.step("prepare the labelled data")
    folder = work / "labelled"
    truth = examples.write(folder, exclude=exclude, seed=seed)
    count = len(truth.samples)
    progress.step(f"evaluate the Keras model on {count} labelled samples")
    scores = truth.scores(entries.outputs(subject, truth.samples))
    evaluation = Evaluation(task=task.name, samples=truth.samples.record(), count=count, scores=scores)
    return Labelled(task=task, truth=truth, folder=folder, evaluation=evaluation)


def evaluate(artifacts: list[Artifact], labelled: Labelled, work: Path, progress: Progress) -> list[Artifact]:
    """Return the artifacts, whose files lie in `work`, with their scores."""
    judged: list[Artifact] = []
    for artifact in artifacts:
        progress.step(f"evaluate {artifact.file_name}", len(judged), len(artifacts))
        if artifact.trouble:
            judged.append(artifact)
            continue
        path = work / f"{artifact.scheme}{artifact.suffix}"
        judged.append(replace(artifact, scores=labelled.scores(path, camera_bytes=artifact.takes_camera_bytes)))
    return judged
