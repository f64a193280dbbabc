"""Export a Keras model, with proof: `zoo_export.export(model, int8=True)`; see docs/python.md."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo_export import packages

packages.load(Path(__file__).parents[1])

# After our packages are found, and only then.
from export import (  # noqa: E402
    FLOAT16,
    FLOAT32,
    INT4,
    INT8,
    INT8_DYNAMIC,
    W8A16,
    W8A32,
    Io,
    Recipe,
    Scheme,
    run,
)
from zoo.errors import CheckFailedError, OutsideError, UsageProblemError, ZooError  # noqa: E402
from zoo_export.exporting import export  # noqa: E402
from zoo_export.result import Result  # noqa: E402

if TYPE_CHECKING:
    from export.formats.session import Session

__all__ = [
    "FLOAT16",
    "FLOAT32",
    "INT4",
    "INT8",
    "INT8_DYNAMIC",
    "W8A16",
    "W8A32",
    "CheckFailedError",
    "Io",
    "OutsideError",
    "Recipe",
    "Result",
    "Scheme",
    "UsageProblemError",
    "ZooError",
    "export",
    "open_file",
    "run",
]


def open_file(path: Path | str) -> Session:
    """Open an exported file in its runtime, without TensorFlow."""
    from export.formats import format_of

    path = Path(path)
    return format_of(path).open(path)
