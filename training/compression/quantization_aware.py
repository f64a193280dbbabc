"""Quantization-aware training: weights and activations are rounded to 8 bits in training as in the exported file.

Jacob et al. 2018, https://arxiv.org/abs/1712.05877, section 3, as implemented by tensorflow-model-optimization: one
scale per channel for convolutions and per kernel for dense layers; activation ranges are moving averages. Zeros and
clusters are kept if the network has them (PQAT, CQAT, PCQAT).
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


class QuantizationAware:
    """The stage of `--qat`."""

    name = "qat"

    def __init__(self, compression: Compression, *, keep_zeros: bool, keep_clusters: bool) -> None:
        """Train with simulated 8 bits; optionally keep weights that are zero, and clusters."""
        self._keep_zeros, self._keep_clusters = keep_zeros, keep_clusters
        self.phases: Sequence[Phase] = (
            Phase(name=self.name, epochs=compression.epochs, learning_rate=compression.learning_rate),
        )

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The options of the stage."""
        return {
            "bits": 8,
            "zeros_kept": self._keep_zeros,
            "clusters_kept": self._keep_clusters,
            "epochs": self.phases[0].epochs,
        }

    def prepared(self, start: Start, examples: Examples) -> Start:
        """Return the network with its batch norms folded."""
        return folded(start)

    def learner(self, start: Start, task: Task, phase: Phase, steps: int) -> Learner:
        """Return a learner that simulates 8 bits."""
        return TfKerasLearner(
            start, task, phase, steps, wrap=self._wrapped, unwrap=_unwrapped, show_batch=_initialize_ranges
        )

    def _wrapped(self, copied: tf_keras.Model) -> tf_keras.Model:
        import tensorflow_model_optimization as tfmot

        from training.compression import fake_quantization, patches

        quantization = tfmot.quantization.keras
        scheme = fake_quantization.scheme(keep_zeros=self._keep_zeros, keep_clusters=self._keep_clusters)
        with quantization.quantize_scope(fake_quantization.OWN), patches.clusters_of_whole_kernels():
            marked = wrapped_layers(copied, lambda layer: fake_quantization.annotated(layer, scheme))
            return quantization.quantize_apply(marked, scheme=scheme)


def _initialize_ranges(model: tf_keras.Model, inputs: Any) -> None:
    """Set the range of every activation to its range for these inputs."""
    from training.compression import patches

    with patches.ranges_at_once():
        model.distribute_strategy.run(model, (inputs,), {"training": True})


def _unwrapped(model: tf_keras.Model) -> Mapping[str, Sequence[Any]]:
    """Return the weights before rounding, by layer name; the wrapped layers hold only the rounded ones."""
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
