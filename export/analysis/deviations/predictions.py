"""What a sample's outputs mean: classes, objects, areas, the most similar samples, or the number that differs most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from calibration.samples import Array
from export.analysis.deviations.confusion import name_of
from export.analysis.tasks import TASKS
from export.analysis.tasks.classification.outputs import best, prediction
from export.analysis.tasks.embedding.task import EMBEDDING
from export.analysis.tasks.prediction import Described, Prediction, Row
from export.analysis.tasks.task import Task
from export.metrics import OutputKind
from export.model.subject import Subject
from export.proof.artifact import Artifact

MOST_ROWS = 3
MOST_LABEL = 60  # characters of a class name


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """The predictions of the Keras model and of a file for one sample."""

    model: Prediction
    file: Prediction


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """Real outputs (N, ...) of the model and of a file, by name, with the file's description."""

    subject: Subject
    artifact: Artifact
    expected: Mapping[str, Array]
    found: Mapping[str, Array]


def read(compared: Compared, output: str, numbers: Sequence[int]) -> tuple[Pairing, ...]:
    """Return the predictions for all samples of `compared`.

    Args:
        compared: the outputs of some samples.
        output: the output that is read if no task reads all of them together.
        numbers: what each sample is called.
    """
    task = _task(compared)
    if task is None:
        return tuple(_of_output(compared, output, row) for row in range(len(numbers)))
    return tuple(
        Pairing(model=model, file=file)
        for model, file in zip(
            *(_by_task(task, compared, outputs, numbers) for outputs in (compared.expected, compared.found)),
            strict=True,
        )
    )


def record(found: Prediction) -> dict[str, Any]:
    """Return a prediction as plain data for a manifest."""
    boxes = [one["box"] for one in found.record.get("objects", ())]
    is_vector = "embedding" in found.record
    texts = [f"cosine {row.share:.3f}" if is_vector else row.text for row in found.rows]
    return {
        "rows": [
            {"title": row.title[:MOST_LABEL], "share": row.share, "text": text}
            for row, text in zip(found.rows, texts, strict=True)
        ],
        "nothing": found.nothing,
        "boxes": [list(box) for box in boxes],
    }


def is_read_together(compared: Compared) -> bool:
    """Return whether the prediction for a sample depends on the other samples, as the most similar one does."""
    return _task(compared) is EMBEDDING


def _task(compared: Compared) -> Task | None:
    """Return the task that reads all outputs together; None for class scores and for numbers."""
    subject = compared.subject
    shape = subject.preprocessing.shape if subject.preprocessing is not None else None
    for task in TASKS.values():
        is_own = task.name == subject.task or (not subject.task and task.makes_pictures)
        kinds = {one.kind for one in compared.artifact.comparisons.values()}
        is_simple = kinds == {OutputKind.CLASSES} and all(values.ndim == 2 for values in compared.expected.values())
        if is_own and not is_simple and task.reads(_described(compared)) and (task is EMBEDDING or shape is not None):
            return task
    return None


def _described(compared: Compared) -> Described:
    subject, artifact = compared.subject, compared.artifact
    preprocessing = subject.preprocessing
    return Described(
        file=artifact.file_name,
        outputs=tuple(artifact.outputs),
        photo_shape=preprocessing.shape if preprocessing is not None else None,
        meaning=subject.meaning,
    )


def _by_task(
    task: Task, compared: Compared, outputs: Mapping[str, Array], numbers: Sequence[int]
) -> tuple[Prediction, ...]:
    described, preprocessing = _described(compared), compared.subject.preprocessing
    count = task.class_count(described)
    sizes = [(preprocessing.width, preprocessing.height)] * len(numbers) if preprocessing is not None else []
    return task.read(
        outputs,
        described,
        class_names=[name_of(index, compared.subject.labels) for index in range(count)],
        photo_sizes=sizes,
        names=[f"sample {number}" for number in numbers],
        top=MOST_ROWS,
    )


def _of_output(compared: Compared, output: str, row: int) -> Pairing:
    """Return the classes of one output with scores, or its number that differs most."""
    expected, found = compared.expected[output][row], compared.found[output][row]
    if compared.artifact.comparisons[output].kind is OutputKind.CLASSES and expected.ndim == 1:
        labels = [name_of(index, compared.subject.labels) for index in range(len(expected))]
        return Pairing(
            model=prediction(best(np.asarray(expected, np.float64), labels, MOST_ROWS)),
            file=prediction(best(np.asarray(found, np.float64), labels, MOST_ROWS)),
        )
    errors = np.abs(np.asarray(expected, np.float64) - found)
    place = np.unravel_index(int(errors.argmax()), errors.shape)
    where = f"[{', '.join(str(int(one)) for one in place)}]" if errors.size > 1 else ""
    return Pairing(model=_number(f"{output}{where}", expected[place]), file=_number(f"{output}{where}", found[place]))


def _number(title: str, value: Any) -> Prediction:
    return Prediction(record={}, rows=(Row(share=0.0, title=title, text=f"{float(value):.5g}"),))
