"""Build the files of an export: float32 files converted to each format, and quantized files derived from them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from export import cache, process
from export.errors import ConversionError
from export.formats import FORMATS, PRIMARY, Format, QuantizationPlan
from export.formats.blocks import BLOCK
from export.model.model_digest import model_digest
from export.passes import round_blocks
from export.quantization import mixed_precision
from export.quantization.export_run import ExportRun
from export.quantization.integer_base import Bases, IntegerBase, NoBase, base_for, base_of
from export.quantization.memo import Memo
from export.quantization.requested import Key, keys
from export.recipe import Io, Width
from export.runtime.file_content import DATA_SUFFIX, NOTHING, FileContent
from export.runtime.jobs.quantize_alone import quantize_alone
from export.scheme import FLOAT16, FLOAT32, INT4, INT8, INT8_DYNAMIC, Scheme
from zoo.errors import OutsideError


@dataclass(frozen=True, kw_only=True)
class MadeFile:
    """A file of one format and scheme, or the reason why it could not be built.

    Attributes:
        format: its name.
        scheme: how it stores and computes numbers.
        content: of the file; empty if it could not be made.
        trouble: why the file could not be built; empty if it could.
        alone: why it was quantized without its sibling, straight from the float file; empty if it was not.
    """

    format: str
    scheme: Scheme
    content: FileContent = NOTHING
    trouble: str = ""
    alone: str = ""

    def on_disk(self, folder: Path) -> Path:
        """Write the file into `folder`, where a runtime can read it, and return its path."""
        return self.content.on_disk(folder, _file_name(self.format, self.scheme))


def float_files(run: ExportRun) -> dict[Key, MadeFile]:
    """Return the float32 files of the export, each converted once."""
    names = (name for name, scheme in keys(run.recipe) if scheme == FLOAT32)
    return {(name, FLOAT32): _converted(run, FORMATS[name]) for name in names}


def bases_of(run: ExportRun, floats: Mapping[Key, MadeFile]) -> dict[int, IntegerBase | NoBase]:
    """Return the bases that the recipe's integer files are quantized from, one for each number of weight bits.

    Raises:
        UsageProblemError: the tensors of a layer in higher precision cannot be found in the float file.
    """
    schemes = [scheme for scheme in run.recipe.schemes if scheme.has_integer_weights]
    once = Memo()
    return {
        weight_bits: _base_or_reason(run, floats, schemes, weight_bits, once)
        for weight_bits in dict.fromkeys(scheme.weight_bits for scheme in schemes)
    }


def float_content(floats: Mapping[Key, MadeFile], format_name: str = PRIMARY.name) -> FileContent:
    """Return the float32 file of a format.

    Raises:
        ConversionError: there is none.
    """
    file = floats[format_name, FLOAT32]
    if file.trouble:
        raise ConversionError(_without_float(file))
    return file.content


def quantized_files(
    run: ExportRun, floats: Mapping[Key, MadeFile], bases: Bases, known: Iterable[MadeFile] = ()
) -> dict[Key, MadeFile]:
    """Return all files of the export, float32 first.

    Args:
        run: of the export.
        floats: the float32 files.
        bases: the models that integer files are quantized from.
        known: files that are already built.
    """
    made = {**floats, **{(file.format, file.scheme): file for file in known}}
    for key in keys(run.recipe):
        if key not in made:
            made[key] = quantized(run, key, run.recipe.raised, made, bases)
    return {key: made[key] for key in keys(run.recipe)}


def quantized(
    run: ExportRun, key: Key, raised: Mapping[str, Width], made: Mapping[Key, MadeFile], bases: Bases
) -> MadeFile:
    """Return one quantized file.

    Args:
        run: of the export.
        key: format and scheme of the file.
        raised: the layers of an int8 file that are kept in higher precision; those of other files follow from the run.
        made: the files built before, from which it is derived.
        bases: the models that integer files are quantized from.
    """
    name, scheme = key
    file_format, base = FORMATS[name], base_for(bases, scheme)
    try:
        _refuse_float_only(run, scheme)
        siblings = {other: _content(made[other, scheme]) for other in file_format.needs(scheme)}
        parent = _whole(parent_content(file_format, scheme, made, base), file_format, scheme)
        run.progress.step(f"quantize the .{name} to {scheme}")
        content = file_format.quantize(parent, plan(run, base, scheme, raised), siblings)
        del parent, siblings
    except (ConversionError, OutsideError) as error:
        file = MadeFile(format=name, scheme=scheme, trouble=str(error))
        return _quantized_alone(run, file, made) if file_format.needs(scheme) else file
    return made_file(run, key, content)


def _whole(parent: FileContent, file_format: Format, scheme: Scheme) -> bytes:
    """Return the content of the float file that a file is quantized from.

    Raises:
        ConversionError: its weights lie in a second file, and others cannot take their place.
    """
    takes_siblings = bool(file_format.needs(scheme)) and not scheme.is_dynamic
    if parent.data is not None and not takes_siblings:
        raise ConversionError(
            f"it is derived from the float32 .{file_format.name}, which keeps weights that it cannot hold in a second "
            f"file; type --precision {FLOAT32}"
        )
    return parent.read()


def made_file(run: ExportRun, key: Key, content: bytes, data: Path | None = None) -> MadeFile:
    """Return the file of a format and scheme with this content, which is kept on disk if it is large.

    `data` is a file with weights that it refers to.
    """
    kept = FileContent.of(content, run.work, _file_name(*key), data)
    return MadeFile(format=key[0], scheme=key[1], content=kept)


def _file_name(format_name: str, scheme: Scheme) -> str:
    return f"{scheme}{FORMATS[format_name].suffix}"


def _quantized_alone(run: ExportRun, file: MadeFile, made: Mapping[Key, MadeFile]) -> MadeFile:
    """Return a file that could not be derived from its sibling, quantized straight from its float file if possible."""
    float_file = made[file.format, FLOAT32]
    if float_file.trouble or _float_only(run, file.scheme):
        return file
    # Layers that the export found itself are left in integers: the proof says whether the outputs are near enough.
    named = run.raised(file.scheme).keys() - run.coarse_edges(file.scheme).widths.keys()
    if named or run.recipe.io not in (None, Io.FLOAT32):
        wishes = "layers in higher precision and other types of inputs than float32 are not possible"
        return replace(file, trouble=f"{file.trouble}; without a .{PRIMARY.name}, {wishes}")
    run.progress.step(f"quantize the float .{file.format} to {file.scheme}")
    path, output = float_file.on_disk(run.work), run.work / f"alone-{file.scheme}"
    samples = run.samples.calibration_folder
    try:
        process.call(quantize_alone, path=path, samples=samples, scheme=file.scheme.name, output=output, fresh=True)
    except (ConversionError, OutsideError) as error:
        return replace(file, trouble=f"{file.trouble}; {error}")
    missing = next((name for name in FORMATS[file.format].needs(file.scheme) if made[name, file.scheme].trouble), None)
    reason = f"there is no {file.scheme} .{missing}" if missing else file.trouble
    return replace(made_file(run, (file.format, file.scheme), output.read_bytes()), alone=reason)


def parent_content(
    file_format: Format, scheme: Scheme, made: Mapping[Key, MadeFile], base: IntegerBase | NoBase | None
) -> FileContent:
    """Return the float file that a file is quantized from and whose constants it stores.

    Raises:
        ConversionError: there is none.
    """
    content = float_content(made, file_format.name)
    if scheme.has_integer_weights and file_format.name == PRIMARY.name:
        content = _known(base).content
    elif scheme.has_integer_weights and isinstance(base, IntegerBase):
        content = base.others.get(file_format.name, content)
    return content


def plan(
    run: ExportRun, base: IntegerBase | NoBase | None, scheme: Scheme, raised: Mapping[str, Width]
) -> QuantizationPlan:
    """Return the plan by which a float file is quantized to a scheme.

    Raises:
        ConversionError: the ranges of its activations are not known.
        UsageProblemError: a layer to keep in higher precision computes nothing in the file.
    """
    tensors: dict[str, Width] = {}
    raised, automatic = raised if scheme == INT8 else run.raised(scheme), run.coarse_edges(scheme).widths
    if raised:
        paths = mixed_precision.inner_paths(run.subject.model)
        tensors = mixed_precision.tensors(raised, _known(base).tensor_map, paths, automatic)
    camera, photo = run.camera_range, run.photo_input
    return QuantizationPlan(
        scheme=scheme,
        io=run.io(scheme),
        ranges=_known(base).ranges(scheme, tensors) if scheme.needs_calibration else None,
        input_ranges={photo: camera} if camera and photo else {},
        raised=tensors,
    )


def _base_or_reason(
    run: ExportRun, floats: Mapping[Key, MadeFile], schemes: Collection[Scheme], weight_bits: int, once: Memo
) -> IntegerBase | NoBase:
    """Return a base of the recipe's integer files, or why they cannot be built."""
    file = floats[PRIMARY.name, FLOAT32]
    if reasons := {_float_only(run, scheme) for scheme in schemes if scheme.weight_bits == weight_bits} - {""}:
        return NoBase(reasons.pop())
    if file.trouble:
        return NoBase(_without_float(file))
    if found := PRIMARY.select_ops(file.content.read()):
        return NoBase(f"the float .{PRIMARY.name} needs {', '.join(found)} of TensorFlow, which no runtime here has")
    try:
        return base_of(run, file.content, schemes, weight_bits, run.recipe.raised, once)
    except (ConversionError, OutsideError) as error:
        return NoBase(str(error))


def _without_float(file: MadeFile) -> str:
    return f"there is no float file: {file.trouble}"


def _known(base: IntegerBase | NoBase | None) -> IntegerBase:
    if not isinstance(base, IntegerBase):
        raise ConversionError(base.reason if base else "nothing was prepared for integer files")
    return base


def _converted(run: ExportRun, file_format: Format) -> MadeFile:
    run.progress.step(f"convert to .{file_format.name}")
    entries = {name: entry.model for name, entry in run.subject.entries.items()}  # empty if there is only the default
    model, select_ops = run.subject.model, run.recipe.allow_select_tf_ops
    decoder = run.subject.decoder(model) if run.subject.decoder else None
    data = run.work / f"{run.subject.name}-{_file_name(file_format.name, FLOAT32)}{DATA_SUFFIX}"
    forms = None if decoder is not None else f"{select_ops} {sorted(entries)}"  # those with a cache are not described
    name = cache.name_of(f"convert {file_format.name}", model_digest(model, *entries.values()), forms)
    try:
        content = run.cache.content(
            name,
            lambda: file_format.convert(model, entries, select_ops=select_ops, decoder=decoder, data=data),
        )
    except (ConversionError, OutsideError) as error:
        return MadeFile(format=file_format.name, scheme=FLOAT32, trouble=str(error))
    made = made_file(run, (file_format.name, FLOAT32), content, data if data.exists() else None)
    del content
    process.give_back_memory()
    return made


def _refuse_float_only(run: ExportRun, scheme: Scheme) -> None:
    if reason := _float_only(run, scheme):
        raise ConversionError(reason)


def _float_only(run: ExportRun, scheme: Scheme) -> str:
    """Return why the model has no files of a quantized scheme; empty if it may have some."""
    if run.subject.entries:
        return f"a model with the entry points {', '.join(run.subject.entries)} is exported in float32 only"
    if run.subject.decoder and not scheme.is_dynamic and scheme != FLOAT16:
        return f"a decoder with a cache is exported in float32, {FLOAT16}, {INT8_DYNAMIC} and {INT4} only"
    if scheme == INT4 and not round_blocks.of(run.subject.model):
        return f"no dense layer has a multiple of {BLOCK} inputs for weights of 4 bits; type --precision {INT8_DYNAMIC}"
    return ""


def _content(file: MadeFile) -> bytes:
    if file.trouble:
        raise ConversionError(f"it is derived from the .{file.format}: {file.trouble}")
    return file.content.read()
