"""How networks of one task are trained: on which data, for how long, and how their accuracy is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.detection.heads import Detection
from zoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class Network:
    """A model to train, what becomes its input, and for a detector what its outputs mean."""

    model: keras.Model
    preprocessing: Preprocessing
    detection: Detection | None = None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The choices of one training run.

    Attributes:
        epochs: passes over the training data.
        count: generated pictures to train on; 0 for a data set, all of which is used.
        seed: random seed, of the weights, the data and the order.
        data: folder with Fashion-MNIST; None downloads it.
    """

    epochs: int
    count: int
    seed: int
    data: Path | None


@dataclass(frozen=True, kw_only=True)
class Course:
    """The training of networks of one task.

    Attributes:
        data: name of the data, part of the name of the weights file.
        epochs: default number of epochs.
        count: default number of generated training pictures; 0 for a data set, all of which is used.
        options: of a full-size build for this data.
        fit: train a network in place.
        measure: one sentence for each measurement on the test data.
    """

    data: str
    epochs: int
    count: int = 0
    options: Mapping[str, int]
    fit: Callable[[Network, Settings], None]
    measure: Callable[[Network, Settings], Sequence[str]]
