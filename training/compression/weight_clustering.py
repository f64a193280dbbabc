"""Weight clustering: every kernel has a limited number of distinct values, so that files compress well.

Han et al. 2015, "Deep Compression", https://arxiv.org/abs/1510.00149, section 3, as implemented by
tensorflow-model-optimization; the values themselves are trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from training.compression.folding import folded
from training.compression.tf_keras_learner import TfKerasLearner, wrapped_layers
from training.compression.weight_pruning import is_conv_or_dense
from training.phases import Phase

if TYPE_CHECKING:
    import tf_keras

    from training.learner import Learner
    from training.recipe import Compression
    from training.start import Start
    from training.tasks import Examples, Task


class WeightClustering:
    """The stage of `--cluster`."""

    name = "cluster"

    def __init__(self, compression: Compression, *, keep_zeros: bool) -> None:
        """Cluster each kernel; if `keep_zeros`, weights that are zero stay zero."""
        assert compression.clusters is not None  # `stages` creates this stage only if it is requested
        self._count, self._keep_zeros = compression.clusters, keep_zeros
        self.phases: Sequence[Phase] = (
            Phase(name=self.name, epochs=compression.epochs, learning_rate=compression.learning_rate),
        )

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The options of the stage."""
        return {"clusters": self._count, "zeros_kept": self._keep_zeros, "epochs": self.phases[0].epochs}

    def prepared(self, start: Start, examples: Examples) -> Start:
        """Return the network with its batch norms folded."""
        return folded(start)

    def learner(self, start: Start, task: Task, phase: Phase, steps: int) -> Learner:
        """Return a learner that trains the shared values."""
        import tensorflow_model_optimization as tfmot
        from tensorflow_model_optimization.python.core.clustering.keras.experimental import cluster

        clustering = tfmot.clustering.keras
        # Only the experimental function can preserve zeros.
        make = cluster.cluster_weights if self._keep_zeros else clustering.cluster_weights
        kept = {"preserve_sparsity": True} if self._keep_zeros else {}

        def wrap(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
            if not is_conv_or_dense(layer):
                return layer
            # k-means++ fails if a kernel has few more weights than clusters.
            many = np.count_nonzero(layer.kernel) >= 2 * self._count
            first = clustering.CentroidInitialization["KMEANS_PLUS_PLUS" if many else "LINEAR"]
            return make(layer, self._count, first, **kept)

        def unwrap(model: tf_keras.Model) -> Mapping[str, Sequence[Any]]:
            return {layer.name: layer.get_weights() for layer in clustering.strip_clustering(model).layers}

        return TfKerasLearner(
            start, task, phase, steps, wrap=lambda copied: wrapped_layers(copied, wrap), unwrap=unwrap
        )
