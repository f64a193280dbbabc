"""Making the files: converting, observing ranges, quantizing; each file once, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calibration import observers
from calibration.ranges import Ranges
from calibration.store import Draw
from export.errors import ConversionError
from export.formats import FORMATS, PRIMARY, Format, QuantizationPlan
from export.model.camera_range import CameraRange, camera_range
from export.model.subject import Subject
from export.passes import integer_model
from export.passes.integer_model import Reconstruction
from export.progress import Progress
from export.quantization import mixed_precision, ranges
from export.quantization.ranges import Observation
from export.quantization.tensor_map import Attribution, attributed
from export.recipe import Io, Precision, Recipe, Width
from zoo.errors import OutsideError, UsageProblemError

if TYPE_CHECKING:
    import keras


@dataclass
class Making:
    """One export's files, made when they are asked for.

    Attributes:
        subject: what is exported.
        recipe: how.
        samples: calibration and probe.
        work: a folder for files that a runtime reads.
        progress: hears of every step.
        observations: of the activations in the original's float file and in `base`, by the file's name.
        narrowed: ranges of int8 activations, likewise, where they are not those that were observed.
        reconstruction: of the model, once int8 files were asked for.
        base: the float file of the reconstructed model, in the primary format: what int8 files are made of; None
            before, and if they are made of the original's.
        contents: the files, by (format, precision).
        troubles: why there is none, likewise.
    """

    subject: Subject
    recipe: Recipe
    samples: Draw
    work: Path
    progress: Progress
    observations: dict[str, Observation] = field(default_factory=dict)
    narrowed: dict[str, Ranges] = field(default_factory=dict)
    reconstruction: Reconstruction | None = None
    base: bytes | None = None
    contents: dict[tuple[str, Precision], bytes] = field(default_factory=dict)
    troubles: dict[tuple[str, Precision], str] = field(default_factory=dict)
    _attributions: Mapping[str, Attribution] | None = None

    def io(self, precision: Precision) -> Io:
        """Return the type of inputs and outputs: camera bytes where the preprocessing allows it."""
        if precision is not Precision.INT8:
            return Io.FLOAT32
        return self.recipe.io or (Io.UINT8 if self.camera_range else Io.FLOAT32)

    @property
    def camera_range(self) -> CameraRange | None:
        """What the bytes 0 and 255 mean, where one scale and offset say it."""
        return camera_range(self.subject.preprocessing)

    def takes_camera_bytes(self, precision: Precision) -> bool:
        """Whether the input of the files of that precision is a photo's own bytes."""
        return self.io(precision) is Io.UINT8 and self.camera_range is not None

    def content(self, file_format: Format, precision: Precision) -> bytes | None:
        """Return the file, made once; None if that failed."""
        key = file_format.name, precision
        if key not in self.contents and key not in self.troubles:
            try:
                self.contents[key] = self._make(file_format, precision)
            except (ConversionError, OutsideError) as error:
                self.troubles[key] = str(error)
        return self.contents.get(key)

    def _make(self, file_format: Format, precision: Precision) -> bytes:
        if precision is Precision.FLOAT32:
            self.progress.step(f"convert to .{file_format.name}")
            return file_format.convert(self.subject.model)
        siblings = {
            name: content
            for name, other in FORMATS.items()
            if name in file_format.needs(precision) and (content := self.content(other, precision)) is not None
        }
        missing = [name for name in file_format.needs(precision) if name not in siblings]
        if missing:
            raise ConversionError(f"it is derived from the .{missing[0]}: {self.troubles[missing[0], precision]}")
        float_file = self.parent(file_format, precision)
        self.progress.step(f"quantize the .{file_format.name} to {precision}")
        return file_format.quantize(float_file, self.plan(precision), siblings)

    def parent(self, file_format: Format, precision: Precision) -> bytes:
        """Return the float file that a file is made of, and that its constants are compared with.

        Raises:
            ConversionError: there is none.
        """
        content = self.content(file_format, Precision.FLOAT32)
        if content is None:
            raise ConversionError(f"there is no float file: {self.troubles[file_format.name, Precision.FLOAT32]}")
        if file_format.name != PRIMARY.name or not precision.has_integer_weights:
            return content
        if self.reconstruction is None:
            self._reconstruct(content)
        return self.base or content

    def _reconstruct(self, content: bytes) -> None:
        self.progress.step("reconstruct the weights")
        kept = self._float_layers(content)
        made = integer_model.reconstructed(self.subject, self.recipe, self.samples.calibration, kept)
        if made.model is not None:
            self.base = PRIMARY.reweigh(content, made.before, made.after) or PRIMARY.convert(made.model)
        self.reconstruction = replace(made, before={}, after={})

    def _float_layers(self, content: bytes) -> set[str]:
        """Return the layers whose weights stay float32 in the int8 file: rounded ones would only take more room."""
        named = {layer for layer, width in self.recipe.raised.items() if width is Width.FLOAT32}
        if not named or not self.recipe.reconstruct:
            return set()
        samples, folder = self.samples.calibration, self.samples.calibration_folder
        path = self.path(PRIMARY, Precision.FLOAT32, content)
        attributions = attributed(self.subject.model, path, samples, folder)
        return mixed_precision.weighted(named, attributions, mixed_precision.inner_paths(self.subject.model))

    def plan(self, precision: Precision) -> QuantizationPlan:
        """Return what a file of the primary format is made to be."""
        camera = self.camera_range
        image = next(name for name in self.samples.probe.inputs if name not in self.subject.drawn_inputs)
        raised = self._raised() if self._is_mixed(precision) else {}
        return QuantizationPlan(
            precision=precision,
            io=self.io(precision),
            ranges=self._ranges(precision, raised) if precision.needs_calibration else None,
            input_ranges={image: camera} if camera else {},
            raised=raised,
        )

    def _raised(self) -> dict[str, Width]:
        return mixed_precision.tensors(
            self.recipe.raised, self.attributions(), mixed_precision.inner_paths(self.subject.model)
        )

    def _ranges(self, precision: Precision, raised: Collection[str]) -> Ranges:
        """Return the ranges of a file's activations; those that have more than 8 bits need no clipping."""
        ranges = self.observed_ranges(precision)
        whole = self.observation(self.observed_file(precision)).ranges.by_tensor
        return replace(ranges, by_tensor={**ranges.by_tensor, **{name: whole[name] for name in raised}})

    def _is_mixed(self, precision: Precision) -> bool:
        return precision is Precision.INT8 and bool(self.recipe.raised)

    def attributions(self) -> Mapping[str, Attribution]:
        """Return what the tensors of the float file that int8 files are made of are in the Keras model, by name."""
        if self._attributions is None:
            path = self.observed_file(Precision.INT8)  # reconstructs the model, if that was asked for
            samples, folder = self.samples.calibration, self.samples.calibration_folder
            self._attributions = attributed(self.model, path, samples, folder)
        return self._attributions

    def observed_ranges(self, precision: Precision) -> Ranges:
        """Return the ranges of the activations, found once.

        Raises:
            ConversionError: they cannot be.
        """
        path = self.observed_file(precision)
        observed = self.observation(path)
        if precision is not Precision.INT8 or not self._narrows:
            return observed.ranges
        if path.name not in self.narrowed:
            self.progress.step("choose the ranges")
            self.narrowed[path.name] = observed.narrowed(self.model, self.samples.calibration, self.recipe.seed)
        return self.narrowed[path.name]

    @property
    def model(self) -> keras.Model:
        """The model that integers are made of, once it is known: the original or the reconstructed one."""
        return (self.reconstruction.model if self.reconstruction else None) or self.subject.model

    @property
    def stability(self) -> Mapping[str, Any] | None:
        """How far the two halves' ranges differ, once observed."""
        return next((one.stability for one in self.observations.values()), None)

    @property
    def _narrows(self) -> bool:
        real = self.subject.weights.trained and self.samples.calibration.real
        return real and self.recipe.observer == observers.SENSITIVITY

    def observation(self, path: Path) -> Observation:
        """Return what is seen of a float file's activations, watched once.

        Raises:
            ConversionError: they cannot be observed.
        """
        if path.name not in self.observations:
            self.progress.step("observe the ranges")
            folder = self.samples.calibration_folder
            try:
                self.observations[path.name] = ranges.observe(path, folder, self.recipe.observer)
            except UsageProblemError as error:  # this precision is not for this model; the others may be
                raise ConversionError(str(error)) from error
        return self.observations[path.name]

    def observed_file(self, precision: Precision) -> Path:
        """Return the float file, on the disk, that a precision is made of in the primary format."""
        content = self.parent(PRIMARY, precision)
        if content is self.base:
            return self.base_path(content)
        return self.path(PRIMARY, Precision.FLOAT32, content)

    def base_path(self, content: bytes) -> Path:
        """Return the reconstructed model's float file on the disk."""
        return self._written(f"reconstructed{PRIMARY.suffix}", content)

    def path(self, file_format: Format, precision: Precision, content: bytes) -> Path:
        """Return the file on the disk, where a runtime can read it."""
        return self._written(f"{precision}{file_format.suffix}", content)

    def _written(self, name: str, content: bytes) -> Path:
        path = self.work / name
        if not path.exists():
            path.write_bytes(content)
        return path
