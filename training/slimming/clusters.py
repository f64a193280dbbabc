"""The kernel of every layer holds only so many different numbers, which learn where to lie: files that zip well.

Han et al. 2015, "Deep Compression", https://arxiv.org/abs/1510.00149, section 3. tensorflow-model-optimization does it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from training.phases import Phase
from training.slimming.folding import folded
from training.slimming.mirrored import MirrorLearner, wrapped_layers
from training.slimming.zeros import is_weighing

if TYPE_CHECKING:
    import tf_keras

    from training.learning import Learner
    from training.recipe import Slimming
    from training.starting import Start
    from training.tasks import Examples, Task


class Clusters:
    """The stage of `--cluster`."""

    name = "cluster"

    def __init__(self, slimming: Slimming, *, keep_zeros: bool) -> None:
        """Make so many clusters; one of them is zero, and keeps its weights, if zeros are kept."""
        assert slimming.clusters is not None  # who asks for the stage has looked
        self._count, self._keep_zeros = slimming.clusters, keep_zeros
        self.phases: Sequence[Phase] = (
            Phase(name=self.name, epochs=slimming.epochs, learning_rate=slimming.learning_rate),
        )

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What was asked for."""
        return {"clusters": self._count, "zeros_kept": self._keep_zeros, "epochs": self.phases[0].epochs}

    def prepared(self, start: Start, examples: Examples) -> Start:
        """Return the network with folded batch norms."""
        return folded(start)

    def learner(self, start: Start, task: Task, phase: Phase, steps: int) -> Learner:
        """Return what learns the numbers."""
        import tensorflow_model_optimization as tfmot
        from tensorflow_model_optimization.python.core.clustering.keras.experimental import cluster

        clustering = tfmot.clustering.keras
        # Only the experimental function knows of zeros.
        make = cluster.cluster_weights if self._keep_zeros else clustering.cluster_weights
        kept = {"preserve_sparsity": True} if self._keep_zeros else {}

        def wrap(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
            if not is_weighing(layer):
                return layer
            # k-means fails where there are hardly more weights than clusters.
            many = np.count_nonzero(layer.kernel) >= 2 * self._count
            first = clustering.CentroidInitialization["KMEANS_PLUS_PLUS" if many else "LINEAR"]
            return make(layer, self._count, first, **kept)

        def unwrap(model: tf_keras.Model) -> Mapping[str, Sequence[Any]]:
            return {layer.name: layer.get_weights() for layer in clustering.strip_clustering(model).layers}

        return MirrorLearner(
            start, task, phase, steps, wrap=lambda mirrored: wrapped_layers(mirrored, wrap), unwrap=unwrap
        )
