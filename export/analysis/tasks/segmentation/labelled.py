"""Photos with masks for a segmentation model, and its mean IoU on them."""

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
        masks: the class of each pixel (N, height, width).
        output: name of the output with class scores.
    """

    samples: Samples
    masks: Array
    output: str

    def scores(self, outputs: Mapping[str, Array]) -> dict[str, float]:
        """Return the mean IoU over the pixels of all photos, without unlabelled pixels."""
        logits = outputs[self.output]
        if logits.shape[:-1] != self.masks.shape:
            raise CheckFailedError(f"output {self.output!r} has the shape {logits.shape}, the masks {self.masks.shape}")
        classes = logits.shape[-1]
        counts = np.zeros((classes, classes), np.int64)
        for scores, mask in zip(logits, self.masks, strict=True):  # One at a time, because they may be large.
            if not np.isfinite(scores).all():
                raise CheckFailedError(f"output {self.output!r} contains NaN or infinity")
            judged = mask != UNJUDGED
            counts += confusion(mask[judged], scores.argmax(-1)[judged], classes)
        return {"mean_iou": mean_iou(counts)}


@dataclass(frozen=True, kw_only=True)
class MaskedFiles:
    """Photo files with masks, not yet decoded.

    Attributes:
        photos: the files.
        input: name of the model's input.
        output: name of the output with class scores.
        preprocessing: the preprocessing of the model.
    """

    photos: MaskedPhotos
    input: str
    output: str
    preprocessing: Preprocessing

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> MaskedSamples:
        """Preprocess the photos and masks and save them in `work`."""
        samples, masks = masked_samples(
            self.photos, name=self.input, preprocessing=self.preprocessing, seed=seed, work=work, exclude=exclude
        )
        return MaskedSamples(samples=samples, masks=masks, output=self.output)
