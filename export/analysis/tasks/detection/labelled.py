"""Photos with labelled boxes for a detector, and its average precision on them."""

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
    """Photos as the model's input, with their labelled boxes.

    Attributes:
        samples: the photos.
        truth: the labelled boxes of each photo.
        meaning: the meaning of the model's outputs.
    """

    samples: Samples
    truth: tuple[Truth, ...]
    meaning: Meaning

    def scores(self, outputs: Mapping[str, Array]) -> dict[str, float]:
        """Return AP over IoU thresholds from 0.5 to 0.95, and AP at 0.5."""
        heads = {head.output: outputs[head.output] for head in self.meaning.heads}
        for name, values in heads.items():
            if len(values) != len(self.truth):
                raise CheckFailedError(f"output {name!r} has {len(values)} predictions for {len(self.truth)} photos")
            if not np.isfinite(values).all():
                raise CheckFailedError(f"output {name!r} contains NaN or infinity")
        found = [
            detect({name: values[index] for name, values in heads.items()}, self.meaning)
            for index in range(len(self.truth))
        ]
        return average_precision(found, self.truth)


@dataclass(frozen=True, kw_only=True)
class BoxedFiles:
    """Photo files with labelled boxes, not yet decoded.

    Attributes:
        photos: the files.
        input: name of the model's input.
        meaning: the meaning of the model's outputs.
        preprocessing: the preprocessing of the model.
    """

    photos: BoxedPhotos
    input: str
    meaning: Meaning
    preprocessing: Preprocessing

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> BoxedSamples:
        """Preprocess the photos and save them in `work`."""
        samples, truth = boxed_samples(
            self.photos, name=self.input, preprocessing=self.preprocessing, seed=seed, work=work, exclude=exclude
        )
        return BoxedSamples(samples=samples, truth=truth, meaning=self.meaning)
