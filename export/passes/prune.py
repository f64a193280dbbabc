"""Set a share of the weights, or 2 of every 4, to zero and refit the others to preserve the outputs.

The pass needs photos but no labels. Depthwise convolutions are not pruned: they have few weights, all important.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from calibration.samples import Array, Samples
from export.passes import Pass, PassRecord, PassResult
from export.passes.chosen import check_share
from export.passes.fitting.feedback import TINY, Inputs
from export.passes.fitting.product import Kind, Product
from export.passes.fitting.products import products
from export.passes.fitting.refit import Refit
from export.passes.fitting.sparse import importance_of, kept_by_pattern, kept_by_share, refitted
from export.passes.fitting.streaming import Traversal
from export.passes.fitting.sublayers import chosen
from export.passes.fitting.survey import Survey
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras

NAME = "prune"
MOST = 0.95  # largest pruned fraction of a layer; a layer without weights would pass no signal


@dataclass(frozen=True, kw_only=True)
class Prune:
    """The pass of `--prune`, for a flat model with folded batch norms.

    Attributes:
        share: fraction of the weights of all layers to set to zero; depthwise convolutions are not pruned.
        pattern: (N, M) keeps N of every M neighbouring inputs and replaces `share`.
        positions: number of sampled positions per feature map and sample.
        ridge: regularisation of the inputs' second moments, relative to their mean.
        seed: random seed of the positions.
    """

    flag: ClassVar[str] = "--prune"
    metavar: ClassVar[str] = "SHARE|N:M"
    help: ClassVar[str] = "Set weights to zero and refit the others on the calibration photos: 0.5, or 2:4."

    share: float = 0.5
    pattern: tuple[int, int] | None = None
    positions: int = 50
    ridge: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.pattern is not None and not 0 < self.pattern[0] < self.pattern[1] <= 32:
            raise UsageProblemError(f"--prune {self.value} is not a valid pattern; give for example 2:4 (N < M <= 32)")
        if self.pattern is None:
            check_share(self.flag, self.share)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the pass that `--prune TEXT` requests.

        Raises:
            UsageProblemError: the text is neither a share nor a pattern N:M.
        """
        kept, colon, of = text.partition(":")
        try:
            return cls(pattern=(int(kept), int(of))) if colon else cls(share=float(kept))
        except ValueError:
            raise UsageProblemError(
                f"--prune {text!r} is neither a share nor a pattern; give for example 0.5 or 2:4"
            ) from None

    @property
    def value(self) -> str:
        """Value of the flag: "0.5" or "2:4"."""
        return ":".join(map(str, self.pattern)) if self.pattern is not None else f"{self.share:g}"

    @property
    def file_part(self) -> str:
        """Part of file names: "prune0.5" or "prune2of4"."""
        return f"prune{self.value.replace(':', 'of')}"

    def steps(self, seed: int) -> tuple[Pass, ...]:
        """Return the passes to run with the seed."""
        return (replace(self, seed=seed),)

    def __call__(self, model: keras.Model, samples: Samples) -> PassResult:
        """Return the model with pruned weights.

        Raises:
            PassRefusedError: the model cannot be copied, or a layer's inputs overflow float32.
        """
        start = time.perf_counter()
        layers, skipped = chosen(model)
        shares = {} if self.pattern else self._shares(model, layers, samples)
        refit = Refit(partial(self._settled, shares), self.positions, self.seed, frozenset())
        for _ in Traversal(model, samples).run(refit.handlers(layers)):
            pass
        done, open_layers = refit.done(layers)
        new = refit.written(model)
        record = PassRecord(
            name=NAME,
            parameters={
                "share": None if self.pattern else self.share,
                "pattern": ":".join(map(str, self.pattern)) if self.pattern else None,
                "positions": self.positions,
                "ridge": self.ridge,
                "seed": self.seed,
                "samples": len(samples),
            },
            seconds=round(time.perf_counter() - start, 2),
            layers=tuple(name for name in done if not _is_depthwise(layers[name])),
            skipped={**skipped, **open_layers},
            measured={"zero_share": zero_share(new)},
        )
        return PassResult(new, record)

    def _shares(self, model: keras.Model, layers: Mapping[str, keras.Layer], samples: Samples) -> dict[str, float]:
        """Return the fraction to prune of every product; it is larger where pruning costs less output power.

        The fraction is the mean of a uniform one and that of a global threshold on the cost of a weight, which alone
        would prune insensitive layers too much.
        """
        costs: dict[str, Array] = {}
        survey = Survey(self.positions, self.seed, partial(_note_costs, costs))
        for _ in Traversal(model, samples).run(survey.handlers(layers)):
            pass
        threshold = np.quantile(np.concatenate([cost.ravel() for cost in costs.values()]), self.share)
        alone = {name: float((cost < threshold).mean()) for name, cost in costs.items()}
        halfway = {name: (share + self.share) / 2 for name, share in alone.items()}
        reached = sum(share * costs[name].size for name, share in halfway.items())
        wanted = self.share * sum(cost.size for cost in costs.values())
        return {name: min(MOST, share * wanted / reached) for name, share in halfway.items()}

    def _settled(self, shares: Mapping[str, float], name: str, product: Product, inputs: Inputs) -> Array:
        weights = product.grouped(product.kernel)
        if product.kind is Kind.DEPTHWISE:
            return weights
        importance = importance_of(weights, inputs)
        if self.pattern is None:
            kept = kept_by_share(importance, shares[name])
        elif weights.shape[1] % self.pattern[1] == 0:
            kept = kept_by_pattern(importance, self.pattern)
        else:
            return weights
        return refitted(weights, kept, inputs.feedback(self.ridge))


def _note_costs(costs: dict[str, Array], name: str, product: Product, inputs: Inputs) -> None:
    """Store the output power lost with each weight, relative to the total."""
    if product.kind is Kind.DEPTHWISE:
        return
    weights = product.grouped(product.kernel)
    costs[name] = importance_of(weights, inputs) / max(inputs.output_power(weights), float(TINY))


def zero_share(model: keras.Model) -> float:
    """Return the fraction of zeros among all kernel weights."""
    kernels = [weight.numpy() for layer in model.layers for weight in layer.weights if weight.path.endswith("kernel")]
    total = sum(kernel.size for kernel in kernels)
    return float(sum(np.count_nonzero(kernel == 0) for kernel in kernels) / total) if total else 0.0


def _is_depthwise(layer: keras.Layer) -> bool:
    return all(product.kind is Kind.DEPTHWISE for product in products(layer))
