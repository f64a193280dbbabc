"""Segmentation: one photo in, a row of classes for each pixel out, judged by the mean IoU of the masks."""

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
    """Which of several classes each pixel of a photo is of."""

    name = "segmentation"
    metrics: tuple[Metric, ...] = (MEAN_IOU,)
    examples = "a folder with images/NAME.png and masks/NAME.png"

    def suits(self, model: keras.Model) -> bool:
        """Whether the only output is as wide and as high as the only input, with a row of numbers for each pixel."""
        inputs, outputs = signature.inputs(model), signature.outputs(model)
        if len(inputs) != 1 or len(outputs) != 1:
            return False
        taken, given = inputs[0].shape, outputs[0].shape
        return len(taken) == len(given) == 4 and taken[1:3] == given[1:3] and given[3] > 1

    def find(self, subject: Subject, source: str) -> MaskedFiles:
        """Return the photos with masks that `source` names."""
        if subject.preprocessing is None or not self.suits(subject.model):
            raise UsageProblemError(
                "--evaluate with masks is for models that take photos: one image input with a known preprocessing "
                "(--preprocessing raw, unit, tf, caffe or torch) and one output with a row of classes for each pixel"
            )
        (image,), (output,) = signature.inputs(subject.model), signature.outputs(subject.model)
        return MaskedFiles(
            photos=find_masked(source, classes=output.shape[-1]),
            input=image.name,
            output=output.name,
            preprocessing=subject.preprocessing,
        )


SEGMENTATION = Segmentation()
