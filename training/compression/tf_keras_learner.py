"""Training in tf_keras: tensorflow-model-optimization wraps a tf_keras copy, whose weights are copied back."""

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
    from training.learner import OnStep
    from training.phases import Phase
    from training.start import Start
    from training.tasks import Task
    from training.tasks.task import Loss

# Returns the weights of the wrapped layers, by layer name.
Unwrap = Callable[["tf_keras.Model"], Mapping[str, Sequence[Any]]]
# Called with the wrapped model and the inputs of the first batch, before training.
ShowBatch = Callable[["tf_keras.Model", Any], None]


class TfKerasLearner:
    """Trains a wrapped tf_keras copy of the network with `fit` of tf_keras."""

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
        show_batch: ShowBatch | None = None,
    ) -> None:
        """Prepare the tf_keras copy for a phase.

        Args:
            start: the network, which is not changed.
            task: the task of the network.
            phase: the phase.
            steps: number of steps in each epoch.
            wrap: returns the wrapped copy that is trained.
            unwrap: returns the weights of the wrapped copy.
            callbacks: Keras callbacks that the library needs.
            show_batch: called with the inputs of the first batch, before the first step.

        Raises:
            UsageProblemError: tf_keras cannot represent the network.
        """
        import tf_keras

        self._start, self._unwrap, self._callbacks, self._show_batch = start, unwrap, callbacks, show_batch
        # The state of dropout is then in variables, which a resumed run restores.
        tf_keras.backend.experimental.enable_tf_random_generator()
        try:
            copied = bridge.to_tf_keras(start.model)
            bridge.check(start.model, copied)
        except bridge.BridgeError as error:
            raise UsageProblemError(
                f"{phase.name} needs tensorflow-model-optimization, which does not support this network: {error}"
            ) from error
        self._wrapped = wrap(copied)
        self.current = replace(start, model=self._wrapped)
        self._optimizer = phase.optimizer(steps * phase.epochs, tf_keras)
        self._wrapped.compile(optimizer=self._optimizer, loss=[_tf_keras_loss(loss) for loss in task.losses(start)])
        self._optimizer.build(self._wrapped.trainable_variables)

    @property
    def state(self) -> Sequence[Any]:
        """The variables of the wrapped network, of its wrappers and of its random generators."""
        return [*self._wrapped.variables, *_random_states(self._wrapped)]

    @property
    def optimizer_state(self) -> Sequence[Any]:
        """The variables of the optimizer."""
        variables: Sequence[Any] = self._optimizer.variables
        return variables

    def epoch(self, feed: Feed, number: int, on_step: OnStep) -> float:
        """Train for an epoch; return the mean loss."""
        feed.begin(number)
        if self._show_batch and self._optimizer.iterations.numpy() == 0:
            self._show_batch(self._wrapped, feed[0][0])
        done = self._wrapped.fit(
            _batches(feed),
            initial_epoch=number,
            epochs=number + 1,
            shuffle=False,
            verbose=0,
            callbacks=[*self._callbacks, _steps(on_step)],
        )
        return float(done.history["loss"][-1])

    def network(self) -> keras.Model:
        """Return a new Keras 3 network with the trained weights."""
        import keras

        return bridge.set_weights(keras.models.clone_model(self._start.model), self._unwrap(self._wrapped))


def wrapped_layers(
    copied: tf_keras.Model, wrap: Callable[[tf_keras.layers.Layer], tf_keras.layers.Layer]
) -> tf_keras.Model:
    """Return a copy of the model with the layers that `wrap` returns; unwrapped layers keep their weights."""
    import tf_keras

    return tf_keras.models.clone_model(copied, clone_function=wrap)


def _random_states(model: tf_keras.Model) -> Sequence[Any]:
    """Return the states of the random generators of the layers."""
    layers = [getattr(layer, "layer", layer) for layer in model.layers]
    known = [getattr(getattr(layer, "_random_generator", None), "_generator", None) for layer in layers]
    return [generator.state for generator in known if generator is not None]


def _tf_keras_loss(loss: Loss) -> tf_keras.losses.Loss:
    """Return a loss for tf_keras with the same values.

    tf_keras squeezes the arguments of bare functions. On several devices, a loss of Keras 3 and tf_keras itself would
    both divide by the number of devices.
    """
    import keras
    import tensorflow as tf
    import tf_keras

    divided_by = tf.distribute.get_strategy().num_replicas_in_sync if isinstance(loss, keras.losses.Loss) else 1

    class WrappedLoss(tf_keras.losses.Loss):  # type: ignore[misc]  # ships no types
        def call(self, truth: Any, predicted: Any) -> Any:
            return loss(truth, predicted) * divided_by

    return WrappedLoss()


def _batches(feed: Feed) -> tf_keras.utils.Sequence:
    import tf_keras

    class Batches(tf_keras.utils.Sequence):  # type: ignore[misc]  # ships no types
        def __len__(self) -> int:
            return len(feed)

        def __getitem__(self, index: int) -> tuple[Any, Any]:
            return feed[index]

    return Batches()


def _steps(on_step: OnStep) -> tf_keras.callbacks.Callback:
    import tf_keras

    return tf_keras.callbacks.LambdaCallback(on_batch_end=lambda batch, logs: on_step(batch + 1, float(logs["loss"])))
