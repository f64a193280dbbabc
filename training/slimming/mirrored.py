"""Across the bridge: tensorflow-model-optimization wraps the mirror, tf_keras trains it, the weights come back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from training import bridge
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras
    import tf_keras

    from training.feed import Feed
    from training.learning import Hear
    from training.phases import Phase
    from training.starting import Start
    from training.tasks import Task
    from training.tasks.task import Loss

# Of a wrapped model: the weights of the layers inside, by their names.
Unwrap = Callable[["tf_keras.Model"], Mapping[str, Sequence[Any]]]
Look = Callable[["tf_keras.Model", Any], None]


class MirrorLearner:
    """`fit` of tf_keras, on the mirror of a network that a library has wrapped."""

    def __init__(
        self,
        start: Start,
        task: Task,
        phase: Phase,
        steps: int,
        *,
        wrap: Callable[[tf_keras.Model], tf_keras.Model],
        unwrap: Unwrap,
        callbacks: Sequence[Any] = (),
        look: Look | None = None,
    ) -> None:
        """Make the mirror ready for a phase.

        Args:
            start: the network, which stays as it is.
            task: what it learns.
            phase: for how long.
            steps: in an epoch.
            wrap: makes of the mirror what learns.
            unwrap: reads the weights of what has learned.
            callbacks: of the library, that must hear of every step.
            look: shows what learns the inputs of a batch, before its first step.

        Raises:
            UsageProblemError: the network cannot cross.
        """
        import tf_keras

        self._start, self._unwrap, self._callbacks, self._look = start, unwrap, callbacks, look
        # What a dropout draws is then in variables, which a resumed run gets back.
        tf_keras.backend.experimental.enable_tf_random_generator()
        try:
            mirrored = bridge.mirror(start.model)
            bridge.check(start.model, mirrored)
        except bridge.BridgeError as error:
            raise UsageProblemError(
                f"{phase.name} needs tensorflow-model-optimization, which this network cannot be given: {error}"
            ) from error
        self._wrapped = wrap(mirrored)
        self.judged = replace(start, model=self._wrapped)
        self._optimizer = phase.optimizer(steps * phase.epochs, tf_keras)
        self._wrapped.compile(optimizer=self._optimizer, loss=[_as_it_is(loss) for loss in task.losses(start)])
        self._optimizer.build(self._wrapped.trainable_variables)

    @property
    def state(self) -> Sequence[Any]:
        """Variables of the wrapped network, of its wrappers, and of what draws random numbers in it."""
        return [*self._wrapped.variables, *_drawing(self._wrapped)]

    @property
    def optimizer_state(self) -> Sequence[Any]:
        """Variables of the optimizer."""
        variables: Sequence[Any] = self._optimizer.variables
        return variables

    def epoch(self, feed: Feed, number: int, hear: Hear) -> float:
        """Learn for an epoch; return the mean loss."""
        feed.begin(number)
        if self._look and self._optimizer.iterations.numpy() == 0:
            self._look(self._wrapped, feed[0][0])
        done = self._wrapped.fit(
            _batches(feed),
            initial_epoch=number,
            epochs=number + 1,
            shuffle=False,
            verbose=0,
            callbacks=[*self._callbacks, _steps(hear)],
        )
        return float(done.history["loss"][-1])

    def network(self) -> keras.Model:
        """Return a new Keras 3 network with what was learned."""
        import keras

        return bridge.filled(keras.models.clone_model(self._start.model), self._unwrap(self._wrapped))


def wrapped_layers(
    mirrored: tf_keras.Model, wrap: Callable[[tf_keras.layers.Layer], tf_keras.layers.Layer]
) -> tf_keras.Model:
    """Return the model with some layers wrapped; what `wrap` returns as it was keeps its weights."""
    import tf_keras

    return tf_keras.models.clone_model(mirrored, clone_function=wrap)


def _drawing(model: tf_keras.Model) -> Sequence[Any]:
    """Return where the random generators of its layers stand."""
    layers = [getattr(layer, "layer", layer) for layer in model.layers]
    known = [getattr(getattr(layer, "_random_generator", None), "_generator", None) for layer in layers]
    return [generator.state for generator in known if generator is not None]


def _as_it_is(loss: Loss) -> tf_keras.losses.Loss:
    """Return a loss as tf_keras takes it: it would squeeze what a bare function gets, and share twice.

    A loss of Keras 3 is divided among the devices by itself, and then by tf_keras once more.
    """
    import keras
    import tensorflow as tf
    import tf_keras

    shared = tf.distribute.get_strategy().num_replicas_in_sync if isinstance(loss, keras.losses.Loss) else 1

    class AsItIs(tf_keras.losses.Loss):  # type: ignore[misc]  # ships no types
        def call(self, truth: Any, answer: Any) -> Any:
            return loss(truth, answer) * shared

    return AsItIs()


def _batches(feed: Feed) -> tf_keras.utils.Sequence:
    import tf_keras

    class Batches(tf_keras.utils.Sequence):  # type: ignore[misc]  # ships no types
        def __len__(self) -> int:
            return len(feed)

        def __getitem__(self, index: int) -> tuple[Any, Any]:
            return feed[index]

    return Batches()


def _steps(hear: Hear) -> tf_keras.callbacks.Callback:
    import tf_keras

    return tf_keras.callbacks.LambdaCallback(on_batch_end=lambda batch, logs: hear(batch + 1))
