"""Sound classification: predicts one of several classes for each sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.sound_files import left_out, named_sounds
from calibration.sound_rows import SoundRows
from calibration.store import ArrayFile
from export.model import signature
from training import splitting
from training.phases import Rates
from training.tasks.classification import Classification
from training.tasks.labelled_photos import divided, parts
from training.tasks.prediction import arguments
from training.tasks.task import Examples, Parts
from zoo import trained_on
from zoo.errors import UsageProblemError
from zoo.inputs import sound_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.augmentation import Augmentation
    from training.recipe import TrainingRecipe
    from training.start import Start
    from training.tasks.task import TrainingData

GIVE = "give FOLDER/CLASS/word.wav"
_SHIFT, _MASK = 0.1, 0.1  # shares of the windows


@dataclass(frozen=True, kw_only=True)
class ClassFoldersOfSounds:
    """Sound files, each of one class.

    Attributes:
        named: (file, class) of each sound in "train", and in "validation" and "test" if the data has these parts.
        classes: class names, by index.
        source: description of the data, for records.
        validation: share of "train" used for validation, if there is no such part.
        seed: random seed of this split.
        notes: sentences about files that are left out.
    """

    named: Mapping[str, Sequence[tuple[Path, str]]]
    classes: tuple[str, ...]
    source: str
    validation: float
    seed: int
    notes: tuple[str, ...] = ()
    mirrored: bool = False

    def examples(self, start: Start, work: Path) -> Parts:
        """Return the examples; their features are computed once, into memory-mapped files in the folder `work`."""
        prepared, warnings, digests = {}, [*self.notes], {}
        for part, named in divided(self.named, self.classes, self.validation, self.seed, what="sounds").items():
            paths = [path for path, _ in named]
            inputs, kept, notes = _features(start, paths, work / f"{part}.npy")
            labels = np.array([self.classes.index(named[index][1]) for index in kept], np.int64)
            prepared[part] = Examples(inputs=inputs, annotations=labels)
            digests[part] = frozenset(trained_on.of_file(paths[index]) for index in kept)
            warnings += notes
        return Parts(**prepared, warnings=tuple(warnings), digests=digests)


def _features(start: Start, paths: Sequence[Path], file: Path) -> tuple[dict[str, NDArray[Any]], list[int], list[str]]:
    """Return the features (N, ...) of sounds by the name of the input, their indices in `paths`, and warnings.

    Raises:
        UsageProblemError: none of the sounds can be read.
    """
    found = sound_of(start.inputs)
    if found is None:
        raise UsageProblemError(f"{start.title} does not record how sounds become its input")
    name, front_end = found
    spec = next(one for one in signature.inputs(start.model) if one.name == name)
    rows, kept = SoundRows(paths=paths, front_end=front_end), []
    writer = ArrayFile(file, spec.shape[1:], spec.dtype)
    for index, values in rows.read(spec.shape[1:]):
        writer.append(values)
        kept.append(index)
    writer.close()
    if not kept:
        raise UsageProblemError(f"none of the {len(paths)} sounds can be read; the first is {paths[0]}")
    return {name: np.load(file, mmap_mode="r")}, kept, rows.warnings


class SoundClassification(Classification):
    """The task of predicting which of several classes a sound belongs to."""

    name = "sound classification"
    takes_photos = False
    what = "sounds"
    rates = Rates(head=1e-2, fine=3e-4, scratch=2e-3)
    # A network with random weights needs hundreds of steps, which take milliseconds each.
    least_in_an_epoch = 1600

    def find(self, recipe: TrainingRecipe) -> TrainingData:
        """Return the .wav files in the folder `recipe.data`."""
        path = Path(recipe.data).expanduser()
        if not path.is_dir():
            problem = "is no folder" if path.exists() else "does not exist"
            raise UsageProblemError(f"--data {recipe.data!r} {problem}; {recipe.model} hears sounds: {GIVE}")
        named = parts(path, named_sounds)
        classes = tuple(sorted({word for sounds in named.values() for _, word in sounds}))
        splitting.check(classes, [word for _, word in named["train"]], path.name, what="sounds")
        return ClassFoldersOfSounds(
            named=named,
            classes=classes,
            source=f"{path.name}, {sum(map(len, named.values()))} sounds of {len(classes)} classes",
            validation=recipe.validation,
            seed=recipe.seed,
            notes=left_out(path),
        )

    def batch(
        self, start: Start, examples: Examples, augmentation: Augmentation | None, rng: np.random.Generator
    ) -> tuple[Any, Any]:
        """Return the features and the class indices; augmented, the features are shifted and some windows masked."""
        if augmentation is not None:
            inputs = {name: _varied(values, rng) for name, values in examples.inputs.items()}
            examples = Examples(inputs=inputs, annotations=examples.annotations)
        return arguments(start, examples), examples.annotations


def _varied(features: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Return features (N, windows, ...) moved by a few windows, and with a few windows replaced by their mean.

    Park et al. 2019, "SpecAugment", https://arxiv.org/abs/1904.08779: time masking.
    """
    count, windows = features.shape[:2]
    moved = rng.integers(-round(_SHIFT * windows), round(_SHIFT * windows) + 1, (count, 1))
    at = np.clip(np.arange(windows) + moved, 0, windows - 1)
    varied = np.asarray(features[np.arange(count)[:, None], at])
    begin = rng.integers(0, windows, (count, 1))
    length = rng.integers(0, round(_MASK * windows) + 1, (count, 1))
    hidden = (np.arange(windows) >= begin) & (np.arange(windows) < begin + length)
    mean = varied.mean(axis=1, keepdims=True)
    found: NDArray[Any] = np.where(hidden.reshape(count, windows, *[1] * (features.ndim - 2)), mean, varied)
    return found.astype(features.dtype)


SOUND_CLASSIFICATION = SoundClassification()
