"""A network on its way through a phase, and the plain way: Keras fits it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import keras
import tensorflow as tf

from training import distributing

if TYPE_CHECKING:
    from training.feed import Feed
    from training.phases import Phase
    from training.starting import Start
    from training.tasks import Task

Hear = Callable[[int], None]  # of the number of steps that are done in an epoch


class Learner(Protocol):
    """A network on its way through a phase.

    Attributes:
        judged: it, as it stands: answers as the finished one would.
        state: variables that say where the network stands, those of its optimizer left out.
        optimizer_state: those.
    """

    judged: Start

    @property
    def state(self) -> Sequence[Any]:
        """Variables that say where the network stands."""
        ...

    @property
    def optimizer_state(self) -> Sequence[Any]:
        """Variables of the optimizer."""
        ...

    def epoch(self, feed: Feed, number: int, hear: Hear) -> float:
        """Learn for the epoch of that number, counted over all phases; return the mean loss."""
        ...

    def network(self) -> keras.Model:
        """Return the network as it stands; the learner is spent."""
        ...


class KerasLearner:
    """Keras's own `fit`, on the network itself; on a copy where several devices share the steps."""

    def __init__(self, start: Start, task: Task, phase: Phase, steps: int) -> None:
        """Make the network of `start` ready for a phase with so many steps in an epoch."""
        self.judged = start
        phase.prepare(start)
        # What is made in a scope answers once for every device; the network itself was made outside.
        self._learning = distributing.copied(start.model) if tf.distribute.has_strategy() else start.model
        # A second model of the same layers: the first keeps no loss of ours, which its file would have to name.
        self._fitted = keras.Model(self._learning.inputs, self._learning.outputs)
        self._optimizer = phase.optimizer(steps * phase.epochs, keras)
        self._fitted.compile(optimizer=self._optimizer, loss=list(task.losses(start)))
        self._optimizer.build(self._fitted.trainable_variables)

    @property
    def state(self) -> Sequence[Any]:
        """Variables of the network."""
        variables: Sequence[Any] = self._learning.variables
        return variables

    @property
    def optimizer_state(self) -> Sequence[Any]:
        """Variables of the optimizer."""
        variables: Sequence[Any] = self._optimizer.variables
        return variables

    def epoch(self, feed: Feed, number: int, hear: Hear) -> float:
        """Learn for an epoch; return the mean loss."""
        feed.begin(number)
        done = self._fitted.fit(
            feed, initial_epoch=number, epochs=number + 1, shuffle=False, verbose=0, callbacks=[_Steps(hear)]
        )
        self._bring_back()
        return float(done.history["loss"][-1])

    def network(self) -> keras.Model:
        """Return the network itself."""
        self._bring_back()
        for layer in self.judged.model.layers:
            layer.trainable = True
        return self.judged.model

    def _bring_back(self) -> None:
        if self._learning is not self.judged.model:
            distributing.bring(self._learning, self.judged.model)


class _Steps(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Tells of every step."""

    def __init__(self, hear: Hear) -> None:
        """Tell `hear`."""
        super().__init__()
        self._hear = hear

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Tell how far the epoch is."""
        self._hear(batch + 1)
