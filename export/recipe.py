"""What the user asked for: pure data, validated once, before any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from zoo.errors import UsageProblemError


class Precision(StrEnum):
    """How numbers are stored and computed in a file."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"  # weights float16, computed in float32
    INT8 = "int8"  # weights int8 per channel, activations int8: integers only
    W8A16 = "w8a16"  # weights int8 per channel, activations int16
    W8A32 = "w8a32"  # weights int8 per channel, computed in float32

    @property
    def needs_calibration(self) -> bool:
        """Whether ranges of the activations must be observed."""
        return self in (Precision.INT8, Precision.W8A16)


class Width(StrEnum):
    """What a layer of an int8 file may be raised to: how its result is stored, and computed."""

    INT16 = "int16"  # activations int16, weights int8: still integers only
    W8A32 = "w8a32"  # activations float32, weights int8
    FLOAT32 = "float32"  # activations and weights float32


class Io(StrEnum):
    """The type of a quantized file's inputs and outputs."""

    UINT8 = "uint8"
    INT8 = "int8"
    FLOAT32 = "float32"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One export. The same recipe with the same weights gives the same numbers.

    Attributes:
        model: an architecture's name, or the path of a .keras file.
        options: an architecture's hyper-parameters, as `--set` gave them.
        precisions: in the order of the table.
        formats: names of targets; empty means all.
        weights: a tag, a file, "random", or None for the first tag (untrained, said aloud, if no source answers).
        calibration: None for the built-in photos, a folder, an .npz/.npy, or `module:function`.
        preprocessing: how photos become inputs, for a model that is not of the zoo: raw, unit, tf, caffe, torch.
        reconstruct: round the weights of int8 files so that they keep the answers (export/stages/reconstruct.py).
        raised: layers of the int8 file that are wider than int8, by the Keras layer's name.
        diagnose: compare the int8 files with the model layer by layer (export/diagnosis).
        observer: how ranges are observed: min-max, percentile or mse.
        evaluate: labelled photos: a folder of class folders, or a CSV.
        out: the folder that receives `<name>/`.
    """

    model: str
    options: Mapping[str, int | float] = field(default_factory=dict)
    precisions: tuple[Precision, ...] = (Precision.FLOAT32,)
    formats: tuple[str, ...] = ()
    weights: str | None = None
    calibration: str | None = None
    calibration_count: int = 100
    random_calibration: bool = False
    reconstruct: bool = False
    raised: Mapping[str, Width] = field(default_factory=dict)
    diagnose: bool = False
    observer: str = "min-max"
    preprocessing: str | None = None
    probe_count: int = 64
    evaluate: str | None = None
    io: Io | None = None
    seed: int = 0
    out: Path = Path("artifacts")
    keep_failed: bool = False

    def __post_init__(self) -> None:
        from calibration import observers  # numpy: not for who asks for help only

        if not self.precisions:
            raise UsageProblemError("no precision asked for; type for example --int8 or --precision float32,int8")
        if self.calibration_count < 1 or self.probe_count < 1:
            raise UsageProblemError("--calibration-count and --probe-count must be at least 1")
        if self.seed < 0:
            raise UsageProblemError(f"--seed must be 0 or more, not {self.seed}")
        observers.find(self.observer)
        if self.raised and Precision.INT8 not in self.precisions:
            raise UsageProblemError("--raise widens layers of the int8 file; type --int8 with it")
        if self.random_calibration and self.calibration:
            raise UsageProblemError("--random-calibration and --calibration exclude each other; keep one")
