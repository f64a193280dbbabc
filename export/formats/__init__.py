"""File formats. Each format is a folder and an entry of FORMATS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from export.formats.format import QuantizationPlan, Format, ObservableFormat  # isort: skip  (the targets import it from here)
from export.formats.onnx import ONNX
from export.formats.tflite import TFLITE
from zoo.errors import UsageProblemError, unknown
from zoo.nearest_path import nearest

__all__ = ["FORMATS", "PRIMARY", "Format", "QuantizationPlan", "find", "format_of"]


# In the order of conversion: a later format may be derived from an earlier one.
FORMATS: Mapping[str, Format] = {file_format.name: file_format for file_format in (TFLITE, ONNX)}


# The format for observing ranges, the reference for the other formats, and the default of `zoo run`.
PRIMARY: ObservableFormat = TFLITE


def find(name: str) -> Format:
    """Return the format called `name`.

    Raises:
        UsageProblemError: an unknown name; the message suggests the most similar one.
    """
    if name not in FORMATS:
        raise unknown("format", name, FORMATS)
    return FORMATS[name]


def format_of(path: Path) -> Format:
    """Return the format of a file by its suffix.

    Raises:
        UsageProblemError: the file does not exist, or no format has its suffix.
    """
    for file_format in FORMATS.values():
        if path.suffix.lower() == file_format.suffix:
            if not path.is_file():
                how = nearest(path) or "; type the path of an existing file"
                raise UsageProblemError(f"there is no file {str(path)!r}{how}")
            return file_format
    known = " or ".join(file_format.suffix for file_format in FORMATS.values())
    raise UsageProblemError(f"{path.name!r} has no supported format: give a file that ends in {known}")
