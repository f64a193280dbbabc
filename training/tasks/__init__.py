"""The tasks for which networks can be trained; one module and one line here for each task."""

from __future__ import annotations

from training.tasks.classification import CLASSIFICATION
from training.tasks.detection import DETECTION
from training.tasks.generation import GENERATION
from training.tasks.segmentation import SEGMENTATION
from training.tasks.task import Examples, Parts, Task, TrainingData
from zoo.errors import UsageProblemError
from zoo.registry import Registry

__all__ = ["TASKS", "Examples", "Parts", "Task", "TrainingData", "find"]

TASKS: Registry[Task] = Registry(
    "task of training", {task.name: task for task in (CLASSIFICATION, DETECTION, SEGMENTATION, GENERATION)}
)


def find(task: str, title: str) -> Task:
    """Return the task with this name; `title` names the network in the error message.

    Raises:
        UsageProblemError: networks for this task cannot be trained.
    """
    if task not in TASKS:
        raise UsageProblemError(f"{title} is for {task}; only networks for {', '.join(TASKS)} can be trained")
    return TASKS[task]
