"""Everything that knows a format; one folder each, one line each in `TARGETS`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from export.formats.format import QuantizationPlan, Target, WatchableTarget  # isort: skip  (the targets import it from here)
from export.formats.onnx import ONNX
from export.formats.tflite import TFLITE
from zoo.errors import UsageProblemError, unknown

__all__ = ["PRIMARY", "TARGETS", "QuantizationPlan", "Target", "find", "target_of"]

# In the order in which files are made: a later one may be derived from an earlier one.
TARGETS: Mapping[str, Target] = {target.name: target for target in (TFLITE, ONNX)}

# Ranges are observed in it, the other formats are held against it, and `zoo run` prefers it.
PRIMARY: WatchableTarget = TFLITE


def find(name: str) -> Target:
    """Return the target of that name; an unknown one is refused with the nearest."""
    if name not in TARGETS:
        raise unknown("format", name, TARGETS)
    return TARGETS[name]


def target_of(path: Path) -> Target:
    """Return the target whose files end like `path`.

    Raises:
        UsageProblemError: no such file, or no target has that suffix.
    """
    for target in TARGETS.values():
        if path.suffix == target.suffix:
            if not path.is_file():
                raise UsageProblemError(f"there is no file {str(path)!r}")
            return target
    known = " or ".join(target.suffix for target in TARGETS.values())
    raise UsageProblemError(f"{path.name!r} is none of our formats: give a file that ends in {known}")
