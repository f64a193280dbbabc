"""The task segmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calibration.masks import find_masked
from export.model import signature
from zoo.errors import UsageProblemError
from zoo.metric import MEAN_IOU, Metric

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject
from export.analysis.tasks.segmentation.labelled import MaskedFiles


class Segmentation:
    """Classification of each pixel of a photo."""

    name = "segmentation"
    metrics: tuple[Metric, ...] = (MEAN_IOU,)
    examples = "a folder with images/NAME.png and masks/NAME.png"

    def suits(self, model: keras.Model) -> bool:
        """Return whether the model has one input (N, H, W, C) and one output (N, H, W, classes)."""
        inputs, outputs = signature.inputs(model), signature.outputs(model)
        if len(inputs) != 1 or len(outputs) != 1:
            return False
        taken, given = inputs[0].shape, outputs[0].shape
        return len(taken) == len(given) == 4 and taken[1:3] == given[1:3] and given[3] > 1

    def find(self, subject: Subject, source: str) -> MaskedFiles:
        """Return the photos with masks in `source`."""
        if subject.preprocessing is None or not self.suits(subject.model):
            raise UsageProblemError(
                "--evaluate with masks needs a segmentation model of photos: one image input with known preprocessing "
                "(type --preprocessing raw, unit, tf, caffe or torch) and one output with class scores for each pixel"
            )
        (image,), (output,) = signature.inputs(subject.model), signature.outputs(subject.model)
        return MaskedFiles(
            photos=find_masked(source, classes=output.shape[-1]),
            input=image.name,
            output=output.name,
            preprocessing=subject.preprocessing,
        )


SEGMENTATION = Segmentation()
