"""The tasks for which networks can be trained; one module and one line here for each task."""

from __future__ import annotations

from training.tasks.classification import CLASSIFICATION
from training.tasks.detection import DETECTION
from training.tasks.generation import GENERATION
from training.tasks.language_modelling import LANGUAGE_MODELLING
from training.tasks.segmentation import SEGMENTATION
from training.tasks.sound_classification import SOUND_CLASSIFICATION
from training.tasks.task import Examples, Parts, Task, TrainingData
from training.tasks.text_classification import TEXT_CLASSIFICATION
from zoo.errors import UsageProblemError
from zoo.registry import Registry

__all__ = ["TASKS", "Examples", "Parts", "Task", "TrainingData", "find"]

_ALL: tuple[Task, ...] = (
    CLASSIFICATION,
    DETECTION,
    SEGMENTATION,
    GENERATION,
    TEXT_CLASSIFICATION,
    SOUND_CLASSIFICATION,
    LANGUAGE_MODELLING,
)
TASKS: Registry[Task] = Registry("task of training", {task.name: task for task in _ALL})


def find(task: str, title: str) -> Task:
    """Return the task with this name; `title` names the network in the error message.

    Raises:
        UsageProblemError: networks for this task cannot be trained.
    """
    if task not in TASKS:
        raise UsageProblemError(f"{title} is for {task}; only networks for {', '.join(TASKS)} can be trained")
    return TASKS[task]
