"""Photos with labelled boxes for a detector, and its average precision on them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from calibration.boxed import BoxedPhotos, boxed_part, boxed_samples, has_objects, none_left
from calibration.left_out import LeftOut
from calibration.samples import Array, Samples
from export.analysis.tasks.task import Tally
from zoo.detection.average_precision import average_precision
from zoo.detection.heads import Detection as Meaning
from zoo.detection.suppression import Objects, detect
from zoo.detection.truth import Truth
from zoo.errors import CheckFailedError, UsageProblemError
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
        return average_precision(self._found(outputs), self.truth)

    def tally(self, outputs: Mapping[str, Array]) -> Tally:
        """Return the true and the found objects of all photos in a row, with their numbers by photo."""
        found = self._found(outputs)
        return {
            **_in_a_row("true", self.truth, ("boxes", "classes", "crowds")),
            **_in_a_row("found", found, ("boxes", "scores", "classes")),
        }

    def _found(self, outputs: Mapping[str, Array]) -> list[Objects]:
        heads = {head.output: outputs[head.output] for head in self.meaning.heads}
        for name, values in heads.items():
            if len(values) != len(self.truth):
                raise CheckFailedError(f"output {name!r} has {len(values)} predictions for {len(self.truth)} photos")
            if not np.isfinite(values).all():
                raise CheckFailedError(f"output {name!r} contains NaN or infinity")
        return [
            detect({name: values[index] for name, values in heads.items()}, self.meaning)
            for index in range(len(self.truth))
        ]


def _in_a_row(what: str, photos: Sequence[Truth | Objects], fields: Sequence[str]) -> Tally:
    """Return the fields of all photos, each as one array, and how many objects each photo has."""
    rows = {f"{what}_{field}": np.concatenate([getattr(one, field) for one in photos]) for field in fields}
    return {**rows, f"{what}_counts": np.array([len(one.boxes) for one in photos])}


def _by_photo(what: str, tally: Tally, fields: Sequence[str]) -> list[dict[str, Array]]:
    """Return the fields of each photo; the reverse of `_in_a_row`."""
    ends = np.cumsum(tally[f"{what}_counts"])[:-1]
    columns = {field: np.split(tally[f"{what}_{field}"], ends) for field in fields}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


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

    @property
    def source(self) -> str:
        """Description of the data for the manifest."""
        return self.photos.source

    def key(self) -> str:
        """Return what decides the samples."""
        return f"{self.photos.key()} {self.preprocessing.record()}"

    def __len__(self) -> int:
        return len(self.photos)

    def part(self, start: int, stop: int) -> BoxedFiles:
        """Return some of the photos."""
        return replace(self, photos=self.photos.part(start, stop))

    def write_part(self, work: Path, *, exclude: Collection[str], seed: int) -> tuple[BoxedSamples | None, LeftOut]:
        """Preprocess the photos of a part and save them in `work`."""
        samples, truth, left_out = boxed_part(
            self.photos, name=self.input, preprocessing=self.preprocessing, seed=seed, work=work, exclude=exclude
        )
        one = BoxedSamples(samples=samples, truth=truth, meaning=self.meaning) if samples is not None else None
        return one, left_out

    def combined(self, tallies: Sequence[Tally]) -> dict[str, float]:
        """Return the average precision of all parts together."""
        true = [Truth(**one) for tally in tallies for one in _by_photo("true", tally, ("boxes", "classes", "crowds"))]
        if not has_objects(true):
            raise UsageProblemError(none_left(self.source))
        found = [
            Objects(**one) for tally in tallies for one in _by_photo("found", tally, ("boxes", "scores", "classes"))
        ]
        return average_precision(found, true)

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> BoxedSamples:
        """Preprocess the photos and save them in `work`."""
        samples, truth = boxed_samples(
            self.photos, name=self.input, preprocessing=self.preprocessing, seed=seed, work=work, exclude=exclude
        )
        return BoxedSamples(samples=samples, truth=truth, meaning=self.meaning)
