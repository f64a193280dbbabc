"""The task segmentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from calibration.masks import find_masked
from calibration.samples import Array
from export.analysis.tasks.prediction import Described, Prediction
from export.analysis.tasks.segmentation.labelled import MaskedFiles
from export.analysis.tasks.segmentation.outputs import prediction
from export.model import signature
from zoo.errors import CheckFailedError, UsageProblemError
from zoo.metric import MEAN_IOU, Metric

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject


class Segmentation:
    """Classification of each pixel of a photo."""

    name = "segmentation"
    metrics: tuple[Metric, ...] = (MEAN_IOU,)
    examples = "a folder with images/NAME.png and masks/NAME.png"
    takes_photos = True
    makes_pictures = True

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

    def reads(self, described: Described) -> bool:
        """Return whether there is a single output (N, H, W, classes) of the size of the photo."""
        if described.photo_shape is None or len(described.outputs) != 1:
            return False
        shape = described.outputs[0].shape
        return len(shape) == 4 and shape[1:3] == described.photo_shape[:2] and shape[3] > 1

    def class_count(self, described: Described) -> int:
        """Return the number of class scores of a pixel."""
        return described.outputs[0].shape[3]

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
        """Return the mask of each photo, with the areas of its classes."""
        (scores,) = outputs.values()
        if not np.isfinite(scores).all():
            raise CheckFailedError(f"the outputs of {described.file} contain NaN or infinity")
        return tuple(prediction(row.argmax(-1), class_names, top) for row in scores)


SEGMENTATION = Segmentation()
