"""The task classification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from calibration.labelled import find_labelled
from calibration.samples import Array
from export.analysis.tasks.classification.labelled import ClassifiedPhotos
from export.analysis.tasks.classification.outputs import best, prediction
from export.analysis.tasks.prediction import Described, Prediction
from export.model import signature
from zoo.errors import UsageProblemError
from zoo.metric import TOP1, TOP5, Metric

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject


class Classification:
    """Classification of photos."""

    name = "classification"
    metrics: tuple[Metric, ...] = (TOP1, TOP5)
    examples = "a folder of class folders, a CSV with file,class_index, or mnist, fashion_mnist, cifar10"
    takes_photos = True
    makes_pictures = False

    def suits(self, model: keras.Model) -> bool:
        """Return whether the model has a single output (N, classes)."""
        outputs = signature.outputs(model)
        return len(outputs) == 1 and len(outputs[0].shape) == 2

    def find(self, subject: Subject, source: str) -> ClassifiedPhotos:
        """Return the labelled photos in `source`."""
        has_one_input = len(signature.inputs(subject.model)) == 1
        if subject.preprocessing is None or not has_one_input or not self.suits(subject.model):
            raise UsageProblemError(
                "--evaluate needs a classifier of photos: one image input with known preprocessing "
                "(type --preprocessing raw, unit, tf, caffe or torch) and one output of classes"
            )
        (image,), (output,) = signature.inputs(subject.model), signature.outputs(subject.model)
        return ClassifiedPhotos(
            photos=find_labelled(source, classes=output.shape[1], labels=subject.labels),
            input=image.name,
            output=output.name,
            preprocessing=subject.preprocessing,
        )

    def reads(self, described: Described) -> bool:
        """Return whether there is a single output (N, classes)."""
        outputs = described.outputs
        return len(outputs) == 1 and len(outputs[0].shape) == 2 and outputs[0].shape[1] > 1

    def class_count(self, described: Described) -> int:
        """Return the number of class scores."""
        return described.outputs[0].shape[1]

    def read(
        self,
        outputs: Mapping[str, Array],
        described: Described,
        *,
        class_names: Sequence[str],
        photo_sizes: Sequence[tuple[int, int]],
        names: Sequence[str],
        top: int,
    ) -> tuple[Prediction, ...]:
        """Return the most probable classes of each photo."""
        (scores,) = outputs.values()
        return tuple(prediction(best(row, class_names, top)) for row in scores)


CLASSIFICATION = Classification()
