"""Classification: one photo in, one of several classes out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.class_files import named_photos
from training import photo_files, pictures, splitting
from training.tasks.answering import answered
from training.tasks.task import Examples, Parts
from zoo import class_names, datasets
from zoo.errors import UsageProblemError
from zoo.metric import TOP1, Metric
from zoo.weights import sources

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

    from training.recipe import TrainingRecipe
    from training.starting import Start
    from training.tasks.task import Lesson, Loss
    from training.variations import Variations
    from zoo.preprocessing import Preprocessing

_TRAIN, _VALIDATION, _TEST = ("train",), ("validation", "val", "valid"), ("test",)
CONFUSION = "confusion.png"


@dataclass(frozen=True, kw_only=True)
class ClassFolders:
    """Files of photos, each of one class.

    Attributes:
        named: (file, class) of every part: "train", and where the data has them, "validation" and "test".
        classes: their names, by index.
        source: a sentence for the record.
        validation: share of "train" that judges, where there is no part for it.
        seed: of that choice.
    """

    named: Mapping[str, Sequence[tuple[Path, str]]]
    classes: tuple[str, ...]
    source: str
    validation: float
    seed: int
    mirrored: bool = True

    def examples(self, preprocessing: Preprocessing, work: Path) -> Parts:
        """Return the photos, prepared in `work`."""
        prepared, warnings = {}, list[str]()
        for part, named in self._split().items():
            paths = [path for path, _ in named]
            photos, kept, notes = photo_files.prepare(paths, preprocessing, work / f"{part}.npy")
            labels = np.array([self.classes.index(named[index][1]) for index in kept], np.int64)
            prepared[part] = Examples(photos=photos, answers=labels)
            warnings += notes
        return Parts(**prepared, warnings=tuple(warnings))

    def _split(self) -> Mapping[str, Sequence[tuple[Path, str]]]:
        """Return the files of each part, some of "train" as "validation" where the data has none."""
        if "validation" in self.named:
            return self.named
        train = self.named["train"]
        labels = [self.classes.index(word) for _, word in train]
        keys = [sources.digest([path], "sha256").encode() for path, _ in train]
        learned, judged = splitting.split(labels, keys, self.validation, self.seed)
        parts = {"train": [train[index] for index in learned], "validation": [train[index] for index in judged]}
        return {**self.named, **parts}


@dataclass(frozen=True, kw_only=True)
class NamedPictures:
    """A data set with a name.

    Attributes:
        data: the data set.
        validation: share of its training pictures that judges during the run.
        seed: of that choice.
    """

    data: datasets.DataSet
    validation: float
    seed: int

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, by index."""
        return class_names.read(self.data.labels)

    @property
    def source(self) -> str:
        """A sentence for the record."""
        return self.data.title

    @property
    def mirrored(self) -> bool:
        """Whether a picture and its mirror image mean the same."""
        return self.data.mirrored

    def examples(self, preprocessing: Preprocessing, work: Path) -> Parts:
        """Return the pictures at the size of the input."""
        parts = {}
        for split in ("train", "test"):
            images, labels = self.data.read(split, None)
            parts[split] = Examples(photos=photo_files.fitted(images, preprocessing), answers=labels.astype(np.int64))
        every = parts["train"]
        keys = [hashlib.sha256(photo.tobytes()).digest() for photo in every.photos]
        train, validation = (
            Examples(photos=every.photos[indices], answers=every.answers[indices])
            for indices in splitting.split(every.answers.tolist(), keys, self.validation, self.seed)
        )
        return Parts(train=train, validation=validation, test=parts["test"])


class Classification:
    """Which of several classes a photo shows."""

    name = "classification"
    metrics: tuple[Metric, ...] = (TOP1,)

    def find(self, recipe: TrainingRecipe) -> Lesson:
        """Return the photos that `recipe.data` names: a folder per class, a CSV, or a data set."""
        if recipe.data in datasets.DATA_SETS:
            return NamedPictures(data=datasets.find(recipe.data), validation=recipe.validation, seed=recipe.seed)
        path = Path(recipe.data).expanduser()
        if not path.exists():
            raise UsageProblemError(
                f"--data {recipe.data!r} does not exist; give FOLDER/CLASS/photo.jpg, a CSV with file,class, or one of "
                f"{', '.join(datasets.DATA_SETS)}"
            )
        named = _parts(path)
        classes = tuple(sorted({word for photos in named.values() for _, word in photos}))
        _check(classes, named["train"], path)
        return ClassFolders(
            named=named,
            classes=classes,
            source=f"{path.name}, {sum(map(len, named.values()))} photos of {len(classes)} classes",
            validation=recipe.validation,
            seed=recipe.seed,
        )

    def options(self, classes: Sequence[str]) -> Mapping[str, Any]:
        """Return how many logits there shall be."""
        return {"classes": len(classes)}

    def losses(self, start: Start) -> Sequence[Loss]:
        """Return the cross-entropy of the logits, or of the probabilities where the network ends in softmax."""
        import keras

        return [keras.losses.SparseCategoricalCrossentropy(from_logits=not _gives_probabilities(start.model))]

    def batch(
        self,
        start: Start,
        photos: NDArray[np.uint8],
        answers: NDArray[Any],
        variations: Variations | None,
        rng: np.random.Generator,
    ) -> tuple[Any, Any]:
        """Return the inputs and the classes."""
        if variations is not None:
            photos, _ = variations.moved(variations.lit(photos, rng), None, rng)
        return start.preprocessing.normalise(photos), answers

    def judge(self, start: Start, examples: Examples) -> dict[str, float]:
        """Return the share of photos whose largest logit is the right one."""
        return {"top1": float((_guesses(start, examples) == examples.answers).mean())}

    def draw(self, start: Start, examples: Examples, classes: Sequence[str], folder: Path) -> tuple[str, ...]:
        """Draw which classes are taken for which."""
        counts = np.zeros((len(classes), len(classes)), np.int64)
        np.add.at(counts, (examples.answers, _guesses(start, examples)), 1)
        pictures.confusion(counts, classes, folder / CONFUSION)
        return (CONFUSION,)


def _gives_probabilities(model: keras.Model) -> bool:
    import keras

    last = model.outputs[0]._keras_history.operation
    return isinstance(last, keras.layers.Softmax) or getattr(last, "activation", None) is keras.activations.softmax


def _guesses(start: Start, examples: Examples) -> Any:
    """Return the class of every photo's largest logit (N,)."""
    return np.concatenate([logits.argmax(-1) for logits in answered(start, examples)])


def _parts(path: Path) -> dict[str, list[tuple[Path, str]]]:
    """Return the photos of each part; the folder's own train, validation and test where it has them."""
    if not path.is_dir():
        return {"train": named_photos(path)}
    inside = {folder.name: folder for folder in path.iterdir() if folder.is_dir()}
    given = {
        part: inside[name]
        for part, names in (("train", _TRAIN), ("validation", _VALIDATION), ("test", _TEST))
        for name in names
        if name in inside
    }
    if "train" not in given or len(given) != len(inside):
        return {"train": named_photos(path)}
    return {part: named_photos(folder) for part, folder in given.items()}


def _check(classes: Sequence[str], train: Sequence[tuple[Path, str]], path: Path) -> None:
    counts = {name: sum(word == name for _, word in train) for name in classes}
    if len(classes) < 2:
        raise UsageProblemError(f"{path.name} holds one class, {classes[0]!r}; there is nothing to tell apart")
    poor = [name for name, count in counts.items() if count < 2]
    if poor:
        raise UsageProblemError(
            f"{path.name} has {counts[poor[0]]} photos of {poor[0]!r} to learn from; give at least two of each class"
        )


CLASSIFICATION = Classification()
