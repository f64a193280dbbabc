"""Evaluate the Keras model and every file on labelled data, with the metrics of their task."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from calibration import digests
from export.analysis import tasks
from export.analysis.tasks import Examples, Metric, Task, Truth
from export.model import entries
from export.model.subject import Subject
from export.progress import Progress
from export.proof.artifact import Artifact
from export.runtime.run_file import measure
from zoo import trained_on

FLAG = "--evaluate"


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The evaluation of the Keras model on labelled data.

    Attributes:
        task: name of the task.
        samples: record of the data.
        count: number of samples.
        scores: every metric of the task, by key.
    """

    task: str
    samples: dict[str, Any]
    count: int
    scores: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Prepared labelled data.

    Attributes:
        task: the task of the model.
        truth: the samples with their labels.
        folder: the folder with the saved samples.
        evaluation: the evaluation of the Keras model.
    """

    task: Task
    truth: Truth
    folder: Path
    evaluation: Evaluation

    @property
    def headline(self) -> Metric:
        """The main metric of the task, which budgets refer to."""
        return self.task.metrics[0]

    def scores(self, path: Path, *, camera_bytes: bool) -> dict[str, float]:
        """Return every metric of the file at `path`.

        Raises:
            RuntimeCrashError: the runtime cannot run the file.
        """
        return self.truth.scores(measure(path, self.folder, camera_bytes=camera_bytes, hurry=True).real)

    def lost(self, scores: Mapping[str, float]) -> float:
        """Return the loss of the main metric against the Keras model."""
        key = self.headline.key
        return self.headline.lost(self.evaluation.scores[key], scores[key])


def find(subject: Subject, source: str) -> tuple[Task, Examples]:
    """Return the task of the model and the labelled examples in `source`, without decoding them.

    Raises:
        UsageProblemError: the task is unknown, or `source` cannot be used.
    """
    return tasks.examples(subject, source)


def prepare(
    subject: Subject,
    found: tuple[Task, Examples],
    work: Path,
    progress: Progress,
    *,
    source: str,
    exclude: Collection[str],
    seed: int,
) -> Labelled:
    """Preprocess the labelled data, save it in `work`, and evaluate the Keras model.

    Raises:
        UsageProblemError: no example can be used.
    """
    task, examples = found
    progress.step("prepare the labelled data")
    folder = work / "labelled"
    truth = examples.write(folder, exclude=exclude, seed=seed)
    seen = trained_on.warning(digests.of_source(source), subject.trained_on, FLAG) if subject.trained_on else ()
    count = len(truth.samples)
    progress.step(f"evaluate the Keras model on {count} labelled samples")
    scores = truth.scores(entries.outputs(subject, truth.samples))
    record = truth.samples.record()
    record["warnings"] = [*record["warnings"], *seen]
    evaluation = Evaluation(task=task.name, samples=record, count=count, scores=scores)
    return Labelled(task=task, truth=truth, folder=folder, evaluation=evaluation)


def evaluate(artifacts: list[Artifact], labelled: Labelled, work: Path, progress: Progress) -> list[Artifact]:
    """Return the artifacts with their scores; the files are run in the folder `work`."""
    judged: list[Artifact] = []
    for artifact in artifacts:
        progress.step(f"evaluate {artifact.file_name}", len(judged), len(artifacts))
        if artifact.trouble:
            judged.append(artifact)
            continue
        path = artifact.content.on_disk(work, f"{artifact.scheme}{artifact.suffix}")
        judged.append(replace(artifact, scores=labelled.scores(path, camera_bytes=artifact.takes_camera_bytes)))
    return judged
