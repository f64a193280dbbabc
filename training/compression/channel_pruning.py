"""Channel pruning: channels are removed, the other weights are fitted to compensate, and all are trained again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.samples import Samples
from export import passes
from export.errors import PassRefusedError
from export.model import signature
from export.passes.prune_channels import PruneChannels
from export.passes.shrink import Shrink
from training.compression.folding import folded
from training.learner import KerasLearner
from training.phases import Phase
from training.tasks.prediction import arguments
from zoo.errors import UsageProblemError
from zoo.inputs import made_up

if TYPE_CHECKING:
    from training.learner import Learner
    from training.recipe import Compression
    from training.start import Start
    from training.tasks import Examples, Task

_PHOTOS = 200  # to fit the other weights


class ChannelPruning:
    """The stage of `--prune-channels`."""

    name = "prune_channels"

    def __init__(self, compression: Compression, *, seed: int) -> None:
        """Remove the requested fraction of every layer's channels."""
        assert compression.prune_channels is not None  # `stages` creates this stage only if it is requested
        self._share, self._seed = compression.prune_channels.share, seed
        self.phases: Sequence[Phase] = (
            Phase(name=self.name, epochs=compression.epochs, learning_rate=compression.learning_rate),
        )

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The removed fraction and the number of epochs."""
        return {"share": self._share, "epochs": self.phases[0].epochs}

    def prepared(self, start: Start, examples: Examples) -> Start:
        """Return the network without the least important channels, with the other weights fitted.

        Raises:
            UsageProblemError: no channel can be removed.
        """
        samples = _samples(start, examples, self._seed)
        plain = folded(start)
        try:
            pruned = passes.apply(PruneChannels(share=self._share, seed=self._seed), plain.model, samples)
            shrunk = passes.apply(Shrink(), pruned.model, samples)
        except PassRefusedError as error:
            raise UsageProblemError(f"--prune-channels does not support this network: {error}") from error
        if not shrunk.record.layers:
            raise UsageProblemError(f"--prune-channels {self._share:g}: no channel of this network can be removed")
        return replace(start, model=shrunk.model)

    def learner(self, start: Start, task: Task, phase: Phase, steps: int) -> Learner:
        """Return a learner that uses Keras."""
        return KerasLearner(start, task, phase, steps)


def _samples(start: Start, examples: Examples, seed: int) -> Samples:
    count = min(_PHOTOS, len(examples))
    chosen = np.sort(np.random.default_rng(seed).permutation(len(examples))[:count])
    inputs = signature.inputs(start.model)
    given = arguments(start, examples.take(chosen))
    random = {
        spec.name: np.random.default_rng(seed).standard_normal((count, *spec.shape[1:])).astype(np.float32)
        for spec in inputs
        if spec.name in made_up(start.inputs)
    }
    (name,) = (spec.name for spec in inputs if spec.name not in random)
    return Samples(inputs={name: given, **random}, source=start.source, seed=seed)
