"""Everything that knows a format; one folder each, one line each in `FORMATS`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from export.formats.format import QuantizationPlan, Format, ObservableFormat  # isort: skip  (the targets import it from here)
from export.formats.onnx import ONNX
from export.formats.tflite import TFLITE
from zoo.errors import UsageProblemError, unknown

__all__ = ["FORMATS", "PRIMARY", "Format", "QuantizationPlan", "find", "format_of"]

# In the order in which files are made: a later one may be derived from an earlier one.
FORMATS: Mapping[str, Format] = {file_format.name: file_format for file_format in (TFLITE, ONNX)}

# Ranges are observed in it, the other formats are held against it, and `zoo run` prefers it.
PRIMARY: ObservableFormat = TFLITE


def find(name: str) -> Format:
    """Return the format of that name; an unknown one is refused with the nearest."""
    if name not in FORMATS:
        raise unknown("format", name, FORMATS)
    return FORMATS[name]


def format_of(path: Path) -> Format:
    """Return the format whose files end like `path`.

    Raises:
        UsageProblemError: no such file, or no format has that suffix.
    """
    for file_format in FORMATS.values():
        if path.suffix == file_format.suffix:
            if not path.is_file():
                raise UsageProblemError(f"there is no file {str(path)!r}")
            return file_format
    known = " or ".join(file_format.suffix for file_format in FORMATS.values())
    raise UsageProblemError(f"{path.name!r} is none of our formats: give a file that ends in {known}")
