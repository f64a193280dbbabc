"""The interface of tasks: training data, losses, batches, evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.augmentation import Augmentation
    from training.phases import Rates
    from training.recipe import TrainingRecipe
    from training.start import Start
    from zoo.metric import Metric

Loss = Callable[[Any, Any], Any]  # of targets and outputs; returns one value for each example
PHOTOS = "photos"


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Photos, texts or sounds with their annotations.

    Attributes:
        inputs: arrays (N, ...) by name: the tokens of texts or the features of sounds by the name of their input, or
            photos as `PHOTOS`. They may be memory-mapped.
        annotations: one for each example; classes, boxes, masks or tokens, as the task defines.
    """

    inputs: Mapping[str, NDArray[Any]]
    annotations: NDArray[Any]

    def __len__(self) -> int:
        return len(self.annotations)

    @property
    def photos(self) -> NDArray[np.uint8]:
        """Photos (N, height, width, channels) as bytes, at the size of the network's input."""
        return self.inputs[PHOTOS]

    def take(self, rows: NDArray[np.int64] | slice) -> Examples:
        """Return the examples at `rows`, copied into memory."""
        inputs = {name: np.asarray(values[rows]) for name, values in self.inputs.items()}
        return Examples(inputs=inputs, annotations=self.annotations[rows])


def of_photos(photos: NDArray[np.uint8], annotations: NDArray[Any]) -> Examples:
    """Return photos (N, height, width, channels), bytes, with one annotation for each."""
    return Examples(inputs={PHOTOS: photos}, annotations=annotations)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Training, validation and test examples; `test` is never used to choose an epoch, and may be None.

    `digests` are those of the files or texts of each part (zoo/trained_on.py); empty if they are neither.
    """

    train: Examples
    validation: Examples
    test: Examples | None = None
    warnings: tuple[str, ...] = ()
    digests: Mapping[str, frozenset[bytes]] = field(default_factory=dict)

    @property
    def held_out(self) -> Mapping[str, Examples]:
        """The parts that are not trained on, by name."""
        return {"validation": self.validation, **({"test": self.test} if self.test else {})}


class TrainingData(Protocol):
    """Training data that was found, before any photo is decoded or text is read into tokens."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, by index."""
        ...

    @property
    def source(self) -> str:
        """Description of the data, for records."""
        ...

    @property
    def mirrored(self) -> bool:
        """Whether augmentation may mirror the photos."""
        ...

    def examples(self, start: Start, work: Path) -> Parts:
        """Return the examples for the network of `start`; large arrays are memory-mapped files in the folder `work`.

        Raises:
            UsageProblemError: none of the examples can be used.
        """
        ...


class Task(Protocol):
    """How networks for one task are trained and evaluated."""

    name: str
    metrics: tuple[Metric, ...]  # the headline metric first: it decides which epoch is the best
    takes_photos: bool
    what: str  # its examples: "photos", "texts" or "sounds"
    rates: Rates
    least_in_an_epoch: int  # examples; fewer are seen several times in an epoch

    def find(self, recipe: TrainingRecipe) -> TrainingData:
        """Return the data that the recipe names.

        Raises:
            UsageProblemError: the data is missing or unsuitable.
        """
        ...

    def options(self, classes: Sequence[str]) -> Mapping[str, Any]:
        """Return the options of `Architecture.build` for these classes."""
        ...

    def losses(self, start: Start) -> Sequence[Loss]:
        """Return the loss of every output of the network."""
        ...

    def batch(
        self, start: Start, examples: Examples, augmentation: Augmentation | None, rng: np.random.Generator
    ) -> tuple[Any, Any]:
        """Return the inputs of the network and the targets of its losses; augmented if `augmentation` is given."""
        ...

    def evaluate(self, start: Start, examples: Examples) -> dict[str, float]:
        """Return the scores of the network, by the keys of `metrics`."""
        ...

    def draw(self, start: Start, examples: Examples, classes: Sequence[str], folder: Path) -> tuple[str, ...]:
        """Write pictures of the network's errors to `folder`; return their file names."""
        ...
