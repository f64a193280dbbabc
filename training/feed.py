"""Batches for training: shuffled, augmented and normalised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

if TYPE_CHECKING:
    from training.augmentation import Augmentation
    from training.start import Start
    from training.tasks.task import Examples, Task


class Feed(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """Epochs of the same examples, each in a different order; an epoch of few goes through them several times.

    Order and augmentation of an epoch depend only on the seed and the number of the epoch, so that a resumed run gives
    the same weights as an uninterrupted one.
    """

    def __init__(
        self,
        task: Task,
        start: Start,
        examples: Examples,
        *,
        batch: int,
        seed: int,
        augmentation: Augmentation | None,
        shares: int = 1,
    ) -> None:
        """Feed `examples`, prepared by `task` for the network of `start`; batches are divisible by `shares`."""
        super().__init__()
        self._task, self._start, self._examples, self._variations = task, start, examples, augmentation
        self._batch, self._seed = batch, seed
        # TensorFlow fails on an empty share, so each epoch leaves out a few examples, not always the same ones.
        self._times = -(-task.least_in_an_epoch // max(1, len(examples))) or 1
        self._count = self._times * len(examples) // shares * shares
        self.begin(0)

    def __len__(self) -> int:
        """Return the number of batches in an epoch; the last one may be smaller."""
        return -(-self._count // self._batch)

    def begin(self, epoch: int) -> None:
        """Start the epoch with this number, counted over all phases."""
        self._epoch = epoch
        rng, count = np.random.default_rng((self._seed, epoch)), len(self._examples)
        self._order = np.concatenate([rng.permutation(count) for _ in range(self._times)])[: self._count]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Return the inputs and the targets of a batch."""
        rows = np.sort(self._order[index * self._batch : (index + 1) * self._batch])  # in the order on disk
        rng = np.random.default_rng((self._seed, self._epoch, index))
        inputs, targets = self._task.batch(self._start, self._examples.take(rows), self._variations, rng)
        return inputs, targets
