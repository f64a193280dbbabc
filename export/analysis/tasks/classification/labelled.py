"""Labelled photos for a classifier, and its accuracy on them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from calibration.labelled import LabelledPhotos, LabelledPictures, labelled_part, labelled_samples, none_left
from calibration.left_out import LeftOut
from calibration.samples import Array, Samples
from export.analysis.tasks.task import Tally
from export.metrics import FIVE, hits
from zoo.errors import UsageProblemError
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
        return accuracies([self.tally(outputs)])

    def tally(self, outputs: Mapping[str, Array]) -> Tally:
        """Return the numbers of photos and of hits, and of classes."""
        assert self.samples.labels is not None  # `write` stores a label for every photo.
        found = outputs[self.output]
        top1, top5 = hits(found, self.samples.labels)
        return {"counts": np.array([len(found), top1, top5]), "classes": np.array(found.shape[-1])}


def accuracies(tallies: Sequence[Tally]) -> dict[str, float]:
    """Return the accuracies of all photos together."""
    count, top1, top5 = np.sum([tally["counts"] for tally in tallies], axis=0).tolist()
    more = {"top5": top5 / count} if int(tallies[0]["classes"]) > FIVE else {}
    return {"top1": top1 / count, **more}


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

    @property
    def source(self) -> str:
        """Description of the data for the manifest."""
        return self.photos.source

    def key(self) -> str:
        """Return what decides the samples."""
        return f"{self.photos.key()} {self.preprocessing.record()}"

    def __len__(self) -> int:
        return len(self.photos)

    def part(self, start: int, stop: int) -> ClassifiedPhotos:
        """Return some of the photos."""
        return replace(self, photos=self.photos.part(start, stop))

    def write_part(
        self, work: Path, *, exclude: Collection[str], seed: int
    ) -> tuple[ClassifiedSamples | None, LeftOut]:
        """Preprocess the photos of a part and save them in `work`."""
        samples, left_out = labelled_part(
            self.photos, name=self.input, preprocessing=self.preprocessing, seed=seed, work=work, exclude=exclude
        )
        return ClassifiedSamples(samples=samples, output=self.output) if samples is not None else None, left_out

    def combined(self, tallies: Sequence[Tally]) -> dict[str, float]:
        """Return the accuracies of all parts together."""
        if not tallies:
            raise UsageProblemError(none_left(self.source))
        return accuracies(tallies)

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> ClassifiedSamples:
        """Preprocess the photos and save them in `work`."""
        samples = labelled_samples(
            self.photos, name=self.input, preprocessing=self.preprocessing, seed=seed, work=work, exclude=exclude
        )
        return ClassifiedSamples(samples=samples, output=self.output)
