"""What every task must know: which data say whether a model is right, and in which numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from calibration.samples import Array, Samples
from zoo.metric import Metric

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject


class Truth(Protocol):
    """Samples, ready to be run, whose right answers are known."""

    @property
    def samples(self) -> Samples:
        """The model's inputs, saved in the folder that `Examples.write` was given."""
        ...

    def scores(self, outputs: Mapping[str, Array]) -> dict[str, float]:
        """Return every metric of the task, by key, of real outputs (N, ...) in the order of the samples.

        Raises:
            CheckFailedError: a number is not finite, or the counts differ.
        """
        ...


class Examples(Protocol):
    """Labelled examples that were found; nothing is decoded yet."""

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> Truth:
        """Prepare them as the model's input, in the folder `work`.

        Args:
            work: a folder.
            exclude: digests of the calibration samples: what calibrated a file must not judge it.
            seed: for the record.

        Raises:
            UsageProblemError: not one can be used.
        """
        ...


class Task(Protocol):
    """What a model is for.

    Attributes:
        name: as in `Architecture.task`.
        metrics: the headline first; budgets are about that one.
        examples: what `--evaluate` takes, in words.
    """

    name: str
    metrics: tuple[Metric, ...]
    examples: str

    def suits(self, model: keras.Model) -> bool:
        """Whether a model that does not say what it is for looks as if it were for this."""
        ...

    def find(self, subject: Subject, source: str) -> Examples:
        """Return the labelled examples that `source` names.

        Raises:
            UsageProblemError: `source` cannot be used for this model.
        """
        ...
