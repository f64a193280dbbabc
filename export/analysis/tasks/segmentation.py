"""Segmentation: one photo in, a row of classes for each pixel out, judged by the mean IoU of the masks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from calibration.masks import UNJUDGED, MaskedPhotos, find_masked, masked_samples
from calibration.samples import Array, Samples
from export.model import signature
from zoo.errors import CheckFailedError, UsageProblemError
from zoo.metric import MEAN_IOU, Metric
from zoo.preprocessing import Preprocessing
from zoo.segmentation.scores import confusion, mean_iou

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject


@dataclass(frozen=True, kw_only=True)
class MaskedSamples:
    """Photos as the model's input, with their masks.

    Attributes:
        samples: the photos.
        masks: (N, height, width), the class of each pixel.
        output: name of the rows of classes.
    """

    samples: Samples
    masks: Array
    output: str

    def scores(self, outputs: Mapping[str, Array]) -> dict[str, float]:
        """Return the mean IoU over the pixels of all photos together; pixels of no class are not judged."""
        logits = outputs[self.output]
        if logits.shape[:-1] != self.masks.shape:
            raise CheckFailedError(f"answers of the shape {logits.shape} for masks of {self.masks.shape}")
        classes = logits.shape[-1]
        counts = np.zeros((classes, classes), np.int64)
        for answer, mask in zip(logits, self.masks, strict=True):  # one at a time: they may be large
            if not np.isfinite(answer).all():
                raise CheckFailedError("an answer holds NaN or infinity")
            judged = mask != UNJUDGED
            counts += confusion(mask[judged], answer.argmax(-1)[judged], classes)
        return {"mean_iou": mean_iou(counts)}


@dataclass(frozen=True, kw_only=True)
class MaskedFiles:
    """Files of photos with masks, and what they are for.

    Attributes:
        photos: as they were found.
        input: name of the model's input.
        output: name of its rows of classes.
        preprocessing: of the photos.
    """

    photos: MaskedPhotos
    input: str
    output: str
    preprocessing: Preprocessing

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> MaskedSamples:
        """Prepare the photos and masks in `work`."""
        samples, masks = masked_samples(
            self.photos, name=self.input, preprocessing=self.preprocessing, seed=seed, work=work, exclude=exclude
        )
        return MaskedSamples(samples=samples, masks=masks, output=self.output)


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
