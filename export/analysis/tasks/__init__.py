"""Tasks of models. Each task is a folder and an entry of TASKS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from export.analysis.tasks.classification.task import CLASSIFICATION
from export.analysis.tasks.detection.task import DETECTION
from export.analysis.tasks.generation.task import GENERATION
from export.analysis.tasks.segmentation.task import SEGMENTATION
from export.analysis.tasks.task import Examples, Task, Truth
from zoo.errors import UsageProblemError
from zoo.metric import Metric
from zoo.registry import Registry

if TYPE_CHECKING:
    from export.model.subject import Subject

__all__ = ["TASKS", "Examples", "Metric", "Task", "Truth", "find"]

TASKS: Registry[Task] = Registry(
    "task", {task.name: task for task in (CLASSIFICATION, DETECTION, SEGMENTATION, GENERATION)}
)


def find(subject: Subject) -> Task:
    """Return the task of `subject`, from its architecture or from its inputs and outputs.

    Raises:
        UsageProblemError: the task is unknown.
    """
    if subject.task:
        return TASKS[subject.task]
    for task in TASKS.values():
        if task.suits(subject.model):
            return task
    raise UsageProblemError(
        f"--evaluate does not know the task of {subject.title}: its inputs and outputs fit "
        f"none of {', '.join(TASKS)}; leave --evaluate out"
    )
