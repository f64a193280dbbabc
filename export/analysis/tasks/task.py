"""The interface of a task: its labelled data and its metrics."""

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
    """Prepared samples with their labels."""

    @property
    def samples(self) -> Samples:
        """The model's inputs, saved in the folder of `Examples.write`."""
        ...

    def scores(self, outputs: Mapping[str, Array]) -> dict[str, float]:
        """Return every metric of the task, by key, for real-valued outputs (N, ...) in the order of the samples.

        Raises:
            CheckFailedError: an output is not finite, or its shape does not fit the labels.
        """
        ...


class Examples(Protocol):
    """Labelled examples, not yet decoded."""

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> Truth:
        """Preprocess the examples as the model's inputs and save them in `work`.

        Args:
            work: the folder to write to.
            exclude: digests of the calibration samples, which must not be used for evaluation.
            seed: the random seed, for the record.

        Raises:
            UsageProblemError: no example can be used.
        """
        ...


class Task(Protocol):
    """The task of a model.

    Attributes:
        name: as in `Architecture.task`.
        metrics: the metrics; budgets refer to the first one.
        examples: description of the sources that `--evaluate` takes.
    """

    name: str
    metrics: tuple[Metric, ...]
    examples: str

    def suits(self, model: keras.Model) -> bool:
        """Return whether a model without a declared task has the inputs and outputs of this task."""
        ...

    def find(self, subject: Subject, source: str) -> Examples:
        """Return the labelled examples in `source`.

        Raises:
            UsageProblemError: `source` cannot be used for this model.
        """
        ...
