"""How networks of one task are trained: on which data, for how long, and how their accuracy is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.detection.heads import Detection
from zoo.inputs import Input, preprocessing_of
from zoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class Network:
    """A model to train.

    Attributes:
        model: the model.
        inputs: what each input means, by name.
        companions: files that the network needs beside its weights, by name: a tokenizer.
        detection: what the outputs of a detector mean; None for other tasks.
    """

    model: keras.Model
    inputs: Mapping[str, Input]
    companions: Mapping[str, bytes] = field(default_factory=dict)
    detection: Detection | None = None

    @property
    def preprocessing(self) -> Preprocessing:
        """How a photo becomes the input.

        Raises:
            TypeError: the model takes no photo.
        """
        found = preprocessing_of(self.inputs)
        if found is None:
            raise TypeError(f"{self.model.name} takes no photo")
        return found


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The choices of one training run.

    Attributes:
        epochs: passes over the training data.
        count: generated samples to train on; 0 for a data set, all of which is used.
        seed: random seed, of the weights, the data and the order.
        data: folder with Fashion-MNIST, or with the plays; None downloads them.
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
        count: default number of generated training samples; 0 for a data set, all of which is used.
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
