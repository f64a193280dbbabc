"""Training of the weights that are shipped with the zoo, one command for every task: python -m zoo.pretraining NAME."""

from collections.abc import Mapping

from zoo.pretraining import (
    classification,
    detection,
    generation,
    language_modelling,
    masked_language_modelling,
    segmentation,
    translation,
)
from zoo.pretraining.course import Course

# By the task of an architecture.
COURSES: Mapping[str, Course] = {
    "classification": classification.COURSE,
    "detection": detection.COURSE,
    "generation": generation.COURSE,
    "language modelling": language_modelling.COURSE,
    "masked language modelling": masked_language_modelling.COURSE,
    "segmentation": segmentation.COURSE,
    "translation": translation.COURSE,
}

__all__ = ["COURSES", "Course"]
