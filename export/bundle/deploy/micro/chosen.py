"""Which file of an export a microcontroller runs, or why none."""

from __future__ import annotations

from dataclasses import dataclass

from export.bundle.deploy.target import of_precision
from export.bundle.read import Delivered, DeliveredFile
from export.errors import ConversionError
from export.formats import PRIMARY
from export.formats.footprint import Footprint
from export.recipe import Io, Recipe
from export.scheme import INT8
from zoo.errors import UsageProblemError

TYPES = ("int8", "uint8")


@dataclass(frozen=True, kw_only=True)
class MicroFile:
    """A file for a microcontroller.

    Attributes:
        file: the delivered file.
        footprint: what it needs.
    """

    file: DeliveredFile
    footprint: Footprint


def refusal(recipe: Recipe) -> str:
    """Return why no file of a recipe would run on a microcontroller, and the nearest that would; empty if one may."""
    if recipe.allow_select_tf_ops:
        return "operators of TensorFlow run on no microcontroller; leave out --allow-select-tf-ops"
    if recipe.formats and PRIMARY.name not in recipe.formats:
        return f"microcontrollers run {PRIMARY.suffix} files; add --format {PRIMARY.name}"
    if recipe.io is Io.FLOAT32:
        return "its inputs and outputs are integers; leave out --io float32"
    if not recipe.budget.chooses_precision and INT8 not in recipe.schemes:
        named = " and ".join(map(str, recipe.schemes))
        return f"it computes with 8-bit integers, and {named} files compute in float; type --precision int8"
    return ""


def choose(delivered: Delivered, precision: str | None, title: str) -> MicroFile:
    """Return the proven int8 file of an export, which a microcontroller runs.

    Raises:
        UsageProblemError: there is none; the message names what would run.
        CheckFailedError: the file differs from the exported one.
    """
    fitting = [file for file in delivered.files if file.format == PRIMARY.name and file.scheme == INT8]
    if not fitting:
        raise UsageProblemError(
            f"{delivered.folder} has no int8 {PRIMARY.suffix}, which alone runs on {title}; export with --int8"
        )
    proven = [file for file in fitting if not file.failures]
    if not proven:
        raise UsageProblemError(f"{fitting[0].path.name} failed its proof: {fitting[0].failures[0]}; export it again")
    (file,) = of_precision(delivered, proven, precision, PRIMARY.suffix)[:1]
    if trouble := _trouble(file):
        raise UsageProblemError(f"{file.path.name} does not run on {title}: {trouble}")
    try:
        footprint = PRIMARY.footprint(file.path.read_bytes())
    except ConversionError as error:
        raise UsageProblemError(f"{file.path.name} does not run on {title}: {error}") from error
    if footprint.lacking:
        hint = "keep layers in int16 or float32 in place of w8a32" if file.raised else "--target raspberry-pi runs it"
        lacking = ", ".join(footprint.lacking)
        raise UsageProblemError(
            f"{file.path.name} does not run on {title}: TensorFlow Lite Micro lacks {lacking}; {hint}"
        )
    return MicroFile(file=file, footprint=footprint)


def _trouble(file: DeliveredFile) -> str:
    """Return why the inputs and outputs of a file do not fit; empty if they do."""
    for spec in (*file.inputs, *file.outputs):
        if spec.dtype not in (*TYPES, "float32") and spec.scale is None:
            return f"{spec.name} is {spec.dtype}, which --io does not change; --target raspberry-pi runs it"
        if spec.dtype not in TYPES:
            return f"{spec.name} is {spec.dtype}; export with --io int8"
        if spec.shape[:1] != (1,) or min(spec.shape) < 1:
            return f"{spec.name} has the shape {spec.shape}; export one sample at a time, with fixed sizes"
    return ""
