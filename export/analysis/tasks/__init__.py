"""What models are for. Each task has one file, and one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from export.analysis.tasks.classification.task import CLASSIFICATION
from export.analysis.tasks.detection.task import DETECTION
from export.analysis.tasks.generation.task import GENERATION
from export.analysis.tasks.segmentation.task import SEGMENTATION
from export.analysis.tasks.task import Examples, Task, Truth
from zoo.errors import UsageProblemError
from zoo.metric import Metric

if TYPE_CHECKING:
    from export.model.subject import Subject

__all__ = ["TASKS", "Examples", "Metric", "Task", "Truth", "find"]

TASKS: dict[str, Task] = {task.name: task for task in (CLASSIFICATION, DETECTION, SEGMENTATION, GENERATION)}


def find(subject: Subject) -> Task:
    """Return what `subject` is for: what its architecture says, or what a model of a user's own looks like.

    Raises:
        UsageProblemError: that cannot be told.
    """
    if subject.task:
        return TASKS[subject.task]
    for task in TASKS.values():
        if task.suits(subject.model):
            return task
    raise UsageProblemError(
        f"--evaluate cannot tell what {subject.title} is for: its inputs and outputs are those of "
        f"no task that is known ({', '.join(TASKS)})"
    )
