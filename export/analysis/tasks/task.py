"""The interface of a task: its labelled data, its metrics, and the meaning of outputs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from calibration.left_out import LeftOut
from calibration.samples import Array, Samples
from export.analysis.tasks.prediction import Described, Prediction
from zoo.metric import Metric

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject


Tally = Mapping[str, Array]


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


class Tallied(Truth, Protocol):
    """A part of the samples, whose scores follow from small numbers."""

    def tally(self, outputs: Mapping[str, Array]) -> Tally:
        """Return what `Divisible.combined` needs of real-valued outputs (N, ...) in the order of the samples.

        Raises:
            CheckFailedError: an output is not finite, or its shape does not fit the labels.
        """
        ...


@runtime_checkable
class Divisible(Examples, Protocol):
    """Labelled examples that can be judged part by part, however many they are."""

    @property
    def source(self) -> str:
        """Description of the data for the manifest."""
        ...

    def key(self) -> str:
        """Return what decides the samples and their labels, as long as no file is changed."""
        ...

    def __len__(self) -> int: ...

    def part(self, start: int, stop: int) -> Divisible:
        """Return some of the examples."""
        ...

    def write_part(self, work: Path, *, exclude: Collection[str], seed: int) -> tuple[Tallied | None, LeftOut]:
        """Save the examples as `write` does; return None for them if none can be used, and what is left out."""
        ...

    def combined(self, tallies: Sequence[Tally]) -> dict[str, float]:
        """Return every metric of the task for all parts, as `Truth.scores` for all samples at once.

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
        takes_photos: whether predictions are made for photos; otherwise they are made for arrays.
        makes_pictures: whether every prediction has a picture.
    """

    name: str
    metrics: tuple[Metric, ...]
    examples: str
    takes_photos: bool
    makes_pictures: bool

    def suits(self, model: keras.Model) -> bool:
        """Return whether a model without a declared task has the inputs and outputs of this task."""
        ...

    def find(self, subject: Subject, source: str) -> Examples:
        """Return the labelled examples in `source`.

        Raises:
            UsageProblemError: `source` cannot be used for this model.
        """
        ...

    def reads(self, described: Described) -> bool:
        """Return whether predictions can be read from outputs of this description."""
        ...

    def class_count(self, described: Described) -> int:
        """Return the number of classes of outputs that it reads; 0 without classes."""
        ...

    def read(
        self,
        outputs: Mapping[str, Array],
        described: Described,
        *,
        class_names: Sequence[str],
        photo_sizes: Sequence[tuple[int, int]],
        names: Sequence[str],
        top: int,
    ) -> tuple[Prediction, ...]:
        """Return the prediction for each sample.

        Args:
            outputs: real values (N, ...) by name.
            described: the description of the outputs in the manifest.
            class_names: a name for each class.
            photo_sizes: width and height of each photo in pixels; empty for samples that are not photos.
            names: what each sample is called: a path, or the text itself.
            top: maximum number of classes or objects of a prediction.

        Raises:
            CheckFailedError: an output is missing or not finite.
        """
        ...


class WithoutPredictions:
    """The part of a task whose outputs `zoo run` does not read."""

    def reads(self, described: Described) -> bool:
        """Return False: `zoo run` prints the range of every output."""
        return False

    def class_count(self, described: Described) -> int:
        """Return 0."""
        return 0

    def read(
        self,
        outputs: Mapping[str, Array],
        described: Described,
        *,
        class_names: Sequence[str],
        photo_sizes: Sequence[tuple[int, int]],
        names: Sequence[str],
        top: int,
    ) -> tuple[Prediction, ...]:
        """Return no predictions."""
        return ()
