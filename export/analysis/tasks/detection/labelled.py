"""Photos with boxes, and how well a detector finds them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.boxed import BoxedPhotos, boxed_samples
from calibration.samples import Array, Samples
from zoo.detection.average_precision import average_precision
from zoo.detection.heads import Detection as Meaning
from zoo.detection.suppression import detect
from zoo.detection.truth import Truth
from zoo.errors import CheckFailedError
from zoo.preprocessing import Preprocessing


@dataclass(frozen=True, kw_only=True)
class BoxedSamples:
    """Photos as the model's input, with what is to be found in them.

    Attributes:
        samples: the photos.
        truth: of each photo.
        meaning: of the model's outputs.
    """

    samples: Samples
    truth: tuple[Truth, ...]
    meaning: Meaning

    def scores(self, outputs: Mapping[str, Array]) -> dict[str, float]:
        """Return AP, over overlaps of .5 to .95, and that of .5."""
        heads = {head.output: outputs[head.output] for head in self.meaning.heads}
        for name, values in heads.items():
            if len(values) != len(self.truth):
                raise CheckFailedError(f"{len(values)} answers of {name} for {len(self.truth)} photos")
            if not np.isfinite(values).all():
                raise CheckFailedError("an answer holds NaN or infinity")
        found = [
            detect({name: values[index] for name, values in heads.items()}, self.meaning)
            for index in range(len(self.truth))
        ]
        return average_precision(found, self.truth)


@dataclass(frozen=True, kw_only=True)
class BoxedFiles:
    """Files of photos with boxes, and what they are for.

    Attributes:
        photos: as they were found.
        input: name of the model's input.
        meaning: of the model's outputs.
        preprocessing: of the photos.
    """

    photos: BoxedPhotos
    input: str
    meaning: Meaning
    preprocessing: Preprocessing

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> BoxedSamples:
        """Prepare the photos in `work`."""
        samples, truth = boxed_samples(
            self.photos, name=self.input, preprocessing=self.preprocessing, seed=seed, work=work, exclude=exclude
        )
        return BoxedSamples(samples=samples, truth=truth, meaning=self.meaning)
