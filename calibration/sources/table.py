"""Samples from a .csv of numbers: one row for each sample, one column for each number of the model's inputs."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.inputs import InputSpec, Sample, numbers_of
from calibration.samples import Array
from calibration.sources import columns
from calibration.sources.conversion import as_sample, watched
from calibration.sources.request import Request, Stream
from zoo.errors import UsageProblemError


@dataclass(frozen=True, kw_only=True)
class Table:
    """A .csv as text.

    Attributes:
        name: of the file.
        header: the names of the columns; empty without a first line of names.
        rows: the cells of every row.
        lines: the number of every row's line in the file.
    """

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.rows[0])

    def numbers(self, places: Collection[int]) -> NDArray[np.float64]:
        """Return the cells of the columns at some places, of shape (rows, places).

        Raises:
            UsageProblemError: a cell is no finite number; the message names its line and column.
        """
        found = np.empty((len(self.rows), len(places)))
        for place, row in enumerate(self.rows):
            found[place] = [self._number(self.lines[place], column, row[column]) for column in places]
        return found

    def _number(self, line: int, column: int, cell: str) -> float:
        number = float(cell) if _is_number(cell) and "_" not in cell else math.nan
        if not math.isfinite(number):
            where = self.header[column] if self.header else str(column + 1)
            raise UsageProblemError(f"{self.name}, line {line}: column {where} holds {cell!r}, not a number")
        return number


def read(path: Path) -> Table:
    """Return the rows of a .csv, whose first line may name or number the columns.

    Raises:
        UsageProblemError: the file cannot be read, is empty, or its rows have different lengths.
    """
    rows = dict[int, tuple[str, ...]]()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            for cells in reader:
                if any(map(str.strip, cells)):
                    rows[reader.line_num] = tuple(cell.strip() for cell in cells)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageProblemError(f"{path.name} cannot be read as a .csv: {error}") from None
    first: tuple[str, ...] = next(iter(rows.values()), ())
    for line, row in rows.items():
        if len(row) != len(first):
            raise UsageProblemError(
                f"{path.name}, line {line}: {len(row)} columns, but the lines before have {len(first)}"
            )
    is_header = not any(map(_is_number, first)) or (len(rows) > 1 and columns.is_counted(first))
    if is_header and rows:
        del rows[next(iter(rows))]
    if not rows:
        raise UsageProblemError(f"{path.name} holds no rows of numbers")
    return Table(name=path.name, header=first if is_header else (), rows=tuple(rows.values()), lines=tuple(rows))


def find_columns(
    table: Table, inputs: Mapping[str, InputSpec], outputs: Collection[str] | None = None
) -> columns.Columns:
    """Return the columns of the inputs, and those of the targets if names of outputs are given.

    Raises:
        UsageProblemError: the columns do not fit, or there are no targets.
    """
    return columns.find(table.name, table.header, table.width, inputs, outputs)


def arrays(table: Table, inputs: Mapping[str, InputSpec], outputs: Collection[str] | None = None) -> dict[str, Array]:
    """Return the rows of every input (N, ...), integers for inputs of integers.

    Raises:
        UsageProblemError: a column is missing or holds something else than numbers that fit the input's type.
    """
    found = {}
    specs = _as_stored(table, inputs)
    for name, places in find_columns(table, specs, outputs).inputs.items():
        if specs[name] is not inputs[name]:
            texts = np.array([[row[place] for place in places] for row in table.rows])
            found[name] = numbers_of(table.name, name, inputs[name], texts)
            continue
        values: Array = table.numbers(places).reshape(len(table.rows), *inputs[name].shape)
        if not _fits(values, inputs[name].dtype):
            raise UsageProblemError(f"{table.name}: {name!r} holds values that do not fit into {inputs[name].dtype}")
        whole = np.issubdtype(np.dtype(inputs[name].dtype), np.integer) and np.array_equal(values, np.rint(values))
        found[name] = values.astype(np.int64) if whole else values
    return found


def _as_stored(table: Table, inputs: Mapping[str, InputSpec]) -> Mapping[str, InputSpec]:
    """Return the inputs as the columns hold them: texts instead of their numbers, if only texts fit."""
    by_texts = {name: replace(spec, shape=spec.texts.shape) if spec.texts else spec for name, spec in inputs.items()}
    numbers, texts = (sum(prod(spec.shape) for spec in one.values()) for one in (inputs, by_texts))
    are_words = numbers == texts and not all(map(_is_number, table.rows[0]))
    return by_texts if numbers > table.width or are_words else inputs


def open_table(path: Path, request: Request) -> Stream:
    """Return a random choice of the rows in `path`, in the file's order.

    Raises:
        UsageProblemError: the file is damaged, or its columns do not fit the model.
    """
    values = arrays(read(path), request.inputs)
    total = len(next(iter(values.values())))
    stream = Stream(source=f"{path.name}, {total} rows", samples=iter(()), photos=False)
    stream.samples = watched(_rows(path.name, values, request, total), request, stream.warnings)
    return stream


def _rows(name: str, values: Mapping[str, Array], request: Request, total: int) -> Iterator[Sample]:
    wanted = min(total, request.total + request.total // 10)  # 10 % more, because repeated rows are left out
    chosen = np.random.default_rng(request.seed).choice(total, wanted, replace=False)
    for row in sorted(chosen):
        yield as_sample(name, {key: array[row] for key, array in values.items()}, request)


def _fits(values: Array, dtype: str) -> bool:
    """Return whether finite numbers are within the range of a type."""
    if np.issubdtype(np.dtype(dtype), np.integer):
        first, last = np.iinfo(dtype).min, min(np.iinfo(dtype).max, np.iinfo(np.int64).max)
        return bool((values >= float(first)).all() and (values < float(last) + 1).all())
    with np.errstate(over="ignore"):
        return bool(np.isfinite(values.astype(dtype)).all())


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
