"""Evaluate the Keras model and every file on labelled data, with the metrics of their task."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from calibration import digests
from export.analysis import tasks
from export.analysis.labelled_data import LARGEST_WHOLE, InParts, OfFile, OfModel, Whole
from export.analysis.tasks import Divisible, Examples, Metric, Task
from export.cache import Cache
from export.model import entries
from export.model.model_digest import model_digest
from export.model.subject import Subject
from export.progress import Counted, Progress, uncounted
from export.proof.artifact import Artifact
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
    """Labelled data with the evaluation of the Keras model.

    Attributes:
        task: the task of the model.
        data: the data.
        evaluation: the evaluation of the Keras model.
    """

    task: Task
    data: Whole | InParts
    evaluation: Evaluation

    @property
    def headline(self) -> Metric:
        """The main metric of the task, which budgets refer to."""
        return self.task.metrics[0]

    def scores(self, path: Path, *, camera_bytes: bool, counted: Counted = uncounted) -> dict[str, float]:
        """Return every metric of the file at `path`.

        Raises:
            RuntimeCrashError: the runtime cannot run the file.
        """
        return self.data.scores(OfFile(path=path, camera_bytes=camera_bytes), counted)

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
    cache: Cache,
) -> Labelled:
    """Evaluate the Keras model on the labelled data, which are saved in `work` unless they are many.

    Raises:
        UsageProblemError: no example can be used.
    """
    task, examples = found
    data: Whole | InParts
    if isinstance(examples, Divisible) and len(examples) > LARGEST_WHOLE:
        data, what = InParts(examples=examples, exclude=exclude, seed=seed, cache=cache), "evaluate the Keras model"
    else:
        progress.step("prepare the labelled data")
        folder = work / "labelled"
        truth = examples.write(folder, exclude=exclude, seed=seed)
        data, what = (
            Whole(truth=truth, folder=folder),
            f"evaluate the Keras model on {len(truth.samples)} labelled samples",
        )
    progress.step(what)
    answers = OfModel(key=model_digest(subject.model), run=lambda samples: entries.outputs(subject, samples))
    scores, record = data.scores_and_record(answers, partial(progress.step, what))
    seen = trained_on.warning(digests.of_source(source), subject.trained_on, FLAG) if subject.trained_on else ()
    record["warnings"] = [*record["warnings"], *seen]
    evaluation = Evaluation(task=task.name, samples=record, count=record["count"], scores=scores)
    return Labelled(task=task, data=data, evaluation=evaluation)


def evaluate(artifacts: list[Artifact], labelled: Labelled, work: Path, progress: Progress) -> list[Artifact]:
    """Return the artifacts with their scores; the files are run in the folder `work`."""
    judged: list[Artifact] = []
    for artifact in artifacts:
        what = f"evaluate {artifact.file_name}"
        progress.step(what, len(judged), len(artifacts))
        if artifact.trouble:
            judged.append(artifact)
            continue
        path = artifact.content.on_disk(work, f"{artifact.scheme}{artifact.suffix}")
        scores = labelled.scores(
            path,
            camera_bytes=artifact.takes_camera_bytes,
            counted=partial(progress.step, what),
        )
        judged.append(replace(artifact, scores=scores))
    return judged
