"""The base of integer files, built once for all of them: a prepared model, its float file, its ranges."""

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
    """The float file that integer files are quantized from, with its model and ranges.

    Attributes:
        model: the model that the file was converted from: the original, or a reconstructed one.
        reconstruction: how the model was reconstructed, or why it was not.
        content: the float file, in the primary format.
        path: of the float file on disk.
        observation: of the activations; None if no scheme needs ranges or they cannot be observed.
        int8_ranges: of the activations of int8 files; wider activations keep the observed ranges.
        trouble: why the activations cannot be observed; empty otherwise.
        tensor_map: the layer whose output each tensor is; empty if no part of the recipe needs it.
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
        """Whether the model's weights were reconstructed."""
        return self.reconstruction.model is not None

    def ranges(self, scheme: Scheme, raised: Collection[str] = ()) -> Ranges:
        """Return the ranges of a file's activations; the tensors `raised` have more than 8 bits and are not clipped.

        Raises:
            ConversionError: the activations could not be observed.
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
    """The reason why integer files cannot be built."""

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
        float_file: the original's file in the primary format.
        schemes: of the integer files; they decide whether ranges are observed.
        kept: names of the layers whose weights stay float32.

    Raises:
        CheckFailedError: an output of the model is NaN or infinite.
    """
    base = _prepared(run, float_file, kept)
    if any(scheme.needs_calibration for scheme in schemes):
        base = observed(run, base, narrow=INT8 in schemes)
    return base


def with_tensor_map(run: ExportRun, base: IntegerBase) -> IntegerBase:
    """Return the base with a map from its file's tensors to the model's layers.

    Raises:
        OutsideError: a runtime cannot run the file.
        UsageProblemError: the values of its tensors cannot be read, so they cannot be matched.
    """
    if base.tensor_map:
        return base
    samples = run.samples
    found = attributed(base.model, base.path, samples.calibration, samples.calibration_folder)
    return replace(base, tensor_map=found)


def kept_layers(run: ExportRun, float_file: bytes, raised: Mapping[str, Width]) -> frozenset[str]:
    """Return the layers whose weights stay float32 in the int8 file, where rounding would not save space."""
    named = {layer for layer, width in raised.items() if width is Width.FLOAT32}
    if not named or not run.recipe.reconstruct:
        return frozenset()
    path = written(run.work / f"{FLOAT32}{PRIMARY.suffix}", float_file)
    samples = run.samples
    found = attributed(run.subject.model, path, samples.calibration, samples.calibration_folder)
    return frozenset(mixed_precision.weighted(named, found, mixed_precision.inner_paths(run.subject.model)))


def written(path: Path, content: bytes) -> Path:
    """Write `content` to `path` unless the file exists, so that a runtime can read it, and return `path`."""
    if not path.exists():
        path.write_bytes(content)
    return path


def _prepared(run: ExportRun, float_file: bytes, kept: frozenset[str]) -> IntegerBase:
    """Return the base without ranges: the reconstructed or original model and its float file."""
    run.progress.step("reconstruct the weights")
    made = integer_model.reconstructed(run.subject, run.recipe, run.samples.calibration, INT8.weight_bits, kept)
    content = float_file
    if made.model is not None:
        content = PRIMARY.reweigh(float_file, made.before, made.after) or PRIMARY.convert(made.model)
    name = f"{FLOAT32}" if made.model is None else f"reconstructed{_digest(kept)}"
    return IntegerBase(
        model=made.model or run.subject.model,
        reconstruction=replace(made, before={}, after={}),  # frees weights that are no longer needed
        content=content,
        path=written(run.work / f"{name}{PRIMARY.suffix}", content),
    )


def observed(run: ExportRun, base: IntegerBase, *, narrow: bool) -> IntegerBase:
    """Return the base with observed activation ranges and, if `narrow`, those that int8 files clip to.

    If activations cannot be observed, `trouble` holds the reason.
    """
    run.progress.step("observe the ranges")
    samples, recipe = run.samples, run.recipe
    try:
        observation = ranges.observe(base.path, samples.calibration_folder, recipe.observer)
    except (
        UsageProblemError,
        OutsideError,
    ) as error:  # other schemes may be possible
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
    """Return a short digest that makes the names of bases' files unique."""
    return f"-{hashlib.sha256('/'.join(sorted(kept)).encode()).hexdigest()[:8]}" if kept else ""
