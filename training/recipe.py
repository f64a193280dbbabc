"""What to train, on what, and how long: checked once, when it is made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from export.passes import registry
from export.passes.chosen import ChosenPass
from export.passes.prune import Prune
from export.passes.prune_channels import PruneChannels
from zoo.architecture import OptionValue
from zoo.errors import UsageProblemError

SUFFIX, NOTEBOOK = ".keras", ".training"
_SEEDS = 2**32  # of NumPy


@dataclass(frozen=True, kw_only=True)
class Slimming:
    """What a network loses after it has learned, and how long it learns to do without.

    Attributes:
        passes: weights that become zero, channels that are removed.
        clusters: how many different numbers the kernel of a layer may hold.
        qat: whether it learns to give its answers with weights and activations of 8 bits.
        epochs: of each of these stages.
        learning_rate: at its highest, in each of them.
    """

    passes: tuple[ChosenPass, ...] = ()
    clusters: int | None = None
    qat: bool = False
    epochs: int = 4
    learning_rate: float = 3e-4

    @property
    def asked(self) -> bool:
        """Whether it loses anything."""
        return bool(self.passes or self.clusters or self.qat)

    @property
    def prune(self) -> Prune | None:
        """Which weights become zero, if any."""
        return next((one for one in self.passes if isinstance(one, Prune)), None)

    @property
    def prune_channels(self) -> PruneChannels | None:
        """Which channels are removed, if any."""
        return next((one for one in self.passes if isinstance(one, PruneChannels)), None)

    def __post_init__(self) -> None:
        if self.clusters is not None and not 2 <= self.clusters <= 256:
            raise UsageProblemError(f"--cluster takes a number from 2 to 256, not {self.clusters}; 32 is usual")
        if self.prune and self.clusters == 2:
            raise UsageProblemError("--cluster 2 --prune leaves one number beside zero; give at least 3 clusters")
        if not math.isfinite(self.learning_rate):
            raise UsageProblemError(f"--stage-learning-rate takes a number, not {self.learning_rate}; 3e-4 is usual")


@dataclass(frozen=True, kw_only=True)
class TrainingRecipe:
    """One training run.

    Attributes:
        model: a name of the zoo, or a .keras file.
        data: a folder, a CSV, or the name of a data set.
        out: the .keras file to write.
        epochs: in all, over both phases.
        head_epochs: of them with everything but the new layers frozen; None: a third, where the others are trained.
        batch: photos in a step.
        devices: that share it: a number of GPUs, "all", or "cpu:2"; None: one.
        learning_rate: at its highest, of the phase in which all layers learn; None: 3e-5 for trained weights, 2e-3 for
            random ones.
        validation: share of the photos that are kept back to judge by, where the data has no such part of its own.
        patience: epochs without a better score after which the run stops.
        options: of the architecture.
        weights: a tag, a file or "random"; None: the first tag that can be had.
        preprocessing: how photos become the input of a .keras file that does not say it.
        augment: whether photos are moved, mirrored and lit differently.
        slimming: what it loses afterwards.
        seed: the same one on the same machine gives the same weights.
    """

    model: str
    data: str
    out: Path
    epochs: int = 10
    head_epochs: int | None = None
    batch: int = 32
    devices: str | None = None
    learning_rate: float | None = None
    validation: float = 0.2
    patience: int = 5
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    weights: str | None = None
    preprocessing: str | None = None
    augment: bool = True
    slimming: Slimming = field(default_factory=Slimming)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.out.suffix != SUFFIX:
            stem = self.out.stem.strip(".").removesuffix("keras") or "my"
            raise UsageProblemError(f"--out {str(self.out)!r} must end in {SUFFIX}; type --out {stem}{SUFFIX}")
        if self.out.is_dir():
            raise UsageProblemError(
                f"--out {str(self.out)!r} is a folder; choose the name of a file that ends in {SUFFIX}"
            )
        if self.out.resolve() == Path(self.model).expanduser().resolve():
            raise UsageProblemError(f"--out {str(self.out)!r} is the file to begin with; give the new one another name")
        if Path(self.model).expanduser().resolve().parent == self.notebook.resolve():
            raise UsageProblemError(
                f"{self.model} lies in {self.notebook}, which a run begins by emptying; choose another --out"
            )
        if not 0 < self.validation < 1:
            raise UsageProblemError(f"--validation is a share between 0 and 1, not {self.validation:g}; 0.2 is usual")
        if self.head_epochs is not None and not 0 <= self.head_epochs <= self.epochs:
            raise UsageProblemError(f"--head-epochs lies between 0 and the {self.epochs} epochs in all")
        if self.learning_rate is not None and not math.isfinite(self.learning_rate):
            raise UsageProblemError(f"--learning-rate takes a number, not {self.learning_rate}")
        if not 0 <= self.seed < _SEEDS:
            raise UsageProblemError(f"--seed lies between 0 and {_SEEDS - 1}, not {self.seed}")

    @property
    def notebook(self) -> Path:
        """The folder beside `out` in which the run keeps its notes."""
        return self.out.with_suffix(NOTEBOOK)

    def settings(self) -> dict[str, Any]:
        """Return what decides the numbers, as plain data: a run can be resumed only with the same."""
        values = record(self)
        return {key: value for key, value in values.items() if key not in ("out", "patience")}


def record(recipe: TrainingRecipe) -> dict[str, Any]:
    """Return a recipe as plain data."""
    slimming = {**asdict(recipe.slimming), "passes": registry.record(recipe.slimming.passes)}
    return {**asdict(recipe), "slimming": slimming}


def from_record(values: Mapping[str, Any]) -> TrainingRecipe:
    """Return the recipe of a record."""
    slimming = values["slimming"]
    made = Slimming(**{**slimming, "passes": registry.from_record(slimming["passes"])})
    return TrainingRecipe(**{**values, "out": Path(values["out"]), "slimming": made})
