"""The recipe of one export: pure data, validated once, before any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from export.scheme import FLOAT32, INT8, SCHEMES, Scheme
from zoo.errors import UsageProblemError

# Longest recurrent layer that is unrolled unless another number is given: at 64 steps an LSTM becomes 960 operators and
# a file of 0.2 MB that takes 0.7 times the time of the float loop; longer ones gain less (docs/recurrent.md).
UNROLLED_STEPS = 64


class Width(StrEnum):
    """The wider numbers that a layer of an int8 file may compute with."""

    INT16 = "int16"  # activations int16, weights int8: still integers only
    W8A32 = "w8a32"  # activations float32, weights int8
    FLOAT32 = "float32"  # activations and weights float32

    @property
    def integers_only(self) -> bool:
        """Whether a device without floating point can compute the layer."""
        return self is Width.INT16

    @property
    def activations_only(self) -> bool:
        """Whether only the activations are wider and the weights stay int8."""
        return self is not Width.FLOAT32


class Preset(StrEnum):
    """Three points on the Pareto front of size and latency against error (export/analysis/budget/front.py)."""

    QUALITY = "quality"
    BALANCED = "balanced"
    COMPACT = "compact"


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Limits of an export; a field that is None sets no limit.

    Attributes:
        max_drop: fraction of top-1 accuracy that int8 may lose.
        max_bytes: largest size of a file.
        max_latency_ms: longest median time of one inference on this machine.
        max_ram_bytes: largest arena on a microcontroller, with its margin.
        max_flash_bytes: largest size of a file on a microcontroller.
        preset: a named point, instead of the other limits.
        widths: the wider numbers that layers of an int8 file may compute with.
    """

    max_drop: float | None = None
    max_bytes: int | None = None
    max_latency_ms: float | None = None
    max_ram_bytes: int | None = None
    max_flash_bytes: int | None = None
    preset: Preset | None = None
    widths: tuple[Width, ...] = tuple(Width)

    def __post_init__(self) -> None:
        limits = (self.max_drop, self.max_bytes, self.max_latency_ms, self.max_ram_bytes, self.max_flash_bytes)
        if self.preset is not None and any(limit is not None for limit in limits):
            raise UsageProblemError("--preset chooses for you; leave out every option that begins with --max-")
        if not self.widths:
            raise UsageProblemError(f"--raise-to needs a width: {', '.join(Width)}")

    @property
    def is_asked(self) -> bool:
        """Whether any limit is set."""
        return self != Budget(widths=self.widths)

    @property
    def is_for_microcontroller(self) -> bool:
        """Whether the file must run on a microcontroller, which limits the precision to int8 with raised layers."""
        return self.max_ram_bytes is not None or self.max_flash_bytes is not None

    @property
    def chooses_precision(self) -> bool:
        """Whether the budget chooses the precision: every limit except --max-drop, which is about int8."""
        limits = (self.preset, self.max_bytes, self.max_latency_ms)
        return self.is_for_microcontroller or any(limit is not None for limit in limits)


class Io(StrEnum):
    """The type of a quantized file's inputs and outputs."""

    UINT8 = "uint8"
    INT8 = "int8"
    FLOAT32 = "float32"


class PassChoice(Protocol):
    """A pass that prunes or shares weights before conversion: `export.passes.chosen.ChosenPass`."""

    @property
    def value(self) -> str:
        """The value of its flag, as typed."""
        ...

    @property
    def file_part(self) -> str:
        """Its part of the file names."""
        ...


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One export. The same recipe with the same weights gives the same numbers.

    Attributes:
        model: name of an architecture, or path of a .keras file, an .h5 file or a SavedModel folder.
        options: hyper-parameters of the architecture, as given by `--set`.
        schemes: quantization schemes of the files, in the order of the table.
        formats: names of the formats; empty means all.
        input_shapes: shapes of inputs of a model file, with a batch of 1, by input name; "" stands for the only input.
        imports: Python files to run before the model is loaded, which define its custom layers.
        unsafe_lambda: run the Python code of Lambda layers in the model's file.
        weights: a tag, a file, "random", or None for the first tag (random if there is none).
        calibration: None for the built-in photos, a folder, an .npz/.npy, `module:function`, or "synthetic" for images
            generated from the statistics of the model's batch norms (export/quantization/synthesis).
        preprocessing: how photos become inputs of a model from outside the zoo: raw, unit, tf, caffe, torch.
        reconstruct: choose the integer weights that keep the outputs (export/passes/integer_model.py).
        unroll: largest number of steps of a recurrent layer that int8 and w8a16 files compute in integers, unrolled;
            longer ones stay loops in float, with 8-bit weights.
        streaming: export the form that reads one step of a sequence at a time, with its state as inputs and outputs.
        allow_select_tf_ops: where LiteRT lacks an operator, write a .tflite that needs TensorFlow's own on the device;
            it is not proven, because no runtime here can run it.
        passes: pruning passes before conversion, in the order of their application.
        original: a .keras file to compare with: the network before training pruned it.
        raised: the layers of the int8 file that are kept in higher precision, by the Keras layer's name.
        diagnose: whether to compare the int8 files with the model layer by layer (export/analysis/diagnosis).
        probe_count: number of samples of the proof; None means 64, up to 256 if a small model has the rows, or 16 for
            random weights, which only prove parity.
        observer: how activation ranges are chosen: sensitivity (export/quantization/sensitivity.py), min-max,
            percentile or mse.
        evaluate: labelled data in the form of the model's task (export/analysis/tasks).
        resume: whether an evaluation on many photos goes on where an earlier one was interrupted.
        budget: limits of the file, met by keeping layers in higher precision or by choosing a scheme.
        io: type of the inputs and outputs of int8 files.
        opset: version of ONNX's operators; None takes the one of the converter.
        dynamic_batch: whether .onnx files take any number of samples at once.
        out: the folder in which `<name>/` is written.
        use_cache: whether results of an earlier export are used where nothing that they depend on changed.
        sign: file of a private key that signs the folder (export/bundle/signing.py); None does not sign.
    """

    model: str
    options: Mapping[str, int | float | str] = field(default_factory=dict)
    schemes: tuple[Scheme, ...] = (FLOAT32,)
    formats: tuple[str, ...] = ()
    input_shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    imports: tuple[str, ...] = ()
    unsafe_lambda: bool = False
    weights: str | None = None
    calibration: str | None = None
    calibration_count: int = 100
    random_calibration: bool = False
    reconstruct: bool = True
    unroll: int = UNROLLED_STEPS
    streaming: bool = False
    allow_select_tf_ops: bool = False
    passes: tuple[PassChoice, ...] = ()
    original: str | None = None
    raised: Mapping[str, Width] = field(default_factory=dict)
    diagnose: bool = False
    observer: str = "sensitivity"
    preprocessing: str | None = None
    probe_count: int | None = None
    evaluate: str | None = None
    resume: bool = False
    budget: Budget = field(default_factory=Budget)
    io: Io | None = None
    opset: int | None = None
    dynamic_batch: bool = False
    seed: int = 0
    out: Path = Path("artifacts")
    keep_failed: bool = False
    sign: str | None = None
    use_cache: bool = True

    def __post_init__(self) -> None:
        from calibration import observers  # imports numpy, which `--help` must not wait for

        if not self.schemes:
            raise UsageProblemError("no precision requested; type for example --int8 or --precision float32,int8")
        if unknown := [str(scheme) for scheme in self.schemes if SCHEMES.get(scheme.name) != scheme]:
            raise UsageProblemError(f"no scheme {', '.join(unknown)}; there are {', '.join(SCHEMES)}")
        if self.calibration_count < 1 or (self.probe_count is not None and self.probe_count < 1):
            raise UsageProblemError("--calibration-count and --probe-count must be at least 1")
        if self.seed < 0:
            raise UsageProblemError(f"--seed must be 0 or more, not {self.seed}")
        if self.streaming and (self.passes or self.original or self.evaluate):
            raise UsageProblemError("--streaming cannot be combined with pruning, --original or --evaluate")
        if self.resume and (self.evaluate is None or not self.use_cache):
            raise UsageProblemError(
                "--resume goes on with an evaluation; add --evaluate SOURCE, and leave out --no-cache"
            )
        if self.unroll < 0:
            raise UsageProblemError(f"--unroll must be 0 or more, not {self.unroll}")
        observers.check(self.observer)
        if self.raised and INT8 not in self.schemes:
            raise UsageProblemError("--raise applies to layers of the int8 file; add --int8")
        if self.diagnose and INT8 not in self.schemes and not self.budget.chooses_precision:
            raise UsageProblemError("--diagnose compares int8 files with the model; add --int8")
        if self.budget.is_asked:
            self._check_budget()
        if self.random_calibration and self.calibration:
            raise UsageProblemError("--random-calibration and --calibration exclude each other; keep one")

    def _check_budget(self) -> None:
        if self.random_calibration:
            raise UsageProblemError("a budget is measured on real inputs; leave out --random-calibration")
        if not self.budget.chooses_precision and INT8 not in self.schemes:
            raise UsageProblemError("--max-drop keeps layers of the int8 file in higher precision; add --int8")
