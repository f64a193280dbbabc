"""Labelled photos for a classifier, and its accuracy on them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from calibration.labelled import LabelledPhotos, LabelledPictures, labelled_samples
from calibration.samples import Array, Samples
from export.metrics import FIVE, accuracy
from zoo.preprocessing import Preprocessing


@dataclass(frozen=True, kw_only=True)
class ClassifiedSamples:
    """Photos as the model's input, with their classes.

    Attributes:
        samples: the photos with labels.
        output: name of the output with class scores.
    """

    samples: Samples
    output: str

    def scores(self, outputs: Mapping[str, Array]) -> dict[str, float]:
        """Return top-1 accuracy, and top-5 accuracy of more than five classes: of fewer it would always be 100 %."""
        assert self.samples.labels is not None  # `write` stores a label for every photo.
        top1, top5 = accuracy(outputs[self.output], self.samples.labels)
        return {"top1": top1, "top5": top5} if outputs[self.output].shape[-1] > FIVE else {"top1": top1}


@dataclass(frozen=True, kw_only=True)
class ClassifiedPhotos:
    """Photo files with their classes, not yet decoded.

    Attributes:
        photos: the files.
        input: name of the model's input.
        output: name of the output with class scores.
        preprocessing: the preprocessing of the model.
    """

    photos: LabelledPhotos | LabelledPictures
    input: str
    output: str
    preprocessing: Preprocessing

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> ClassifiedSamples:
        """Preprocess the photos and save them in `work`."""
        samples = labelled_samples(
            self.photos, name=self.input, preprocessing=self.preprocessing, seed=seed, work=work, exclude=exclude
        )
        return ClassifiedSamples(samples=samples, output=self.output)
