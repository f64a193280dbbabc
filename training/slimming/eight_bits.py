"""The network learns with weights and activations that are rounded to 8 bits as it will be exported.

Jacob et al. 2018, https://arxiv.org/abs/1712.05877, section 3. tensorflow-model-optimization does it: weights per
channel, activations by moving averages of their ranges. Zeros and clusters are kept where there are some (PQAT, CQAT,
PCQAT).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from export.stages.fold import fold
from training.phases import Phase
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
        return replace(start, model=fold(start.model))

    def learner(self, start: Start, task: Task, phase: Phase, steps: int) -> Learner:
        """Return what learns with 8 bits."""
        return MirrorLearner(start, task, phase, steps, wrap=self._wrapped, unwrap=_unwrapped)

    def _wrapped(self, mirrored: tf_keras.Model) -> tf_keras.Model:
        import tensorflow_model_optimization as tfmot

        quantization = tfmot.quantization.keras
        # The schemes that keep zeros and clusters say that they support what the one below them does not.
        scheme, plain = self._scheme(), quantization.default_8bit.Default8BitQuantizeScheme()
        registries = [some.get_quantize_registry() for some in (scheme, plain)]

        def annotated(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
            supported = all(registry.supports(layer) for registry in registries)
            return quantization.quantize_annotate_layer(layer) if supported else layer

        with quantization.quantize_scope():
            return quantization.quantize_apply(wrapped_layers(mirrored, annotated), scheme=scheme)

    def _scheme(self) -> Any:
        import tensorflow_model_optimization as tfmot

        combine = tfmot.experimental.combine
        if self._keep_clusters:
            return combine.Default8BitClusterPreserveQuantizeScheme(preserve_sparsity=self._keep_zeros)
        if self._keep_zeros:
            return combine.Default8BitPrunePreserveQuantizeScheme()
        return tfmot.quantization.keras.default_8bit.Default8BitQuantizeScheme()


def _unwrapped(model: tf_keras.Model) -> Mapping[str, Sequence[Any]]:
    """Return the weights before they are rounded; a wrapped layer itself has only the rounded ones."""
    found: dict[str, Sequence[Any]] = {}
    for wrapper in model.layers:
        layer = getattr(wrapper, "layer", None)
        if layer is None:
            found[wrapper.name] = wrapper.get_weights()
            continue
        kernels = [weight.numpy() for weight, _, _ in wrapper._weight_vars]
        biases = [layer.bias.numpy()] if getattr(layer, "bias", None) is not None else []
        found[layer.name] = [*kernels, *biases]
    return found
