"""Detection: predicts the boxes and classes of the objects in each photo."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.boxed import ANNOTATIONS, BoxedPhotos, find_boxed
from training import photo_files, splitting
from training.phases import PHOTOS
from training.tasks.prediction import predictions
from training.tasks.task import Parts, of_photos
from zoo import trained_on
from zoo.detection.average_precision import average_precision
from zoo.detection.loss import HeadLoss
from zoo.detection.suppression import detect
from zoo.detection.targets import encode
from zoo.detection.truth import Truth
from zoo.errors import UsageProblemError
from zoo.metric import AP, AP50, Metric
from zoo.weights import sources

if TYPE_CHECKING:
    from training.augmentation import Augmentation
    from training.recipe import TrainingRecipe
    from training.start import Start
    from training.tasks.task import Examples, Loss, TrainingData


@dataclass(frozen=True, kw_only=True)
class BoxFolder:
    """Photos with boxes.

    Attributes:
        photos: photo files with their boxes.
        classes: class names, by index.
        validation: share of the photos used for validation.
        seed: random seed of this split.
    """

    photos: BoxedPhotos
    classes: tuple[str, ...]
    validation: float
    seed: int
    mirrored: bool = True

    @property
    def source(self) -> str:
        """Description of the data, for records."""
        return self.photos.source

    def examples(self, start: Start, work: Path) -> Parts:
        """Return the examples; the photos are memory-mapped files in the folder `work`."""
        files = self.photos.files
        keys = [sources.digest([path], "sha256").encode() for path, _, _ in files]
        chosen = splitting.split([0] * len(files), keys, self.validation, self.seed)
        parts, warnings, digests = {}, list[str](), {}
        for name, indices in zip(("train", "validation"), chosen, strict=True):
            some = [files[index] for index in indices]
            paths = [path for path, *_ in some]
            photos, kept, notes = photo_files.prepare(paths, start.preprocessing, work / f"{name}.npy")
            truth = np.empty(len(kept), object)
            truth[:] = [some[index][2] for index in kept]
            parts[name] = of_photos(photos, truth)
            digests[name] = frozenset(trained_on.of_file(paths[index]) for index in kept)
            warnings += notes
        return Parts(**parts, warnings=tuple(warnings), digests=digests)


class Detection:
    """The task of finding the objects in a photo."""

    name = "detection"
    metrics: tuple[Metric, ...] = (AP50, AP)
    takes_photos = True
    what = "photos"
    least_in_an_epoch = 0
    rates = PHOTOS

    def find(self, recipe: TrainingRecipe) -> TrainingData:
        """Return the photos with boxes in the folder `recipe.data`; the classes are the categories of its JSON."""
        folder = Path(recipe.data).expanduser()
        classes = _categories(folder / ANNOTATIONS) if (folder / ANNOTATIONS).is_file() else ()
        found = find_boxed(folder, labels=classes)
        if len(found.files) < 2:
            raise UsageProblemError(f"{folder.name} has only one photo; give at least two, for training and validation")
        return BoxFolder(photos=found, classes=classes, validation=recipe.validation, seed=recipe.seed)

    def options(self, classes: Sequence[str]) -> Mapping[str, Any]:
        """Return the number of classes."""
        return {"classes": len(classes)}

    def losses(self, start: Start) -> Sequence[Loss]:
        """Return the loss of each head."""
        assert start.detection is not None  # every architecture with the task detection has it
        return [HeadLoss(head, start.detection) for head in start.detection.heads]

    def batch(
        self, start: Start, examples: Examples, augmentation: Augmentation | None, rng: np.random.Generator
    ) -> tuple[Any, Any]:
        """Return the inputs and the targets of each head."""
        assert start.detection is not None
        photos, truth = examples.photos, [_without_crowds(one) for one in examples.annotations]
        if augmentation is not None:
            photos = augmentation.lit(photos, rng)
            if augmentation.mirrored:
                flipped = rng.random(len(photos)) < 0.5
                photos[flipped] = photos[flipped][:, :, ::-1]
                truth = [_mirrored(one) if flip else one for one, flip in zip(truth, flipped, strict=True)]
        targets = encode(truth, start.detection, start.preprocessing.height)
        return start.preprocessing.normalise(photos), tuple(targets)

    def evaluate(self, start: Start, examples: Examples) -> dict[str, float]:
        """Return the average precision as COCO defines it."""
        assert start.detection is not None
        names = [head.output for head in start.detection.heads]
        found = [
            detect(dict(zip(names, outputs, strict=True)), start.detection)
            for some in predictions(start, examples)
            for outputs in zip(*some, strict=True)
        ]
        scores = average_precision(found, list(examples.annotations))
        return {metric.key: scores[metric.key] for metric in self.metrics}

    def draw(self, start: Start, examples: Examples, classes: Sequence[str], folder: Path) -> tuple[str, ...]:
        """Draw no pictures."""
        return ()


def _categories(path: Path) -> tuple[str, ...]:
    """Return the names of a COCO file's categories, in the order of their ids.

    Raises:
        UsageProblemError: the file has no usable categories.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["categories"]
        names = tuple(str(row["name"]) for row in sorted(rows, key=lambda row: int(row["id"])))
    except (ValueError, KeyError, TypeError) as error:
        raise UsageProblemError(f"{path.name} is not in the COCO format: {type(error).__name__}: {error}") from error
    if not names or len(set(names)) != len(names):
        raise UsageProblemError(f"{path.name} has no categories, or two with the same name")
    return names


def _without_crowds(truth: Truth) -> Truth:
    """Return the truth without crowd boxes, which enclose several objects."""
    alone = ~truth.crowds
    return Truth(boxes=truth.boxes[alone], classes=truth.classes[alone], crowds=truth.crowds[alone])


def _mirrored(truth: Truth) -> Truth:
    left, top, right, bottom = truth.boxes.T
    return replace(truth, boxes=np.stack([1 - right, top, 1 - left, bottom], axis=1))


DETECTION = Detection()
