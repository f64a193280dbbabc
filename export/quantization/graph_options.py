"""What a recipe requests of the graph of files beside its numbers: the version of its operators, an open batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from export import process
from export.errors import ConversionError
from export.formats import FORMATS, Format
from export.quantization.build import MadeFile
from export.quantization.export_run import ExportRun
from export.quantization.requested import Key, formats
from export.recipe import Recipe
from export.runtime.file_content import FileContent
from export.runtime.jobs.compare_batches import compare_batches
from zoo.errors import OutsideError, UsageProblemError

# Of an output for several samples at once from the same output alone, relative to the largest; float32 is rounded.
LARGEST_DIFFERENCE = 1e-5


def check_options(recipe: Recipe) -> None:
    """Check that the requested formats have such options, before anything slow starts.

    Raises:
        UsageProblemError: none of them has.
    """
    asked = [
        flag for flag, is_asked in (("--opset", recipe.opset), ("--dynamic-batch", recipe.dynamic_batch)) if is_asked
    ]
    having = [one for one in formats(recipe) if one.operator_sets]
    names = " or ".join(f".{one.name}" for one in FORMATS.values() if one.operator_sets)
    if asked and not having:
        raise UsageProblemError(f"{asked[0]} is for {names} files; leave out --format, or leave out {asked[0]}")
    if recipe.opset is not None:
        for one in having:
            if recipe.opset not in one.operator_sets:
                first, last = one.operator_sets[0], one.operator_sets[-1]
                raise UsageProblemError(f"--opset {recipe.opset} is not possible; type a number from {first} to {last}")


def with_options(run: ExportRun, files: Mapping[Key, MadeFile]) -> dict[Key, MadeFile]:
    """Return the files with the requested options; a file that cannot have them is not made, and says why."""
    if run.recipe.opset is None and not run.recipe.dynamic_batch:
        return dict(files)
    return {key: _with_options(run, file) for key, file in files.items()}


def _with_options(run: ExportRun, file: MadeFile) -> MadeFile:
    file_format = FORMATS[file.format]
    if file.trouble or not file_format.operator_sets:
        return file
    name = f"{file.scheme}{file_format.suffix}"
    if file.content.data is not None:
        trouble = "its weights lie in a second file, which --opset and --dynamic-batch do not rewrite"
        return MadeFile(format=file.format, scheme=file.scheme, trouble=trouble)
    try:
        content = file_format.with_graph_options(file.content.read(), run.recipe.opset, run.recipe.dynamic_batch)
        changed = replace(file, content=FileContent.of(content, run.work, name))
        if run.recipe.dynamic_batch:
            _check_batches(run, changed, file_format)
    except (ConversionError, OutsideError) as error:
        return MadeFile(format=file.format, scheme=file.scheme, trouble=str(error))
    return changed


def _check_batches(run: ExportRun, file: MadeFile, file_format: Format) -> None:
    """Check that several samples at once give what each gives alone.

    Raises:
        ConversionError: they do not.
    """
    camera_bytes = run.takes_camera_bytes(file.scheme)
    try:
        found = process.call(
            compare_batches, path=file.on_disk(run.work), samples=run.samples.probe_folder, camera_bytes=camera_bytes
        )
    except OutsideError as error:
        raise ConversionError(
            "the runtime stops at several samples at once, so the batch stays 1; leave out --dynamic-batch"
        ) from error
    if not found["worst"] <= LARGEST_DIFFERENCE:
        raise ConversionError(
            "several samples at once give other outputs than one, so the batch stays 1; leave out --dynamic-batch"
        )
