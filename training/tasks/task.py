"""What a task must know so that a network can learn it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from training.recipe import TrainingRecipe
    from training.starting import Start
    from training.variations import Variations
    from zoo.metric import Metric
    from zoo.preprocessing import Preprocessing

Loss = Callable[[Any, Any], Any]  # of what should be and what is, for each photo


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Photos with what is right of each.

    Attributes:
        photos: (N, height, width, channels), bytes at the size of the network's input; may be mapped from a file.
        answers: one for each photo, as the task has them.
    """

    photos: NDArray[np.uint8]
    answers: NDArray[Any]

    def __len__(self) -> int:
        return len(self.photos)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Examples by what they are for; `test` is kept until the end, and may be missing."""

    train: Examples
    validation: Examples
    test: Examples | None = None
    warnings: tuple[str, ...] = ()

    @property
    def judging(self) -> Mapping[str, Examples]:
        """Those that teach nothing, by name."""
        return {"validation": self.validation, **({"test": self.test} if self.test else {})}


class Lesson(Protocol):
    """Data that was found, before a photo is decoded."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of what the network shall tell apart, by index."""
        ...

    @property
    def source(self) -> str:
        """A sentence for the record."""
        ...

    @property
    def mirrored(self) -> bool:
        """Whether a photo and its mirror image mean the same."""
        ...

    def examples(self, preprocessing: Preprocessing, work: Path) -> Parts:
        """Return the photos, prepared in `work`."""
        ...


class Task(Protocol):
    """How one kind of network learns and is judged."""

    name: str
    metrics: tuple[Metric, ...]  # the headline first: by that one the best epoch is chosen

    def find(self, recipe: TrainingRecipe) -> Lesson:
        """Return the data that the recipe names; refuse what is none before any work."""
        ...

    def options(self, classes: Sequence[str]) -> Mapping[str, Any]:
        """Return what `Architecture.build` is told so that the network tells these apart."""
        ...

    def losses(self, start: Start) -> Sequence[Loss]:
        """Return the loss of every output of the network."""
        ...

    def batch(
        self,
        start: Start,
        photos: NDArray[np.uint8],
        answers: NDArray[Any],
        variations: Variations | None,
        rng: np.random.Generator,
    ) -> tuple[Any, Any]:
        """Return what the network takes, and what its losses take, for some examples; varied if there is how."""
        ...

    def judge(self, start: Start, examples: Examples) -> dict[str, float]:
        """Return how good the network is, by the keys of `metrics`."""
        ...

    def draw(self, start: Start, examples: Examples, classes: Sequence[str], folder: Path) -> tuple[str, ...]:
        """Draw into `folder` what shows where the network errs; return the names of the pictures."""
        ...
