"""What networks learn. Each task has one file, and one line here."""

from __future__ import annotations

from training.tasks.classification import CLASSIFICATION
from training.tasks.detection import DETECTION
from training.tasks.generation import GENERATION
from training.tasks.segmentation import SEGMENTATION
from training.tasks.task import Examples, Lesson, Parts, Task
from zoo.errors import UsageProblemError

__all__ = ["TASKS", "Examples", "Lesson", "Parts", "Task", "find"]

TASKS: dict[str, Task] = {task.name: task for task in (CLASSIFICATION, DETECTION, SEGMENTATION, GENERATION)}


def find(task: str, title: str) -> Task:
    """Return how a network for `task` learns.

    Raises:
        UsageProblemError: that is not known.
    """
    if task not in TASKS:
        raise UsageProblemError(f"{title} is for {task}, and only {', '.join(TASKS)} can be trained")
    return TASKS[task]
