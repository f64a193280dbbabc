"""Compare the record of a file with the file itself, and the file's numbers with those of its sibling."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict
from typing import Any

from export.bundle.completeness import reasons, results
from export.bundle.read import Delivered, DeliveredFile
from export.formats import FORMATS, PRIMARY
from export.formats.session import NumberTypes, StorageReport
from export.model.camera_range import camera_range
from export.process import call
from export.proof import compare
from export.proof.check import CheckResult
from export.recipe import Width
from export.runtime.jobs.stored_numbers import stored_numbers
from export.runtime.run_file import Measurement
from export.runtime.versions import version
from export.scheme import FLOAT16, FLOAT32, INT4, INT8, INT8_DYNAMIC, W8A16, W8A32, Scheme

BYTES = frozenset({"int8", "uint8"})
NIBBLES = frozenset({"int4", "uint4"})
WIDE = frozenset({"int16", "uint16"})


def check(file: DeliveredFile, delivered: Delivered, measured: Measurement) -> tuple[CheckResult, ...]:
    """Check what the manifest says about a file against its bytes and its run.

    Raises:
        RuntimeCrashError: the file cannot be read.
    """
    read = call(stored_numbers, path=file.path, siblings=_siblings(file, delivered))
    types = NumberTypes(
        weights=frozenset(read["weights"]), has_many=read["has_many"], activations=frozenset(read["activations"])
    )
    record = next(one for one in delivered.manifest["files"] if one["file"] == file.path.name)
    wrong = [
        *reasons(_precision, file, types),
        *reasons(_raised, file, types, measured),
        *reasons(_operators, file, record, measured),
        *reasons(_camera, file, delivered, measured),
    ]
    found = results("consistency", "the file", wrong, f"it stores and computes numbers as a {file.scheme} file does")
    distance = read["distance"]
    return (*found, compare.storage(StorageReport(**distance))) if distance is not None else found


def fits(scheme: Scheme, types: NumberTypes, *, raised: bool) -> bool:
    """Return whether a file of the scheme stores numbers of these types; a file without weights may be of any."""
    weights, activations = types.weights, types.activations
    if not weights and not activations:
        return True
    has_integers, in_four_bits = bool(weights & BYTES), bool(weights & NIBBLES)
    if in_four_bits or scheme == INT4:
        return scheme == INT4 and not activations and (in_four_bits or not types.has_many)
    return {
        FLOAT32: not has_integers and not activations and "float16" not in weights,
        FLOAT16: not has_integers and not activations and ("float16" in weights or not types.has_many),
        W8A32: not activations and (has_integers or raised or not types.has_many),
        INT8_DYNAMIC: not activations and (has_integers or not types.has_many),
        # Of a file whose layers are all raised, nothing is left in integers.
        W8A16: (bool(activations & WIDE) or raised) and not activations & BYTES,
        INT8: bool(activations & BYTES) or raised,
    }[scheme]


def _siblings(file: DeliveredFile, delivered: Delivered) -> dict[str, str]:
    """Return the paths of the undamaged files of the folder that the file was derived from, by format.

    A format whose package is not installed cannot be read, and is left out.
    """
    needed = set(FORMATS[file.format].needs(file.scheme)) - unread_formats()
    alike = (one for one in delivered.files if one.scheme == file.scheme and one.format in needed)
    return {one.format: str(one.path.absolute()) for one in alike if not one.damage()}


def unread_formats() -> set[str]:
    """Return the names of the formats whose package is not installed."""
    return {one.name for one in FORMATS.values() if version(one.runtime) is None}


def _precision(file: DeliveredFile, types: NumberTypes) -> Iterator[str]:
    if not fits(file.scheme, types, raised=bool(file.raised)):
        yield (
            f"the manifest calls it {file.scheme}, but its weights are {_words(types.weights)} and its quantized "
            f"activations {_words(types.activations)}"
        )


def _raised(file: DeliveredFile, types: NumberTypes, measured: Measurement) -> Iterator[str]:
    """Yield the widths of layers that the manifest lists, but of which the file has none."""
    computes_in_float = any(op.arithmetic == "float" for op in measured.census) or "float32" in types.weights
    for width in sorted(set(file.raised.values())):
        # The census of other formats counts a layer in float as integer where the runtime fuses it.
        in_float = computes_in_float or file.format != PRIMARY.name
        if width not in list(Width) or not (types.activations & WIDE if width == Width.INT16 else in_float):
            yield f"the manifest lists layers in {width}, but the file has none"


def _operators(file: DeliveredFile, record: dict[str, Any], measured: Measurement) -> Iterator[str]:
    if record["bytes"] != file.size_bytes:
        yield f"the manifest says {record['bytes']} bytes, the file has {file.size_bytes}"
    # The runtimes of other formats fuse operators by their version and the processor.
    if file.format == PRIMARY.name and record["census"] != [asdict(op) for op in measured.census]:
        yield "the manifest counts other operators than the file has"
    stated = record.get("requirements")
    if stated is not None and stated != asdict(measured.requirements):
        yield "the manifest names other runtimes or operators of a GPU than the file requires"


def _camera(file: DeliveredFile, delivered: Delivered, measured: Measurement) -> Iterator[str]:
    """Yield whether the manifest is wrong about the input taking the bytes of a photo."""
    specs = (spec for spec in measured.inputs if spec.name == delivered.photo_input)
    is_bytes = any(spec.dtype == "uint8" and spec.scale is not None for spec in specs)
    if file.takes_camera_bytes != (is_bytes and camera_range(delivered.preprocessing) is not None):
        takes = "takes" if is_bytes else "does not take"
        yield f"takes_camera_bytes is {file.takes_camera_bytes}, but the input {takes} the bytes of a photo"


def _words(types: Collection[str]) -> str:
    return ", ".join(sorted(types)) or "none"
