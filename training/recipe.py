"""What `zoo train` trains, on which data and how: options that are checked on construction."""

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

SUFFIX, RUN_SUFFIX = ".keras", ".training"
_SEEDS = 2**32  # NumPy and Keras accept smaller seeds


@dataclass(frozen=True, kw_only=True)
class Compression:
    """How a trained network is compressed, and how long it is trained again in each stage.

    Attributes:
        passes: pruning of weights, pruning of channels.
        clusters: number of distinct values in the kernel of a layer.
        qat: whether to train with simulated 8-bit weights and activations.
        epochs: epochs of each of these stages.
        learning_rate: peak learning rate in each of them.
    """

    passes: tuple[ChosenPass, ...] = ()
    clusters: int | None = None
    qat: bool = False
    epochs: int = 4
    learning_rate: float = 3e-4

    @property
    def requested(self) -> bool:
        """Whether any stage is requested."""
        return bool(self.passes or self.clusters or self.qat)

    @property
    def prune(self) -> Prune | None:
        """The pruning of weights, if requested."""
        return next((one for one in self.passes if isinstance(one, Prune)), None)

    @property
    def prune_channels(self) -> PruneChannels | None:
        """The pruning of channels, if requested."""
        return next((one for one in self.passes if isinstance(one, PruneChannels)), None)

    def __post_init__(self) -> None:
        if self.clusters is not None and not 2 <= self.clusters <= 256:
            raise UsageProblemError(f"--cluster must be between 2 and 256, not {self.clusters}; try 32")
        if self.prune and self.clusters == 2:
            raise UsageProblemError(
                "--cluster 2 with --prune leaves a single nonzero value; choose at least 3 clusters"
            )
        if not math.isfinite(self.learning_rate):
            raise UsageProblemError(
                f"--stage-learning-rate must be finite, not {self.learning_rate}; the default is 3e-4"
            )


@dataclass(frozen=True, kw_only=True)
class TrainingRecipe:
    """One training run.

    Attributes:
        model: name of a network of the zoo, or path of a .keras file.
        data: path of a folder or a CSV, or name of a data set.
        out: the .keras file to write.
        epochs: number of epochs before compression, over both phases.
        head_epochs: how many of these train only the new layers; None: a third, if the other layers are pretrained.
        batch: photos, sounds or texts in each batch.
        devices: devices that share each batch: a number of GPUs, "all", or "cpu:2"; None: one device.
        learning_rate: peak learning rate while all layers are trained; None: that of the task, `training.phases.Rates`.
        validation: share of the examples used for validation, unless the data has a validation part.
        patience: epochs without a better validation score after which training stops.
        options: options of the architecture.
        weights: a tag, a file or "random"; None: the first available tag.
        preprocessing: preprocessing of a .keras file that does not record it.
        augment: whether to use data augmentation.
        compression: the stages that follow.
        seed: random seed; the same seed on the same machine gives the same weights.
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
    compression: Compression = field(default_factory=Compression)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.out.suffix != SUFFIX:
            stem = self.out.stem.strip(".").removesuffix("keras") or "my"
            raise UsageProblemError(f"--out {str(self.out)!r} must end in {SUFFIX}; use --out {stem}{SUFFIX}")
        if self.out.is_dir():
            raise UsageProblemError(f"--out {str(self.out)!r} is a folder; choose a file name that ends in {SUFFIX}")
        if self.out.resolve() == Path(self.model).expanduser().resolve():
            raise UsageProblemError(f"--out {str(self.out)!r} is the file to be trained; choose another name")
        if Path(self.model).expanduser().resolve().parent == self.run_folder.resolve():
            raise UsageProblemError(
                f"{self.model} is in {self.run_folder}, which the run would empty; choose another --out"
            )
        if not 0 < self.validation < 1:
            raise UsageProblemError(
                f"--validation must be between 0 and 1, not {self.validation:g}; the default is 0.2"
            )
        if self.head_epochs is not None and not 0 <= self.head_epochs <= self.epochs:
            raise UsageProblemError(f"--head-epochs must be between 0 and --epochs ({self.epochs})")
        if self.learning_rate is not None and not math.isfinite(self.learning_rate):
            raise UsageProblemError(f"--learning-rate must be finite, not {self.learning_rate}")
        if not 0 <= self.seed < _SEEDS:
            raise UsageProblemError(f"--seed must be between 0 and {_SEEDS - 1}, not {self.seed}")

    @property
    def run_folder(self) -> Path:
        """The folder next to `out` that holds the state of the run."""
        return self.out.with_suffix(RUN_SUFFIX)

    def settings(self) -> dict[str, Any]:
        """Return the options that influence the weights, as plain data; a resumed run must have the same ones."""
        values = record(self)
        return {key: value for key, value in values.items() if key not in ("out", "patience")}


def record(recipe: TrainingRecipe) -> dict[str, Any]:
    """Return a recipe as plain data."""
    compression = {**asdict(recipe.compression), "passes": registry.record(recipe.compression.passes)}
    return {**asdict(recipe), "compression": compression}


def from_record(values: Mapping[str, Any]) -> TrainingRecipe:
    """Return the recipe that was recorded as `values`."""
    compression = values["compression"]
    restored = Compression(**{**compression, "passes": registry.from_record(compression["passes"])})
    return TrainingRecipe(**{**values, "out": Path(values["out"]), "compression": restored})
