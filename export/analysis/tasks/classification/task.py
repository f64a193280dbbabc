"""Classification: one photo in, one row of classes out, judged by top-1 and top-5 accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calibration.labelled import find_labelled
from export.model import signature
from zoo.errors import UsageProblemError
from zoo.metric import TOP1, TOP5, Metric

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject
from export.analysis.tasks.classification.labelled import ClassifiedPhotos


class Classification:
    """Which of several classes a photo shows."""

    name = "classification"
    metrics: tuple[Metric, ...] = (TOP1, TOP5)
    examples = "a folder of class folders, a CSV with file,class_index, or mnist, fashion_mnist, cifar10"

    def suits(self, model: keras.Model) -> bool:
        """Whether the only output is a row of numbers."""
        outputs = signature.outputs(model)
        return len(outputs) == 1 and len(outputs[0].shape) == 2

    def find(self, subject: Subject, source: str) -> ClassifiedPhotos:
        """Return the labelled photos that `source` names."""
        if subject.preprocessing is None or not self.suits(subject.model):
            raise UsageProblemError(
                "--evaluate is for models that take photos: one image input with a known preprocessing "
                "(--preprocessing raw, unit, tf, caffe or torch) and one output of classes"
            )
        (image,), (output,) = signature.inputs(subject.model), signature.outputs(subject.model)
        return ClassifiedPhotos(
            photos=find_labelled(source, classes=output.shape[1], labels=subject.labels),
            input=image.name,
            output=output.name,
            preprocessing=subject.preprocessing,
        )


CLASSIFICATION = Classification()
