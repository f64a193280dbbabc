"""What the user asked for: pure data, validated once, before any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from export.scheme import FLOAT32, INT8, Scheme
from zoo.errors import UsageProblemError


class Width(StrEnum):
    """What a layer of an int8 file may be raised to: how its result is stored, and computed."""

    INT16 = "int16"  # activations int16, weights int8: still integers only
    W8A32 = "w8a32"  # activations float32, weights int8
    FLOAT32 = "float32"  # activations and weights float32

    @property
    def integers_only(self) -> bool:
        """Whether devices without floating point can compute it."""
        return self is Width.INT16

    @property
    def activations_only(self) -> bool:
        """Whether the weights stay int8."""
        return self is not Width.FLOAT32


class Preset(StrEnum):
    """Three points of the front of size and time against error (export/analysis/budget/front.py)."""

    QUALITY = "quality"
    BALANCED = "balanced"
    COMPACT = "compact"


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What an export may cost; nothing is asked where a field is None.

    Attributes:
        max_drop: share of the top-1 answers that int8 may lose.
        max_bytes: of a file.
        max_latency_ms: of one inference, in its runtime on this machine.
        preset: a point by its name, in place of the others.
        widths: to which layers of an int8 file may be raised.
    """

    max_drop: float | None = None
    max_bytes: int | None = None
    max_latency_ms: float | None = None
    preset: Preset | None = None
    widths: tuple[Width, ...] = tuple(Width)

    def __post_init__(self) -> None:
        limits = (self.max_drop, self.max_bytes, self.max_latency_ms)
        if self.preset is not None and any(limit is not None for limit in limits):
            raise UsageProblemError("--preset chooses for you; leave out --max-drop, --max-size and --max-latency")
        if not self.widths:
            raise UsageProblemError(f"--raise-to needs a width: {', '.join(Width)}")

    @property
    def is_asked(self) -> bool:
        """Whether a file has to be searched for."""
        return self != Budget(widths=self.widths)

    @property
    def chooses_precision(self) -> bool:
        """Whether the precision follows from the budget: all but --max-drop, which is about int8."""
        return self.preset is not None or self.max_bytes is not None or self.max_latency_ms is not None


class Io(StrEnum):
    """The type of a quantized file's inputs and outputs."""

    UINT8 = "uint8"
    INT8 = "int8"
    FLOAT32 = "float32"


class PassChoice(Protocol):
    """A pass that takes weights away before anything is converted: `export.passes.chosen.ChosenPass`."""

    @property
    def value(self) -> str:
        """The text behind its flag."""
        ...

    @property
    def file_part(self) -> str:
        """As a part of file names."""
        ...


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One export. The same recipe with the same weights gives the same numbers.

    Attributes:
        model: an architecture's name, or the path of a .keras file.
        options: an architecture's hyper-parameters, as `--set` gave them.
        schemes: of the files to make, in the order of the table.
        formats: names; empty means all.
        weights: a tag, a file, "random", or None for the first tag (untrained, said aloud, if no source answers).
        calibration: None for the built-in photos, a folder, an .npz/.npy, `module:function`, or "synthetic" for images
            made of what the model's batch norms remember (export/quantization/synthesis).
        preprocessing: how photos become inputs, for a model that is not of the zoo: raw, unit, tf, caffe, torch.
        reconstruct: make the weights of integer files so that they keep the answers (export/passes/integer_model.py).
        passes: that take weights away before anything is converted, in the order in which they are applied.
        original: a .keras file: the network as it was before training took weights away, to compare with.
        raised: layers of the int8 file that are wider than int8, by the Keras layer's name.
        diagnose: compare the int8 files with the model layer by layer (export/analysis/diagnosis).
        probe_count: samples of the proof; None: 64, or 16 where random weights have only parity to prove.
        observer: how ranges are found: sensitivity (export/quantization/sensitivity.py), min-max, percentile or mse.
        evaluate: labelled data, as the model's task takes them (export/analysis/tasks).
        budget: what the file may cost: layers are raised, or a precision is chosen, until it is kept.
        out: the folder that receives `<name>/`.
    """

    model: str
    options: Mapping[str, int | float] = field(default_factory=dict)
    schemes: tuple[Scheme, ...] = (FLOAT32,)
    formats: tuple[str, ...] = ()
    weights: str | None = None
    calibration: str | None = None
    calibration_count: int = 100
    random_calibration: bool = False
    reconstruct: bool = True
    passes: tuple[Any, ...] = ()
    original: str | None = None
    raised: Mapping[str, Width] = field(default_factory=dict)
    diagnose: bool = False
    observer: str = "sensitivity"
    preprocessing: str | None = None
    probe_count: int | None = None
    evaluate: str | None = None
    budget: Budget = field(default_factory=Budget)
    io: Io | None = None
    seed: int = 0
    out: Path = Path("artifacts")
    keep_failed: bool = False

    def __post_init__(self) -> None:
        from calibration import observers  # numpy: not for who asks for help only

        if not self.schemes:
            raise UsageProblemError("no precision asked for; type for example --int8 or --precision float32,int8")
        if self.calibration_count < 1 or (self.probe_count is not None and self.probe_count < 1):
            raise UsageProblemError("--calibration-count and --probe-count must be at least 1")
        if self.seed < 0:
            raise UsageProblemError(f"--seed must be 0 or more, not {self.seed}")
        observers.check(self.observer)
        if self.raised and INT8 not in self.schemes:
            raise UsageProblemError("--raise widens layers of the int8 file; type --int8 with it")
        if self.diagnose and INT8 not in self.schemes and not self.budget.chooses_precision:
            raise UsageProblemError("--diagnose compares int8 files with the model; type --int8 with it")
        if self.budget.is_asked:
            self._check_budget()
        if self.random_calibration and self.calibration:
            raise UsageProblemError("--random-calibration and --calibration exclude each other; keep one")

    def _check_budget(self) -> None:
        if self.random_calibration:
            raise UsageProblemError("a budget is judged by answers, and noise has none; leave out --random-calibration")
        if not self.budget.chooses_precision and INT8 not in self.schemes:
            raise UsageProblemError("--max-drop raises layers of the int8 file; type --int8 with it")
