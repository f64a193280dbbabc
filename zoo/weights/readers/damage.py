"""Turn whatever parsers raise on a damaged file into the one error that a reader promises."""

from __future__ import annotations

import functools
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

Read = Callable[[Sequence[Path]], "dict[str, NDArray[Any]]"]

# Raised by zip, zlib, HDF5, flatbuffers, JSON and NumPy, and by lookups of missing parts.
ERRORS = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError),
    *(OSError, RuntimeError, TypeError, ValueError),
    *(struct.error, zipfile.BadZipFile, zlib.error),
)


def refused(read: Read) -> Read:
    """Return `read` that raises ValueError, and nothing else, for a file that is damaged."""

    @functools.wraps(read)
    def reading(files: Sequence[Path]) -> dict[str, NDArray[Any]]:
        try:
            return read(files)
        except (ValueError, FileNotFoundError):
            raise
        except ERRORS as error:
            raise ValueError(f"{files[0].name} is damaged ({type(error).__name__})") from error

    return reading
