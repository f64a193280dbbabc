"""Channels are removed from the graph, the others fitted anew, and then all of them learn again."""

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
from training.learning import KerasLearner
from training.phases import Phase
from training.slimming.folding import folded
from zoo.errors import UsageProblemError
from zoo.inputs import made_up

if TYPE_CHECKING:
    from training.learning import Learner
    from training.recipe import Slimming
    from training.starting import Start
    from training.tasks import Examples, Task

_PHOTOS = 200  # to fit the other weights on


class Channels:
    """The stage of `--prune-channels`."""

    name = "prune_channels"

    def __init__(self, slimming: Slimming, *, seed: int) -> None:
        """Remove a share of every layer's channels."""
        assert slimming.prune_channels is not None  # who asks for the stage has looked
        self._share, self._seed = slimming.prune_channels.share, seed
        self.phases: Sequence[Phase] = (
            Phase(name=self.name, epochs=slimming.epochs, learning_rate=slimming.learning_rate),
        )

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The share, and how long it learned again."""
        return {"share": self._share, "epochs": self.phases[0].epochs}

    def prepared(self, start: Start, examples: Examples) -> Start:
        """Return the network without those channels.

        Raises:
            UsageProblemError: there are none that could go.
        """
        samples = _samples(start, examples, self._seed)
        plain = folded(start)
        try:
            pruned = passes.apply(PruneChannels(share=self._share, seed=self._seed), plain.model, samples)
            shrunk = passes.apply(Shrink(), pruned.model, samples)
        except PassRefusedError as error:
            raise UsageProblemError(f"--prune-channels is not for this network: {error}") from error
        if not shrunk.record.layers:
            raise UsageProblemError(
                f"--prune-channels {self._share:g}: no layer of this network has a channel that could go"
            )
        return replace(start, model=shrunk.model)

    def learner(self, start: Start, task: Task, phase: Phase, steps: int) -> Learner:
        """Return Keras's own."""
        return KerasLearner(start, task, phase, steps)


def _samples(start: Start, examples: Examples, seed: int) -> Samples:
    count = min(_PHOTOS, len(examples))
    chosen = np.sort(np.random.default_rng(seed).permutation(len(examples))[:count])
    inputs = signature.inputs(start.model)
    photos = start.preprocessing.normalise(np.asarray(examples.photos[chosen]))
    drawn = {
        spec.name: np.random.default_rng(seed).standard_normal((count, *spec.shape[1:])).astype(np.float32)
        for spec in inputs
        if spec.name in made_up(start.inputs)
    }
    (photo,) = (spec.name for spec in inputs if spec.name not in drawn)
    return Samples(inputs={photo: photos, **drawn}, source=start.source, seed=seed)
