"""Segmentation: predicts the class of each pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.masks import MASKS, UNJUDGED, MaskedPhotos, find_masked, read_masked
from calibration.sources.folder import skipped
from calibration.store import ArrayFile
from training import splitting
from training.phases import PHOTOS
from training.tasks.prediction import predictions
from training.tasks.task import Parts, of_photos
from zoo import trained_on
from zoo.errors import UsageProblemError
from zoo.metric import MEAN_IOU, Metric
from zoo.segmentation.scores import confusion, mean_iou
from zoo.weights import sources

if TYPE_CHECKING:
    from training.augmentation import Augmentation
    from training.recipe import TrainingRecipe
    from training.start import Start
    from training.tasks.task import Examples, Loss, TrainingData
    from zoo.preprocessing import Preprocessing

NAMES = "classes.txt"


@dataclass(frozen=True, kw_only=True)
class MaskFolder:
    """Photos with masks.

    Attributes:
        photos: photo and mask files.
        classes: class names, by the index used in the masks.
        validation: share of the photos used for validation.
        seed: random seed of this split.
    """

    photos: MaskedPhotos
    classes: tuple[str, ...]
    validation: float
    seed: int
    mirrored: bool = True

    @property
    def source(self) -> str:
        """Description of the data, for records."""
        return self.photos.source

    def examples(self, start: Start, work: Path) -> Parts:
        """Return the examples, memory-mapped from files in the folder `work`."""
        files = self.photos.files
        keys = [sources.digest([photo], "sha256").encode() for photo, _ in files]
        chosen = splitting.split([0] * len(files), keys, self.validation, self.seed)
        unreadable: list[str] = []
        parts, digests = {}, {}
        for name, indices in zip(("train", "validation"), chosen, strict=True):
            some = replace(self.photos, files=tuple(files[index] for index in indices))
            digests[name] = frozenset(trained_on.of_file(photo) for photo, _ in some.files)
            parts[name] = _write(some, start.preprocessing, work, name, unreadable)
        return Parts(**parts, warnings=(skipped(unreadable),) if unreadable else (), digests=digests)


class Segmentation:
    """The task of predicting the class of each pixel."""

    name = "segmentation"
    metrics: tuple[Metric, ...] = (MEAN_IOU,)
    takes_photos = True
    what = "photos"
    least_in_an_epoch = 0
    rates = PHOTOS

    def find(self, recipe: TrainingRecipe) -> TrainingData:
        """Return the photos with masks in the folder `recipe.data`; classes.txt in it may name the classes."""
        folder = Path(recipe.data).expanduser()
        if not folder.is_dir():
            raise UsageProblemError(f"--data {recipe.data!r} is not a folder with images/NAME.png and {MASKS}/NAME.png")
        found = find_masked(folder, classes=UNJUDGED)
        named = folder / NAMES
        names = tuple(named.read_text(encoding="utf-8").splitlines()) if named.is_file() else ()
        count = len(names) or _highest([mask for _, mask in found.files]) + 1
        if count < 2:
            raise UsageProblemError(f"the masks in {folder.name} have only one class; give at least two classes")
        return MaskFolder(
            photos=replace(found, classes=count),
            classes=names or tuple(f"class {index}" for index in range(count)),
            validation=recipe.validation,
            seed=recipe.seed,
        )

    def options(self, classes: Sequence[str]) -> Mapping[str, Any]:
        """Return the number of logits of each pixel."""
        return {"classes": len(classes)}

    def losses(self, start: Start) -> Sequence[Loss]:
        """Return the cross-entropy of the logits, except of pixels without a class."""
        import keras

        return [keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=UNJUDGED)]

    def batch(
        self, start: Start, examples: Examples, augmentation: Augmentation | None, rng: np.random.Generator
    ) -> tuple[Any, Any]:
        """Return the inputs and the masks; both are moved alike."""
        photos, masks = examples.photos, examples.annotations
        if augmentation is None:
            return start.preprocessing.normalise(photos), masks
        moved, moved_masks = augmentation.moved(augmentation.lit(photos, rng), masks, rng)
        return start.preprocessing.normalise(moved), moved_masks

    def evaluate(self, start: Start, examples: Examples) -> dict[str, float]:
        """Return the mean IoU over the pixels of all photos."""
        classes = start.model.output_shape[-1]
        counts, at = np.zeros((classes, classes), np.int64), 0
        for logits in predictions(start, examples):
            truth = np.asarray(examples.annotations[at : at + len(logits)])
            counted = truth != UNJUDGED
            counts += confusion(truth[counted], logits.argmax(-1)[counted], classes)
            at += len(logits)
        return {"mean_iou": mean_iou(counts)}

    def draw(self, start: Start, examples: Examples, classes: Sequence[str], folder: Path) -> tuple[str, ...]:
        """Draw no pictures."""
        return ()


def _write(
    photos: MaskedPhotos, preprocessing: Preprocessing, work: Path, name: str, unreadable: list[str]
) -> Examples:
    """Write the photos and masks of one part to files, one by one, and return them memory-mapped."""
    files = [work / f"{name}-{kind}.npy" for kind in ("photos", "masks")]
    shapes = (preprocessing.shape, preprocessing.shape[:2])
    writers = [ArrayFile(file, shape, "uint8") for file, shape in zip(files, shapes, strict=True)]
    for arrays in read_masked(photos, preprocessing, unreadable):
        for writer, array in zip(writers, arrays, strict=True):
            writer.append(array)
    for writer in writers:
        writer.close()
    if not writers[0].rows:
        raise UsageProblemError(
            f"{photos.source}: no photo of the {name} part can be read; give at least two photos with masks"
        )
    mapped = [np.load(file, mmap_mode="r") for file in files]
    return of_photos(mapped[0], mapped[1])


def _highest(masks: Sequence[Path]) -> int:
    """Return the largest class index in the masks."""
    from PIL import Image

    highest = 0
    for path in masks:
        try:
            with Image.open(path) as opened:
                indices = np.asarray(opened)
        except (OSError, SyntaxError, ValueError) as error:
            raise UsageProblemError(f"the mask {path.name} cannot be read: {error}") from error
        highest = max(highest, int(indices[indices != UNJUDGED].max(initial=0)))
    return highest


SEGMENTATION = Segmentation()
