"""Learners train a network for one phase; `KerasLearner` uses `fit` of Keras."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import keras
import tensorflow as tf

from training import distributing

if TYPE_CHECKING:
    from training.feed import Feed
    from training.phases import Phase
    from training.start import Start
    from training.tasks import Task

# Is called with the number of finished steps in the epoch, and the mean loss of them.
OnStep = Callable[[int, float], None]


class Learner(Protocol):
    """Trains a network for one phase.

    Attributes:
        current: the network with its current weights, for evaluation; its outputs are those of the finished network.
        state: all variables that a resumed run needs, except those of the optimizer.
        optimizer_state: the variables of the optimizer.
    """

    current: Start

    @property
    def state(self) -> Sequence[Any]:
        """All variables that a resumed run needs, except those of the optimizer."""
        ...

    @property
    def optimizer_state(self) -> Sequence[Any]:
        """The variables of the optimizer."""
        ...

    def epoch(self, feed: Feed, number: int, on_step: OnStep) -> float:
        """Train for the epoch with this number, counted over all phases; return the mean loss."""
        ...

    def network(self) -> keras.Model:
        """Return the trained network; the learner cannot be used afterwards."""
        ...


class KerasLearner:
    """Trains the network itself, or a copy of it on several devices, with `fit` of Keras."""

    def __init__(self, start: Start, task: Task, phase: Phase, steps: int) -> None:
        """Prepare the network of `start` for a phase with `steps` steps in each epoch."""
        self.current = start
        phase.prepare(start)
        # Variables exist on every device only if they are created in the scope; the network was created outside.
        self._learning = distributing.copied(start.model) if tf.distribute.has_strategy() else start.model
        # A second model of the same layers, so that the saved model does not refer to our losses.
        self._fitted = keras.Model(self._learning.inputs, self._learning.outputs)
        self._optimizer = phase.optimizer(steps * phase.epochs, keras)
        self._fitted.compile(optimizer=self._optimizer, loss=list(task.losses(start)))
        self._optimizer.build(self._fitted.trainable_variables)

    @property
    def state(self) -> Sequence[Any]:
        """The variables of the network."""
        variables: Sequence[Any] = self._learning.variables
        return variables

    @property
    def optimizer_state(self) -> Sequence[Any]:
        """The variables of the optimizer."""
        variables: Sequence[Any] = self._optimizer.variables
        return variables

    def epoch(self, feed: Feed, number: int, on_step: OnStep) -> float:
        """Train for an epoch; return the mean loss."""
        feed.begin(number)
        done = self._fitted.fit(
            feed, initial_epoch=number, epochs=number + 1, shuffle=False, verbose=0, callbacks=[_Steps(on_step)]
        )
        self._copy_back()
        return float(done.history["loss"][-1])

    def network(self) -> keras.Model:
        """Return the network itself, with all layers trainable."""
        self._copy_back()
        for layer in self.current.model.layers:
            layer.trainable = True
        return self.current.model

    def _copy_back(self) -> None:
        if self._learning is not self.current.model:
            distributing.copy_values(self._learning, self.current.model)


class _Steps(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Calls `on_step` after every step."""

    def __init__(self, on_step: OnStep) -> None:
        """Store the callback."""
        super().__init__()
        self._on_step = on_step

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Report the number of finished steps and their loss."""
        self._on_step(batch + 1, float(logs["loss"]))
