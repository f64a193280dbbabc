"""Labelled photos of a classifier, and how well its outputs name their classes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from calibration.labelled import LabelledPhotos, LabelledPictures, labelled_samples
from calibration.samples import Array, Samples
from export.metrics import accuracy
from zoo.preprocessing import Preprocessing


@dataclass(frozen=True, kw_only=True)
class ClassifiedSamples:
    """Photos as the model's input, with their classes.

    Attributes:
        samples: with labels.
        output: name of the row of classes.
    """

    samples: Samples
    output: str

    def scores(self, outputs: Mapping[str, Array]) -> dict[str, float]:
        """Return the shares of samples whose class is the best answer, and among the five best."""
        assert self.samples.labels is not None  # every photo was found with its class
        top1, top5 = accuracy(outputs[self.output], self.samples.labels)
        return {"top1": top1, "top5": top5}


@dataclass(frozen=True, kw_only=True)
class ClassifiedPhotos:
    """Photo files with their classes, and what they are for.

    Attributes:
        photos: as they were found.
        input: name of the model's input.
        output: name of its row of classes.
        preprocessing: of the photos.
    """

    photos: LabelledPhotos | LabelledPictures
    input: str
    output: str
    preprocessing: Preprocessing

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> ClassifiedSamples:
        """Prepare the photos in `work`."""
        samples = labelled_samples(
            self.photos, name=self.input, preprocessing=self.preprocessing, seed=seed, work=work, exclude=exclude
        )
        return ClassifiedSamples(samples=samples, output=self.output)
