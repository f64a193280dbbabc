"""Photos with class labels: a folder for each class, a CSV, or a named data set."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from calibration import text_files
from calibration.class_files import named_photos
from training import photo_files, splitting
from training.tasks.task import Parts, of_photos
from zoo import class_names, datasets, trained_on
from zoo.errors import UsageProblemError
from zoo.weights import sources

if TYPE_CHECKING:
    from training.recipe import TrainingRecipe
    from training.start import Start
    from training.tasks.task import TrainingData

NamedFiles = Sequence[tuple[Path, str]]

_TRAIN, VALIDATION_FOLDERS, _TEST = ("train",), ("validation", "val", "valid"), ("test",)


@dataclass(frozen=True, kw_only=True)
class ClassFolders:
    """Photo files, each of one class.

    Attributes:
        named: (file, class) of each photo in "train", and in "validation" and "test" if the data has these parts.
        classes: class names, by index.
        source: description of the data, for records.
        validation: share of "train" used for validation, if there is no such part.
        seed: random seed of this split.
    """

    named: Mapping[str, Sequence[tuple[Path, str]]]
    classes: tuple[str, ...]
    source: str
    validation: float
    seed: int
    mirrored: bool = True

    def examples(self, start: Start, work: Path) -> Parts:
        """Return the examples; the photos are memory-mapped files in the folder `work`."""
        prepared, warnings, digests = {}, list[str](), {}
        for part, named in divided(self.named, self.classes, self.validation, self.seed).items():
            paths = [path for path, _ in named]
            photos, kept, notes = photo_files.prepare(paths, start.preprocessing, work / f"{part}.npy")
            labels = np.array([self.classes.index(named[index][1]) for index in kept], np.int64)
            prepared[part] = of_photos(photos, labels)
            digests[part] = frozenset(trained_on.of_file(paths[index]) for index in kept)
            warnings += notes
        return Parts(**prepared, warnings=tuple(warnings), digests=digests)


@dataclass(frozen=True, kw_only=True)
class NamedDataSet:
    """A data set of `zoo.datasets`.

    Attributes:
        data: the data set.
        validation: share of its training photos used for validation.
        seed: random seed of this split.
    """

    data: datasets.DataSet
    validation: float
    seed: int

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, by index."""
        return class_names.read(self.data.labels)

    @property
    def source(self) -> str:
        """Description of the data, for records."""
        return self.data.title

    @property
    def mirrored(self) -> bool:
        """Whether augmentation may mirror the photos."""
        return self.data.mirrored

    def examples(self, start: Start, work: Path) -> Parts:
        """Return the examples, with photos at the size of the input."""
        found = {}
        for split in ("train", "test"):
            images, labels = self.data.read(split, None)
            found[split] = of_photos(photo_files.fitted(images, start.preprocessing), labels.astype(np.int64))
        every = found["train"]
        keys = [hashlib.sha256(photo.tobytes()).digest() for photo in every.photos]
        train, validation = (
            of_photos(every.photos[indices], every.annotations[indices])
            for indices in splitting.split(every.annotations.tolist(), keys, self.validation, self.seed)
        )
        return Parts(train=train, validation=validation, test=found["test"])


def find_labelled(recipe: TrainingRecipe) -> TrainingData:
    """Return the photos that `recipe.data` names: a folder for each class, a CSV, or a data set.

    Raises:
        UsageProblemError: there is no such data, or it has too few classes or photos.
    """
    if recipe.data in datasets.DATA_SETS:
        return NamedDataSet(data=datasets.find(recipe.data), validation=recipe.validation, seed=recipe.seed)
    path = Path(recipe.data).expanduser()
    if not path.exists():
        raise UsageProblemError(
            f"--data {recipe.data!r} does not exist; give FOLDER/CLASS/photo.jpg, a CSV with file,class, or one of "
            f"{', '.join(datasets.DATA_SETS)}"
        )
    if text_files.is_table(path):
        raise UsageProblemError(
            f"{path.name} holds texts, but {recipe.model} takes photos; give photos, or choose a network that reads "
            "text, such as minilm"
        )
    named = parts(path, named_photos)
    classes = tuple(sorted({word for photos in named.values() for _, word in photos}))
    splitting.check(classes, [word for _, word in named["train"]], path.name)
    return ClassFolders(
        named=named,
        classes=classes,
        source=f"{path.name}, {sum(map(len, named.values()))} photos of {len(classes)} classes",
        validation=recipe.validation,
        seed=recipe.seed,
    )


def divided(
    named: Mapping[str, NamedFiles], classes: Sequence[str], validation: float, seed: int, *, what: str = "photos"
) -> Mapping[str, NamedFiles]:
    """Return the files of each part; a share of "train" becomes "validation" if the data has no such part."""
    if "validation" in named:
        return named
    train = named["train"]
    labels = [classes.index(word) for _, word in train]
    keys = [sources.digest([path], "sha256").encode() for path, _ in train]
    train_indices, validation_indices = splitting.split(labels, keys, validation, seed, what=what)
    return {
        **named,
        "train": [train[index] for index in train_indices],
        "validation": [train[index] for index in validation_indices],
    }


def parts(path: Path, listed: Callable[[Path], list[tuple[Path, str]]]) -> dict[str, list[tuple[Path, str]]]:
    """Return the files of each part: "train" alone, or the folders train, validation and test if there are any.

    Args:
        path: a folder, or a file that lists files.
        listed: returns the files of a folder of class folders, each with its class.
    """
    if not path.is_dir():
        return {"train": listed(path)}
    inside = {folder.name: folder for folder in path.iterdir() if folder.is_dir()}
    found = {
        part: inside[name]
        for part, names in (("train", _TRAIN), ("validation", VALIDATION_FOLDERS), ("test", _TEST))
        for name in names
        if name in inside
    }
    if "train" not in found or len(found) != len(inside):
        return {"train": listed(path)}
    return {part: listed(folder) for part, folder in found.items()}
