"""Samples from a .csv of numbers: one row for each sample, one column for each number of the model's inputs."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.inputs import InputSpec, Sample, describe
from calibration.samples import Array
from calibration.sources.conversion import as_sample, watched
from calibration.sources.request import Request, Stream
from zoo.errors import UsageProblemError

# Names of a column with the target; the name of an output is another.
TARGETS = ("label", "labels", "class", "class_index", "target", "targets", "y")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A .csv as text.

    Attributes:
        name: of the file.
        header: the names of the columns; empty without a first line of names.
        rows: the cells of every row.
    """

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.rows[0])

    def numbers(self, columns: Collection[int]) -> NDArray[np.float64]:
        """Return the cells of some columns, of shape (rows, columns).

        Raises:
            UsageProblemError: a cell is no finite number; the message names its line and column.
        """
        found = np.empty((len(self.rows), len(columns)))
        for line, row in enumerate(self.rows):
            for place, column in enumerate(columns):
                found[line, place] = self._number(line, column, row[column])
        return found

    def _number(self, line: int, column: int, cell: str) -> float:
        try:
            number = float(cell)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            where = self.header[column] if self.header else str(column + 1)
            raise UsageProblemError(
                f"{self.name}, line {line + 1 + bool(self.header)}: column {where} holds {cell!r}, not a number"
            )
        return number


def read(path: Path) -> Table:
    """Return the rows of a .csv, whose first line may name the columns.

    Raises:
        UsageProblemError: the file cannot be read, is empty, or its rows have different lengths.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [tuple(cell.strip() for cell in row) for row in csv.reader(file) if any(map(str.strip, row))]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageProblemError(f"{path.name} cannot be read as a .csv: {error}") from None
    header = rows.pop(0) if rows and not any(_is_number(cell) for cell in rows[0]) else ()
    if not rows:
        raise UsageProblemError(f"{path.name} holds no rows of numbers")
    for line, row in enumerate(rows, 1 + bool(header)):
        if len(row) != len(header or rows[0]):
            raise UsageProblemError(
                f"{path.name}, line {line}: {len(row)} columns, but the lines before have {len(header or rows[0])}"
            )
    return Table(name=path.name, header=header, rows=tuple(rows))


def columns(
    table: Table, inputs: Mapping[str, InputSpec], targets: Collection[str] | None = None
) -> dict[str, list[int]]:
    """Return the columns of each input, by name.

    A header may name them `input` or `input.0`, `input.1` and so on; other columns are then ignored. Otherwise the
    columns that are no targets hold the inputs in the model's order.

    Args:
        table: the file.
        inputs: the model's inputs by name.
        targets: further names of columns with targets; None if none are expected. Without a header the
            targets are the columns behind the inputs.

    Raises:
        UsageProblemError: the number of columns does not fit.
    """
    sizes = {name: prod(spec.shape) for name, spec in inputs.items()}
    named = {name: _named(table.header, name, size) for name, size in sizes.items()}
    if all(named.values()):
        return named
    outputs = {*TARGETS, *(one.casefold() for one in targets or ())}
    free = [place for place in range(table.width) if not table.header or table.header[place].casefold() not in outputs]
    if targets and not table.header:
        free = free[: sum(sizes.values())]
    if len(free) != sum(sizes.values()):
        raise UsageProblemError(
            f"{table.name} has {len(free)} columns of inputs, but the model takes {sum(sizes.values())} numbers "
            f"({describe(inputs)}); name the columns in the first line, and a column of targets `label`"
        )
    found = {}
    for name, size in sizes.items():
        found[name], free = free[:size], free[size:]
    return found


def arrays(table: Table, inputs: Mapping[str, InputSpec], targets: Collection[str] | None = None) -> dict[str, Array]:
    """Return the rows of every input (N, ...), integers for inputs of integers.

    Raises:
        UsageProblemError: a column is missing or holds something else than numbers.
    """
    found = {}
    for name, places in columns(table, inputs, targets).items():
        values = table.numbers(places).reshape(len(table.rows), *inputs[name].shape)
        whole = np.issubdtype(np.dtype(inputs[name].dtype), np.integer) and np.array_equal(values, np.rint(values))
        found[name] = values.astype(np.int64) if whole else values
    return found


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


def _named(header: tuple[str, ...], name: str, size: int) -> list[int]:
    """Return the columns that the header names for an input of `size` numbers; empty if it does not."""
    names = [name] if size == 1 and name in header else [f"{name}.{number}" for number in range(size)]
    return [header.index(one) for one in names] if all(one in header for one in names) else []


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
