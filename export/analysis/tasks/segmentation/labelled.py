"""Photos with masks, and how well each pixel is labelled."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.masks import UNJUDGED, MaskedPhotos, masked_samples
from calibration.samples import Array, Samples
from zoo.errors import CheckFailedError
from zoo.preprocessing import Preprocessing
from zoo.segmentation.scores import confusion, mean_iou


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
