"""Tasks of models. Each task is a folder and an entry of TASKS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from calibration.labelled_rows import is_rows
from calibration.text_files import TABLE
from export.analysis.tasks.anomaly_detection.task import ANOMALY_DETECTION
from export.analysis.tasks.classification.task import CLASSIFICATION
from export.analysis.tasks.detection.task import DETECTION
from export.analysis.tasks.embedding.task import EMBEDDING
from export.analysis.tasks.generation.task import GENERATION
from export.analysis.tasks.language_modelling.task import LANGUAGE_MODELLING
from export.analysis.tasks.masked_language_modelling.task import MASKED_LANGUAGE_MODELLING
from export.analysis.tasks.rows import task as rows
from export.analysis.tasks.segmentation.task import SEGMENTATION
from export.analysis.tasks.sound_classification.task import SOUND_CLASSIFICATION
from export.analysis.tasks.task import Divisible, Examples, Tally, Task, Truth
from export.analysis.tasks.text_classification.task import TEXT_CLASSIFICATION
from export.analysis.tasks.translation.task import TRANSLATION
from export.metrics import OutputKind
from zoo.errors import UsageProblemError
from zoo.inputs import tokenizer_of
from zoo.metric import Metric
from zoo.registry import Registry

if TYPE_CHECKING:
    from export.model.subject import Subject

__all__ = ["TASKS", "Divisible", "Examples", "Metric", "Tally", "Task", "Truth", "examples", "find"]

_ALL: tuple[Task, ...] = (
    CLASSIFICATION,
    DETECTION,
    SEGMENTATION,
    GENERATION,
    EMBEDDING,
    MASKED_LANGUAGE_MODELLING,
    TEXT_CLASSIFICATION,
    SOUND_CLASSIFICATION,
    LANGUAGE_MODELLING,
    TRANSLATION,
    ANOMALY_DETECTION,
    rows.REGRESSION,
    rows.DECISIONS,
)
TASKS: Registry[Task] = Registry("task", {task.name: task for task in _ALL})

# The task of a model whose labelled data are rows, by what the output with targets means.
_OF_ROWS: Mapping[OutputKind, Task] = {
    OutputKind.CLASSES: CLASSIFICATION,
    OutputKind.DECISIONS: rows.DECISIONS,
    OutputKind.LABELS: rows.DECISIONS,
    OutputKind.VALUES: rows.REGRESSION,
}


def examples(subject: Subject, source: str) -> tuple[Task, Examples]:
    """Return the labelled examples in `source`, without decoding photos, and their task.

    Raises:
        UsageProblemError: the task is unknown, or `source` cannot be used for this model.
    """
    if is_rows(source) and subject.task != ANOMALY_DETECTION.name and not _is_of_texts(subject, source):
        found = rows.find(subject, source)
        return _OF_ROWS[found.kind], found
    task = find(subject)
    return task, task.find(subject, source)


def _is_of_texts(subject: Subject, source: str) -> bool:
    """Return whether `source` is a table of texts and not of numbers: the model has a tokenizer for them."""
    return Path(source).suffix.lower() == TABLE and tokenizer_of(subject.inputs) in subject.companions


def find(subject: Subject) -> Task:
    """Return the task of `subject`, from its architecture or from its inputs and outputs.

    Raises:
        UsageProblemError: the task is unknown.
    """
    if subject.task in TASKS:
        return TASKS[subject.task]
    if subject.task:
        raise UsageProblemError(f"--evaluate knows no labelled data for {subject.task}; leave --evaluate out")
    for task in TASKS.values():
        if task.suits(subject.model):
            return task
    raise UsageProblemError(
        f"--evaluate does not know the task of {subject.title}: its inputs and outputs fit "
        f"none of {', '.join(TASKS)}; leave --evaluate out"
    )
