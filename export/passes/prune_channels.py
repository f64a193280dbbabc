"""Set the weights that read the least important channels to zero, and refit the remaining weights.

`shrink` then removes those channels from the graph. The importance of a channel is the output power that all layers
reading it lose with it (He et al. 2017, "Channel Pruning for Accelerating Very Deep Neural Networks",
https://arxiv.org/abs/1707.06168; the error feedback of `sparse` replaces their least squares). Channels that are added
are removed together, throughout a residual stage.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from calibration.samples import Array, Samples
from export.passes import Pass, PassRecord, PassResult
from export.passes.channels.units import ChannelUnits, Numbers
from export.passes.chosen import check_share
from export.passes.fitting.feedback import TINY, Inputs
from export.passes.fitting.product import Kind, Product
from export.passes.fitting.refit import Refit
from export.passes.fitting.sparse import importance_of, refitted
from export.passes.fitting.streaming import Traversal
from export.passes.fitting.sublayers import chosen
from export.passes.fitting.survey import Survey
from export.passes.shrink import Shrink
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras

NAME = "prune_channels"
MULTIPLE = 8  # runtime kernels process 8 channels at once, so 20 channels take as long as 24
FEWEST = 8


@dataclass(frozen=True, kw_only=True)
class PruneChannels:
    """The pass of `--prune-channels`, for a flat model with folded batch norms; `Shrink` removes the unread channels.

    Attributes:
        share: fraction of every layer's channels to remove.
        positions: number of sampled positions per feature map and sample.
        ridge: regularisation of the inputs' second moments, relative to their mean.
        seed: random seed of the positions.
    """

    flag: ClassVar[str] = "--prune-channels"
    metavar: ClassVar[str] = "SHARE"
    help: ClassVar[str] = "Remove this share of every layer's channels and refit the rest: smaller and faster."

    share: float = 0.3
    positions: int = 50
    ridge: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        check_share(self.flag, self.share)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the pass that `--prune-channels TEXT` requests.

        Raises:
            UsageProblemError: the text is not a number between 0 and 1.
        """
        try:
            return cls(share=float(text))
        except ValueError:
            raise UsageProblemError(f"--prune-channels {text!r} is not a number; give for example 0.3") from None

    @property
    def value(self) -> str:
        """Value of the flag: "0.3"."""
        return f"{self.share:g}"

    @property
    def file_part(self) -> str:
        """Part of file names: "channels0.3"."""
        return f"channels{self.value}"

    def steps(self, seed: int) -> tuple[Pass, ...]:
        """Return the passes to run with the seed."""
        return replace(self, seed=seed), Shrink()

    def __call__(self, model: keras.Model, samples: Samples) -> PassResult:
        """Return the model in which every weight that reads a channel to remove is zero.

        Raises:
            PassRefusedError: the model cannot be copied, or a layer's inputs overflow float32.
        """
        start = time.perf_counter()
        units = ChannelUnits(model)
        layers, skipped = chosen(model)
        dead = self._dead(model, units, layers, samples)
        reads = {
            units.mixing(node.operation)[0]: np.isin(units.of(node.input_tensors[0]), dead)
            for node in units.graph.nodes
            if units.is_weighing(node)
        }
        refit = Refit(partial(self._settled, reads), self.positions, self.seed, frozenset())
        for _ in Traversal(model, samples).run(refit.handlers(layers)):
            pass
        record = PassRecord(
            name=NAME,
            parameters={"share": self.share, "positions": self.positions, "ridge": self.ridge, "samples": len(samples)},
            seconds=round(time.perf_counter() - start, 2),
            layers=tuple(name.rpartition("/")[0] for name, gone in reads.items() if gone.any()),
            skipped=skipped,
            measured={"channels": len(dead)},
        )
        return PassResult(refit.written(model), record)

    def _dead(
        self, model: keras.Model, units: ChannelUnits, layers: Mapping[str, keras.Layer], samples: Samples
    ) -> Numbers:
        """Return the units to remove: the least important ones among those that the same layers compute."""
        costs: dict[str, Array] = {}
        survey = Survey(self.positions, self.seed, partial(_note_costs, costs))
        for _ in Traversal(model, samples).run(survey.handlers(layers)):
            pass
        importance: dict[int, float] = defaultdict(float)
        makers: dict[int, list[str]] = defaultdict(list)
        for node in units.graph.nodes:
            if not units.is_weighing(node):
                continue
            for unit, cost in zip(units.of(node.input_tensors[0]), costs[units.mixing(node.operation)[0]], strict=True):
                importance[int(unit)] += float(cost)
            for unit in units.of(node.outputs[0]):
                makers[int(unit)].append(node.operation.name)
        fixed = set(units.fixed().tolist())
        families: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for unit, names in makers.items():
            if unit not in fixed and unit in importance:
                families[tuple(names)].append(unit)
        gone = [_least(members, importance, self.share) for members in families.values()]
        return np.array(sorted(unit for some in gone for unit in some), np.int64)

    def _settled(self, reads: Mapping[str, NDArray[np.bool_]], name: str, product: Product, inputs: Inputs) -> Array:
        weights = product.grouped(product.kernel)
        gone = reads.get(name)
        if gone is None or not gone.any():
            return weights
        rows = np.tile(~gone, weights.shape[1] // len(gone))  # each tap of a kernel reads all channels
        kept = np.broadcast_to(rows[None, :, None], weights.shape)
        return refitted(weights, kept, inputs.feedback(self.ridge))


def _note_costs(costs: dict[str, Array], name: str, product: Product, inputs: Inputs) -> None:
    """Store the output power lost with each input channel, relative to the total."""
    if product.kind not in (Kind.CONVOLUTION, Kind.DENSE) or product.groups > 1:
        return
    weights = product.grouped(product.kernel)
    rows = (importance_of(weights, inputs) / max(inputs.output_power(weights), float(TINY))).sum(axis=(0, 2))
    costs[name] = rows.reshape(-1, product.kernel.shape[-2]).sum(axis=0)


def _least(members: list[int], importance: Mapping[int, float], share: float) -> list[int]:
    """Return the least important members; the number of remaining ones is a multiple of MULTIPLE if possible."""
    stay = len(members) * (1 - share)
    kept = max(FEWEST, round(stay / MULTIPLE) * MULTIPLE if len(members) >= 2 * MULTIPLE else round(stay))
    ranked = sorted(members, key=importance.__getitem__)
    return ranked[: max(0, len(members) - kept)]
