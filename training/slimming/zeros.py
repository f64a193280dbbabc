"""Weights of small magnitude become zero, more and more of them, while the others learn to do without.

Zhu and Gupta 2017, "To prune, or not to prune", https://arxiv.org/abs/1710.01878: the share rises along a polynomial of
the third degree. tensorflow-model-optimization does it, in every layer by itself. Depthwise convolutions keep their
weights: they have few, and each is worth much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from training.phases import Phase
from training.slimming.folding import folded
from training.slimming.mirrored import MirrorLearner, wrapped_layers

if TYPE_CHECKING:
    import tf_keras

    from training.learning import Learner
    from training.recipe import Slimming
    from training.starting import Start
    from training.tasks import Examples, Task

_UPDATES = 20  # of the masks, on the way to the share


class Zeros:
    """The stage of `--prune`."""

    name = "prune"

    def __init__(self, slimming: Slimming) -> None:
        """Make weights zero: a share, or a pattern such as 2 of 4."""
        assert slimming.prune is not None  # who asks for the stage has looked
        self._prune = slimming.prune
        epochs = slimming.epochs
        self.phases: Sequence[Phase] = (
            Phase(name=self.name, epochs=epochs, learning_rate=slimming.learning_rate, on_the_way=epochs // 2),
        )

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What was asked for."""
        return {"weights": self._prune.value, "epochs": self.phases[0].epochs}

    def prepared(self, start: Start, examples: Examples) -> Start:
        """Return the network with folded batch norms."""
        return folded(start)

    def learner(self, start: Start, task: Task, phase: Phase, steps: int) -> Learner:
        """Return what takes weights away during the first half of the epochs."""
        import tensorflow_model_optimization as tfmot

        sparsity = tfmot.sparsity.keras
        end = phase.on_the_way * steps or max(1, steps // 2)
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
            return sparsity.prune_low_magnitude(layer, **settings) if is_weighing(layer) else layer

        return MirrorLearner(
            start,
            task,
            phase,
            steps,
            wrap=lambda mirrored: wrapped_layers(mirrored, wrap),
            unwrap=_unwrapped,
            callbacks=[sparsity.UpdatePruningStep()],
        )


def is_weighing(layer: tf_keras.layers.Layer) -> bool:
    """Whether a layer is a plain convolution or a dense layer: what libraries take weights from."""
    import tf_keras

    return type(layer) in (tf_keras.layers.Conv2D, tf_keras.layers.Dense)


def _unwrapped(model: tf_keras.Model) -> Mapping[str, Sequence[Any]]:
    layers = [getattr(layer, "layer", layer) for layer in model.layers]
    return {layer.name: layer.get_weights() for layer in layers}
