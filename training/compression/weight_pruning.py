"""Magnitude pruning: the smallest weights of each layer are set to zero, step by step, while the others are trained.

Zhu and Gupta 2017, "To prune, or not to prune", https://arxiv.org/abs/1710.01878, as implemented by
tensorflow-model-optimization: the fraction of zeros rises along a cubic polynomial. Depthwise convolutions are not
pruned: they have few weights, and the network depends on each of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from training.compression.folding import folded
from training.compression.tf_keras_learner import TfKerasLearner, wrapped_layers
from training.phases import Phase

if TYPE_CHECKING:
    import tf_keras

    from training.learner import Learner
    from training.recipe import Compression
    from training.start import Start
    from training.tasks import Examples, Task

_UPDATES = 20  # of the masks, until the final fraction is reached


class WeightPruning:
    """The stage of `--prune`."""

    name = "prune"

    def __init__(self, compression: Compression) -> None:
        """Set the requested fraction of weights, or a pattern such as 2 of every 4, to zero."""
        assert compression.prune is not None  # `stages` creates this stage only if it is requested
        self._prune = compression.prune
        epochs = compression.epochs
        self.phases: Sequence[Phase] = (
            Phase(
                name=self.name, epochs=epochs, learning_rate=compression.learning_rate, incomplete_epochs=epochs // 2
            ),
        )

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The options of the stage."""
        return {"weights": self._prune.value, "epochs": self.phases[0].epochs}

    def prepared(self, start: Start, examples: Examples) -> Start:
        """Return the network with its batch norms folded."""
        return folded(start)

    def learner(self, start: Start, task: Task, phase: Phase, steps: int) -> Learner:
        """Return a learner that prunes during the first half of the epochs."""
        import tensorflow_model_optimization as tfmot

        sparsity = tfmot.sparsity.keras
        end = phase.incomplete_epochs * steps or max(1, steps // 2)
        if self._prune.pattern:
            kept, of = self._prune.pattern
            settings = {
                "pruning_schedule": sparsity.ConstantSparsity(
                    1 - kept / of, begin_step=0, frequency=max(1, end // _UPDATES)
                ),
                "sparsity_m_by_n": (of - kept, of),
            }
        else:
            schedule = sparsity.PolynomialDecay(
                initial_sparsity=0.0,
                final_sparsity=self._prune.share,
                begin_step=0,
                end_step=end,
                frequency=max(1, end // _UPDATES),
            )
            settings = {"pruning_schedule": schedule}

        def wrap(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
            return sparsity.prune_low_magnitude(layer, **settings) if is_conv_or_dense(layer) else layer

        return TfKerasLearner(
            start,
            task,
            phase,
            steps,
            wrap=lambda copied: wrapped_layers(copied, wrap),
            unwrap=_unwrapped,
            callbacks=[sparsity.UpdatePruningStep()],
        )


def is_conv_or_dense(layer: tf_keras.layers.Layer) -> bool:
    """Whether a layer is a Conv2D or Dense layer; other layers are not pruned or clustered."""
    import tf_keras

    return type(layer) in (tf_keras.layers.Conv2D, tf_keras.layers.Dense)


def _unwrapped(model: tf_keras.Model) -> Mapping[str, Sequence[Any]]:
    layers = [getattr(layer, "layer", layer) for layer in model.layers]
    return {layer.name: layer.get_weights() for layer in layers}
