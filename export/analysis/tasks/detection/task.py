"""Detection: one photo in, boxes of objects out, judged by average precision as COCO defines it."""

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
    """Where in a photo which objects are."""

    name = "detection"
    metrics: tuple[Metric, ...] = (AP, AP50)
    examples = "a folder with images/photo.jpg and instances.json, as COCO's"

    def suits(self, model: keras.Model) -> bool:
        """Never: nothing about a model tells which anchors its numbers stretch."""
        return False

    def find(self, subject: Subject, source: str) -> BoxedFiles:
        """Return the photos with boxes that `source` names."""
        if subject.preprocessing is None or subject.detection is None:
            raise UsageProblemError("--evaluate with boxes is for detectors of the zoo, whose anchors are known")
        (image,) = signature.inputs(subject.model)
        return BoxedFiles(
            photos=find_boxed(source, labels=subject.labels),
            input=image.name,
            meaning=subject.detection,
            preprocessing=subject.preprocessing,
        )


DETECTION = Detection()
