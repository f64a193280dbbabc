"""Photos on their way into the network: shuffled, moved a little, normalised, batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

if TYPE_CHECKING:
    from training.starting import Start
    from training.tasks.task import Examples, Task
    from training.variations import Variations


class Feed(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """One epoch after the other of the same examples, each in an order of its own.

    What an epoch holds depends on the seed and its number alone: a run that was killed goes on as if it had not been.
    """

    def __init__(
        self,
        task: Task,
        start: Start,
        examples: Examples,
        *,
        batch: int,
        seed: int,
        variations: Variations | None,
        shares: int = 1,
    ) -> None:
        """Feed `examples` as `task` prepares them for `start`'s network, every batch in so many equal shares."""
        super().__init__()
        self._task, self._start, self._examples, self._variations = task, start, examples, variations
        self._batch, self._seed = batch, seed
        # What an epoch has beyond equal shares is left out, others each time: an empty share is an error in TensorFlow.
        self._count = len(examples) // shares * shares
        self.begin(0)

    def __len__(self) -> int:
        """Return how many batches an epoch has; the last one may be smaller."""
        return -(-self._count // self._batch)

    def begin(self, epoch: int) -> None:
        """Begin the epoch of that number, counted over all phases."""
        self._epoch = epoch
        self._order = np.random.default_rng((self._seed, epoch)).permutation(len(self._examples))[: self._count]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Return the inputs and the answers of a batch."""
        rows = np.sort(self._order[index * self._batch : (index + 1) * self._batch])  # in the order of the disk
        photos, answers = np.asarray(self._examples.photos[rows]), self._examples.answers[rows]
        rng = np.random.default_rng((self._seed, self._epoch, index))
        inputs, targets = self._task.batch(self._start, photos, answers, self._variations, rng)
        return inputs, targets
