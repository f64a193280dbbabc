"""Read an .npy stream row by row, in the memory of one row, or of the array if it is stored by columns."""

from __future__ import annotations

import io
import zlib
from math import prod
from typing import IO, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

MAX_HEADER_BYTES = 10_000
MAX_COLUMN_BYTES = 1 << 30  # of an array that is stored by columns, which has to be read as a whole


class BrokenArrayError(Exception):
    """The stream is not an .npy array of plain numbers, or it ends early."""


class ArrayRows:
    """Reads the rows of an .npy stream in order, without unpickling.

    Attributes:
        count: number of rows.
        row_shape: shape of each row.
        dtype: type of the numbers.

    Raises:
        BrokenArrayError: the stream is not .npy, holds objects, has no rows, or is large and stored by columns.
    """

    def __init__(self, file: IO[bytes], *, texts: bool = False) -> None:
        """Read the header of `file`, which may hold texts on request."""
        self._file = file
        shape, column_major, self.dtype = _header(file)
        if self.dtype.hasobject:
            raise BrokenArrayError("it holds Python objects, not numbers; save texts as np.array(texts, dtype=str)")
        if self.dtype.kind not in ("biufUS" if texts else "biuf"):
            raise BrokenArrayError(f"it holds {self.dtype}, not numbers")
        if not shape or not shape[0]:
            raise BrokenArrayError("it holds no rows")
        self.count, self.row_shape = shape[0], shape[1:]
        self._is_by_columns = column_major and len(shape) > 1
        if self._is_by_columns and self.count * self._row_bytes > MAX_COLUMN_BYTES:
            raise BrokenArrayError("it is large and in column-major order; save it again with np.ascontiguousarray")

    def read(self) -> NDArray[Any]:
        """Return the next row.

        Raises:
            BrokenArrayError: the stream ends before the end of the row.
        """
        if self._is_by_columns:
            self._file, self._is_by_columns = io.BytesIO(self._by_rows()), False
        return np.frombuffer(self._content(self._row_bytes), self.dtype).reshape(self.row_shape)

    @property
    def _row_bytes(self) -> int:
        return prod(self.row_shape) * self.dtype.itemsize

    def _by_rows(self) -> bytes:
        """Return the numbers of an array that is stored by columns, row after row."""
        stored = np.frombuffer(self._content(self.count * self._row_bytes), self.dtype)
        return stored.reshape((self.count, *self.row_shape), order="F").tobytes()

    def _content(self, size: int) -> bytes:
        try:
            content = self._file.read(size)
        except (OSError, EOFError, BadZipFile, zlib.error) as error:
            raise BrokenArrayError(str(error)) from error
        if len(content) != size:
            raise BrokenArrayError("it ends in the middle of a row")
        return content


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        version = np.lib.format.read_magic(file)
        reader = readers[version]
        shape, column_major, dtype = reader(file, max_header_size=MAX_HEADER_BYTES)
    except KeyError:
        raise BrokenArrayError("it uses the .npy version for structured types") from None
    except (ValueError, OSError, EOFError, BadZipFile, zlib.error) as error:
        raise BrokenArrayError(str(error).splitlines()[0]) from error
    return shape, column_major, dtype
