"""The task detection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calibration.boxed import find_boxed
from export.model import signature
from zoo.errors import UsageProblemError
from zoo.metric import AP, AP50, Metric

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject
from export.analysis.tasks.detection.labelled import BoxedFiles


class Detection:
    """Detection of objects in photos."""

    name = "detection"
    metrics: tuple[Metric, ...] = (AP, AP50)
    examples = "a folder with images/photo.jpg and instances.json in COCO format"

    def suits(self, model: keras.Model) -> bool:
        """Return False: the anchors of a detector cannot be inferred from a model."""
        return False

    def find(self, subject: Subject, source: str) -> BoxedFiles:
        """Return the photos with boxes in `source`."""
        if subject.preprocessing is None or subject.detection is None:
            raise UsageProblemError(
                "--evaluate with boxes needs a detector of the zoo, whose anchors are known; leave --evaluate out"
            )
        (image,) = signature.inputs(subject.model)
        return BoxedFiles(
            photos=find_boxed(source, labels=subject.labels),
            input=image.name,
            meaning=subject.detection,
            preprocessing=subject.preprocessing,
        )


DETECTION = Detection()
