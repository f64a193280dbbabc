"""The network learns with weights and activations that are rounded to 8 bits as it will be exported.

Jacob et al. 2018, https://arxiv.org/abs/1712.05877, section 3. tensorflow-model-optimization does it: weights of
convolutions per channel, of dense layers per kernel, activations by moving averages of their ranges. Zeros and
clusters are kept where there are some (PQAT, CQAT, PCQAT).
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


class EightBits:
    """The stage of `--qat`."""

    name = "qat"

    def __init__(self, slimming: Slimming, *, keep_zeros: bool, keep_clusters: bool) -> None:
        """Learn with 8 bits; zeros and clusters stay as they are, if asked to."""
        self._keep_zeros, self._keep_clusters = keep_zeros, keep_clusters
        self.phases: Sequence[Phase] = (
            Phase(name=self.name, epochs=slimming.epochs, learning_rate=slimming.learning_rate),
        )

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What was asked for."""
        return {
            "bits": 8,
            "zeros_kept": self._keep_zeros,
            "clusters_kept": self._keep_clusters,
            "epochs": self.phases[0].epochs,
        }

    def prepared(self, start: Start, examples: Examples) -> Start:
        """Return the network with folded batch norms."""
        return folded(start)

    def learner(self, start: Start, task: Task, phase: Phase, steps: int) -> Learner:
        """Return what learns with 8 bits."""
        return MirrorLearner(start, task, phase, steps, wrap=self._wrapped, unwrap=_unwrapped, look=_look)

    def _wrapped(self, mirrored: tf_keras.Model) -> tf_keras.Model:
        import tensorflow_model_optimization as tfmot

        from training.slimming import patches, simulating

        quantization = tfmot.quantization.keras
        scheme = simulating.scheme(keep_zeros=self._keep_zeros, keep_clusters=self._keep_clusters)
        with quantization.quantize_scope(simulating.OWN), patches.clusters_of_whole_kernels():
            marked = wrapped_layers(mirrored, lambda layer: simulating.annotated(layer, scheme))
            return quantization.quantize_apply(marked, scheme=scheme)


def _look(model: tf_keras.Model, inputs: Any) -> None:
    """Give the ranges of all activations the values that they have for these inputs."""
    from training.slimming import patches

    with patches.ranges_at_once():
        model.distribute_strategy.run(model, (inputs,), {"training": True})


def _unwrapped(model: tf_keras.Model) -> Mapping[str, Sequence[Any]]:
    """Return the weights before they are rounded; a wrapped layer itself has only the rounded ones."""
    found: dict[str, Sequence[Any]] = {}
    for wrapper in model.layers:
        layer = getattr(wrapper, "layer", None)
        if layer is None or not wrapper._weight_vars:
            found[getattr(layer, "name", wrapper.name)] = wrapper.get_weights()
            continue
        kernels = [weight.numpy() for weight, _, _ in wrapper._weight_vars]
        biases = [layer.bias.numpy()] if getattr(layer, "bias", None) is not None else []
        found[layer.name] = [*kernels, *biases]
    return found
