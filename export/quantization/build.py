"""Build the files of an export: float32 files converted to each format, and quantized files derived from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from export.errors import ConversionError
from export.formats import FORMATS, PRIMARY, Format, QuantizationPlan, find
from export.quantization import mixed_precision
from export.quantization.export_run import ExportRun
from export.quantization.integer_base import (
    IntegerBase,
    NoBase,
    integer_base,
    kept_layers,
    with_tensor_map,
    written,
)
from export.recipe import Recipe, Width
from export.scheme import FLOAT32, INT8, Scheme
from zoo.errors import OutsideError

if TYPE_CHECKING:
    import keras

Key = tuple[str, Scheme]  # format and scheme of a file


@dataclass(frozen=True, kw_only=True)
class MadeFile:
    """A file of one format and scheme, or the reason why it could not be built.

    Attributes:
        format: its name.
        scheme: how it stores and computes numbers.
        content: the file's bytes; empty if it could not be made.
        trouble: why the file could not be built; empty if it could.
    """

    format: str
    scheme: Scheme
    content: bytes = b""
    trouble: str = ""

    def on_disk(self, folder: Path) -> Path:
        """Write the file into `folder`, where a runtime can read it, and return its path."""
        return written(folder / f"{self.scheme}{FORMATS[self.format].suffix}", self.content)


def formats(recipe: Recipe) -> tuple[Format, ...]:
    """Return the formats that a recipe requests, in the order in which they are built."""
    asked = {find(name).name for name in recipe.formats} or set(FORMATS)
    return tuple(file_format for file_format in FORMATS.values() if file_format.name in asked)


def keys(recipe: Recipe) -> tuple[Key, ...]:
    """Return the keys of the files to build: the requested ones after those that they are derived from."""
    schemes = [scheme for scheme in recipe.schemes if scheme != FLOAT32]
    quantized = {(name, scheme) for scheme in schemes for name in _with_parents(recipe, scheme)}
    floats = {file_format.name for file_format in formats(recipe)} | {name for name, _ in quantized}
    if recipe.budget.is_asked or any(scheme.has_integer_weights for scheme in schemes):
        floats.add(PRIMARY.name)
    wanted = {(name, FLOAT32) for name in floats} | quantized
    ordered = ((name, scheme) for scheme in (FLOAT32, *schemes) for name in FORMATS)
    return tuple(dict.fromkeys(key for key in ordered if key in wanted))


def float_files(run: ExportRun) -> dict[Key, MadeFile]:
    """Return the float32 files of the export, each converted once."""
    names = (name for name, scheme in keys(run.recipe) if scheme == FLOAT32)
    return {(name, FLOAT32): _converted(run, FORMATS[name]) for name in names}


def base_of(run: ExportRun, floats: Mapping[Key, MadeFile]) -> IntegerBase | NoBase | None:
    """Return the base that the recipe's integer files are quantized from; None if it requests none.

    Raises:
        UsageProblemError: the tensors of a layer in higher precision cannot be found in the float file.
    """
    schemes = [scheme for scheme in run.recipe.schemes if scheme.has_integer_weights]
    if not schemes:
        return None
    file, raised = floats[PRIMARY.name, FLOAT32], run.recipe.raised
    if run.subject.entries:
        return NoBase("integer files of several entry points are not made")
    if file.trouble:
        return NoBase(f"there is no float file: {file.trouble}")
    try:
        kept = kept_layers(run, file.content, raised)
        base = integer_base(run, file.content, schemes=schemes, kept=kept)
        return with_tensor_map(run, base) if raised else base
    except OutsideError as error:
        return NoBase(str(error))


def quantized_files(
    run: ExportRun,
    floats: Mapping[Key, MadeFile],
    base: IntegerBase | NoBase | None,
    known: Iterable[MadeFile] = (),
) -> dict[Key, MadeFile]:
    """Return all files of the export, float32 first.

    Args:
        run: of the export.
        floats: the float32 files.
        base: the model that integer files are quantized from.
        known: files that are already built.
    """
    made = {**floats, **{(file.format, file.scheme): file for file in known}}
    for key in keys(run.recipe):
        if key not in made:
            made[key] = quantized(run, key, run.recipe.raised, made, base)
    return {key: made[key] for key in keys(run.recipe)}


def quantized(
    run: ExportRun,
    key: Key,
    raised: Mapping[str, Width],
    made: Mapping[Key, MadeFile],
    base: IntegerBase | NoBase | None,
) -> MadeFile:
    """Return one quantized file.

    Args:
        run: of the export.
        key: format and scheme of the file.
        raised: the layers of an int8 file that are kept in higher precision.
        made: the files built before, from which it is derived.
        base: the model that integer files are quantized from.
    """
    name, scheme = key
    file_format = FORMATS[name]
    try:
        _refuse_entry_points(run)
        siblings = {other: _content(made[other, scheme]) for other in file_format.needs(scheme)}
        parent = parent_content(file_format, scheme, made, base)
        run.progress.step(f"quantize the .{name} to {scheme}")
        content = file_format.quantize(parent, plan(run, base, scheme, raised), siblings)
    except (ConversionError, OutsideError) as error:
        return MadeFile(format=name, scheme=scheme, trouble=str(error))
    return MadeFile(format=name, scheme=scheme, content=content)


def parent_content(
    file_format: Format, scheme: Scheme, made: Mapping[Key, MadeFile], base: IntegerBase | NoBase | None
) -> bytes:
    """Return the float file that a file is quantized from and whose constants it stores.

    Raises:
        ConversionError: there is none.
    """
    file = made[file_format.name, FLOAT32]
    if file.trouble:
        raise ConversionError(f"there is no float file: {file.trouble}")
    if file_format.name != PRIMARY.name or not scheme.has_integer_weights:
        return file.content
    return _known(base).content


def plan(
    run: ExportRun, base: IntegerBase | NoBase | None, scheme: Scheme, raised: Mapping[str, Width]
) -> QuantizationPlan:
    """Return the plan by which a float file is quantized to a scheme.

    Raises:
        ConversionError: the ranges of its activations are not known.
        UsageProblemError: a layer to keep in higher precision computes nothing in the file.
    """
    tensors: dict[str, Width] = {}
    if scheme == INT8 and raised:
        paths = mixed_precision.inner_paths(run.subject.model)
        tensors = mixed_precision.tensors(raised, _known(base).tensor_map, paths)
    camera, photo = run.camera_range, run.photo_input
    return QuantizationPlan(
        scheme=scheme,
        io=run.io(scheme),
        ranges=_known(base).ranges(scheme, tensors) if scheme.needs_calibration else None,
        input_ranges={photo: camera} if camera and photo else {},
        raised=tensors,
    )


def _known(base: IntegerBase | NoBase | None) -> IntegerBase:
    if not isinstance(base, IntegerBase):
        raise ConversionError(base.reason if base else "nothing was prepared for integer files")
    return base


def _with_parents(recipe: Recipe, scheme: Scheme) -> set[str]:
    """Return the formats in which a scheme's files are built: the requested ones and those they are derived from."""
    found: set[str] = set()
    todo = [file_format.name for file_format in formats(recipe)]
    while todo:
        name = todo.pop()
        found.add(name)
        todo += [other for other in FORMATS[name].needs(scheme) if other not in found]
    return found


def _converted(run: ExportRun, file_format: Format) -> MadeFile:
    run.progress.step(f"convert to .{file_format.name}")
    try:
        content = file_format.convert(run.subject.model, _models(run))
    except (ConversionError, OutsideError) as error:
        return MadeFile(format=file_format.name, scheme=FLOAT32, trouble=str(error))
    return MadeFile(format=file_format.name, scheme=FLOAT32, content=content)


def _refuse_entry_points(run: ExportRun) -> None:
    if run.subject.entries:
        raise ConversionError(
            f"a model with the entry points {', '.join(run.subject.entries)} is exported in float32 only"
        )


def _models(run: ExportRun) -> dict[str, keras.Model]:
    """Return the models of several entry points by name; empty if the subject has the default entry point only."""
    return {name: entry.model for name, entry in run.subject.entries.items()}


def _content(file: MadeFile) -> bytes:
    if file.trouble:
        raise ConversionError(f"it is derived from the .{file.format}: {file.trouble}")
    return file.content
