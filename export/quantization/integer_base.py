"""What integer files are quantized from, made once for all of them: a prepared model, its float file, its ranges."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from calibration import observers
from calibration.ranges import Ranges
from export.errors import ConversionError
from export.formats import PRIMARY
from export.passes import integer_model
from export.passes.integer_model import Reconstruction
from export.quantization import mixed_precision, ranges, sensitivity
from export.quantization.export_run import ExportRun
from export.quantization.ranges import Observation
from export.quantization.tensor_map import Attribution, attributed
from export.recipe import Width
from export.scheme import FLOAT32, INT8, Scheme
from zoo.errors import OutsideError, UsageProblemError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerBase:
    """The float file that integer files are quantized from, and what is known of it.

    Attributes:
        model: that the file computes: the original, or one with other weights for the same outputs.
        reconstruction: how that model was made, or why integer files are derived from the original.
        content: the float file, in the primary format.
        path: of that file on the disk.
        observation: of its activations; None where no precision needs it, or where they cannot be observed.
        int8_ranges: of the activations of int8 files; wider ones keep the observed ranges.
        trouble: why the activations cannot be observed; empty otherwise.
        tensor_map: which of its tensors is the output of which layer; empty where nothing asks for it.
    """

    model: keras.Model
    reconstruction: Reconstruction
    content: bytes
    path: Path
    observation: Observation | None = None
    int8_ranges: Ranges | None = None
    trouble: str = ""
    tensor_map: Mapping[str, Attribution] = field(default_factory=dict)

    @property
    def is_reconstructed(self) -> bool:
        """Whether the model's weights were changed for integers."""
        return self.reconstruction.model is not None

    def ranges(self, scheme: Scheme, raised: Collection[str] = ()) -> Ranges:
        """Return the ranges of a file's activations; `raised` tensors have more than 8 bits and need no clipping.

        Raises:
            ConversionError: they could not be observed.
        """
        if self.observation is None:
            raise ConversionError(self.trouble)
        observed = self.observation.ranges
        if scheme != INT8 or self.int8_ranges is None:
            return observed
        whole = {name: observed.by_tensor[name] for name in raised}
        return replace(self.int8_ranges, by_tensor={**self.int8_ranges.by_tensor, **whole})


@dataclass(frozen=True)
class NoBase:
    """Why there is nothing that integer files could be quantized from."""

    reason: str


def integer_base(
    run: ExportRun,
    float_file: bytes,
    *,
    schemes: Collection[Scheme],
    kept: frozenset[str] = frozenset(),
) -> IntegerBase:
    """Return the base of integer files, without a tensor map.

    Args:
        run: of the export.
        float_file: of the original, in the primary format.
        schemes: that will be made of it: they decide what has to be observed.
        kept: names of the layers whose weights stay float32.

    Raises:
        CheckFailedError: the model gives NaN or infinity.
    """
    base = _prepared(run, float_file, kept)
    if any(scheme.needs_calibration for scheme in schemes):
        base = observed(run, base, narrow=INT8 in schemes)
    return base


def with_tensor_map(run: ExportRun, base: IntegerBase) -> IntegerBase:
    """Return the base with its tensors matched with the model's layers.

    Raises:
        OutsideError: a runtime cannot run the file.
        UsageProblemError: its tensors cannot be seen, so that they cannot be matched.
    """
    if base.tensor_map:
        return base
    samples = run.samples
    found = attributed(base.model, base.path, samples.calibration, samples.calibration_folder)
    return replace(base, tensor_map=found)


def kept_layers(run: ExportRun, float_file: bytes, raised: Mapping[str, Width]) -> frozenset[str]:
    """Return the layers whose weights stay float32 in the int8 file: rounded ones would only take more room."""
    named = {layer for layer, width in raised.items() if width is Width.FLOAT32}
    if not named or not run.recipe.reconstruct:
        return frozenset()
    path = written(run.work / f"{FLOAT32}{PRIMARY.suffix}", float_file)
    samples = run.samples
    found = attributed(run.subject.model, path, samples.calibration, samples.calibration_folder)
    return frozenset(mixed_precision.weighted(named, found, mixed_precision.inner_paths(run.subject.model)))


def written(path: Path, content: bytes) -> Path:
    """Return `path` with that content on the disk, where a runtime can read it; a file that is there stays."""
    if not path.exists():
        path.write_bytes(content)
    return path


def _prepared(run: ExportRun, float_file: bytes, kept: frozenset[str]) -> IntegerBase:
    """Return the base without ranges: the reconstructed model and its float file, or the original's."""
    run.progress.step("reconstruct the weights")
    made = integer_model.reconstructed(run.subject, run.recipe, run.samples.calibration, kept)
    content = float_file
    if made.model is not None:
        content = PRIMARY.reweigh(float_file, made.before, made.after) or PRIMARY.convert(made.model)
    name = f"{FLOAT32}" if made.model is None else f"reconstructed{_digest(kept)}"
    return IntegerBase(
        model=made.model or run.subject.model,
        reconstruction=replace(made, before={}, after={}),  # weights that nobody needs any more
        content=content,
        path=written(run.work / f"{name}{PRIMARY.suffix}", content),
    )


def observed(run: ExportRun, base: IntegerBase, *, narrow: bool) -> IntegerBase:
    """Return the base with the ranges of its activations; `narrow`: also those that int8 files clip to.

    Where they cannot be observed, it says why not.
    """
    run.progress.step("observe the ranges")
    samples, recipe = run.samples, run.recipe
    try:
        observation = ranges.observe(base.path, samples.calibration_folder, recipe.observer)
    except (UsageProblemError, OutsideError) as error:  # such precisions are not for this model; the others may be
        return replace(base, trouble=str(error))
    int8_ranges = None
    real = run.subject.weights.trained and samples.calibration.real
    if narrow and real and recipe.observer == observers.SENSITIVITY:
        run.progress.step("choose the ranges")
        int8_ranges = sensitivity.choose(
            base.model, samples.calibration, observation.ranges, observation.fingerprints, seed=recipe.seed
        )
    return replace(base, observation=observation, int8_ranges=int8_ranges)


def _digest(kept: frozenset[str]) -> str:
    """Return what tells the files of bases apart."""
    return f"-{hashlib.sha256('/'.join(sorted(kept)).encode()).hexdigest()[:8]}" if kept else ""
