"""Photos with masks for a segmentation model, and its mean IoU on them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from calibration.left_out import LeftOut
from calibration.masks import UNJUDGED, MaskedPhotos, masked_part, masked_samples, none_left, without_classes
from calibration.samples import Array, Samples
from export.analysis.tasks.task import Tally
from zoo.errors import CheckFailedError, UsageProblemError
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
        return {"mean_iou": mean_iou(self.tally(outputs)["confusion"])}

    def tally(self, outputs: Mapping[str, Array]) -> Tally:
        """Return the numbers of pixels (classes, classes) by true and by found class."""
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
        return {"confusion": counts}


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

    @property
    def source(self) -> str:
        """Description of the data for the manifest."""
        return self.photos.source

    def key(self) -> str:
        """Return what decides the samples."""
        return f"{self.photos.key()} {self.preprocessing.record()}"

    def __len__(self) -> int:
        return len(self.photos)

    def part(self, start: int, stop: int) -> MaskedFiles:
        """Return some of the photos."""
        return replace(self, photos=self.photos.part(start, stop))

    def write_part(self, work: Path, *, exclude: Collection[str], seed: int) -> tuple[MaskedSamples | None, LeftOut]:
        """Preprocess the photos and masks of a part and save them in `work`."""
        samples, masks, left_out = masked_part(
            self.photos, name=self.input, preprocessing=self.preprocessing, seed=seed, work=work, exclude=exclude
        )
        one = MaskedSamples(samples=samples, masks=masks, output=self.output) if samples is not None else None
        return one, left_out

    def combined(self, tallies: Sequence[Tally]) -> dict[str, float]:
        """Return the mean IoU over all parts together."""
        if not tallies:
            raise UsageProblemError(none_left(self.source))
        counts = np.sum([tally["confusion"] for tally in tallies], axis=0)
        if not counts.any():
            raise UsageProblemError(without_classes(self.source))
        return {"mean_iou": mean_iou(counts)}

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> MaskedSamples:
        """Preprocess the photos and masks and save them in `work`."""
        samples, masks = masked_samples(
            self.photos, name=self.input, preprocessing=self.preprocessing, seed=seed, work=work, exclude=exclude
        )
        return MaskedSamples(samples=samples, masks=masks, output=self.output)
