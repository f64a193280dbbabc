"""Samples from an .npz or .npy file, read row by row without unpickling or loading whole arrays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile

import numpy as np

from calibration.inputs import TEXTS, InputSpec, Sample, check_castable, check_shape, describe
from calibration.sources.array_rows import ArrayRows, BrokenArrayError
from calibration.sources.conversion import as_sample, watched
from calibration.sources.request import Request, Stream
from zoo.errors import UsageProblemError


def open_arrays(path: Path, request: Request) -> Stream:
    """Return a random choice of the rows in `path`, in the file's order.

    Raises:
        UsageProblemError: the file is damaged, or its names, shapes, types or row counts do not fit the model.
    """
    with ExitStack() as stack:
        arrays = _open(path, request, stack)
        counts = {rows.count for rows in arrays.values()}
        if len(counts) > 1:
            listed = ", ".join(f"{name}: {rows.count}" for name, rows in arrays.items())
            raise UsageProblemError(f"{path.name}: the arrays must have one row per sample each ({listed})")
        photos = _check(path.name, arrays, request)
    total = counts.pop()
    stream = Stream(source=f"{path.name}, {total} rows", samples=iter(()), photos=photos)
    stream.samples = watched(_rows(path, request, total), request, stream.warnings)
    return stream


def names(path: Path) -> frozenset[str]:
    """Return the names of the arrays in `path`; empty if it is not a readable .npz file."""
    if path.suffix.lower() != ".npz" or not path.is_file():
        return frozenset()
    try:
        with ZipFile(path) as archive:
            return frozenset(name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy"))
    except (OSError, BadZipFile):
        return frozenset()  # `open_arrays` reports the problem


def check_readable(path: Path) -> None:
    """Check that an .npz or .npy holds at least one array with rows, without reading them.

    Raises:
        UsageProblemError: the file is damaged, or holds no rows.
    """
    try:
        with ExitStack() as stack:
            if path.suffix.lower() == ".npy":
                ArrayRows(stack.enter_context(path.open("rb")), texts=True)
                return
            archive = stack.enter_context(ZipFile(path))
            problems = []
            for name in sorted(names(path)):
                try:
                    ArrayRows(stack.enter_context(archive.open(f"{name}.npy")), texts=True)
                except BrokenArrayError as error:
                    problems.append(str(error))
                else:
                    return
    except (OSError, BadZipFile, BrokenArrayError, NotImplementedError, RuntimeError) as error:
        raise UsageProblemError(f"{path.name} cannot be read as {path.suffix}: {error}") from None
    raise UsageProblemError(f"{path.name} cannot be read as {path.suffix}: {next(iter(problems), 'it has no arrays')}")


def row_count(path: Path) -> int:
    """Return the number of rows of the arrays in an .npz or .npy; 0 if it is unreadable.

    Arrays that cannot be inputs, such as single values or texts, do not count.
    """
    try:
        with ExitStack() as stack:
            if path.suffix.lower() == ".npy":
                return ArrayRows(stack.enter_context(path.open("rb"))).count
            archive = stack.enter_context(ZipFile(path))
            counts = []
            for name in names(path):
                with suppress(BrokenArrayError):
                    counts.append(ArrayRows(stack.enter_context(archive.open(f"{name}.npy"))).count)
            return min(counts, default=0)
    except (OSError, BadZipFile, BrokenArrayError, NotImplementedError, RuntimeError):
        return 0  # `open_arrays` reports the problem


def row_specs(path: Path) -> dict[str, InputSpec]:
    """Return shape and type of a row of every array in an .npz, by name, or of the array in an .npy.

    Empty if the file is unreadable, which `open_arrays` reports.
    """
    try:
        with ExitStack() as stack:
            if path.suffix.lower() == ".npy":
                return {path.stem: _row_spec(stack.enter_context(path.open("rb")))}
            archive = stack.enter_context(ZipFile(path))
            return {name: _row_spec(stack.enter_context(archive.open(f"{name}.npy"))) for name in sorted(names(path))}
    except (OSError, BadZipFile, BrokenArrayError, NotImplementedError, RuntimeError):
        return {}


def _row_spec(file: IO[bytes]) -> InputSpec:
    rows = ArrayRows(file)
    return InputSpec(shape=rows.row_shape, dtype=rows.dtype.name)


def _check(what: str, arrays: dict[str, ArrayRows], request: Request) -> bool:
    """Check all shapes and types before reading rows; return whether the rows are camera bytes."""
    image = request.photo_input
    photos = image is not None and arrays[image].dtype == np.uint8
    for name, spec in request.inputs.items():
        rows = arrays[name]
        if rows.dtype.kind in TEXTS:
            continue
        if not (spec.shape[-1:] == (1,) and rows.row_shape == spec.shape[:-1]):
            check_shape(what, name, spec, rows.row_shape)
        if not (photos and name == image):
            check_castable(what, name, spec, rows.dtype)
    return photos


def _rows(path: Path, request: Request, total: int) -> Iterator[Sample]:
    generator = np.random.default_rng(request.seed)
    # Choose 10 % more rows than requested, because repeated rows are left out.
    wanted = min(total, request.total + request.total // 10)
    chosen = np.zeros(total, bool)
    chosen[generator.choice(total, wanted, replace=False)] = True
    with ExitStack() as stack:
        arrays = _open(path, request, stack)
        for keep in chosen:
            try:
                row = {name: rows.read() for name, rows in arrays.items()}
            except BrokenArrayError as error:
                raise UsageProblemError(f"{path.name} is damaged or truncated ({error}); create it again") from None
            if keep:
                yield as_sample(path.name, row, request)


def _open(path: Path, request: Request, stack: ExitStack) -> dict[str, ArrayRows]:
    """Open the array of every input; `stack` closes the files."""
    try:
        files = _open_npy(path, request, stack) if path.suffix.lower() == ".npy" else _open_npz(path, request, stack)
        return {name: ArrayRows(file, texts=request.inputs[name].texts is not None) for name, file in files.items()}
    except FileNotFoundError:
        raise UsageProblemError(f"no such file: {path}") from None
    except (OSError, BadZipFile, BrokenArrayError, NotImplementedError, RuntimeError) as error:
        # RuntimeError: an encrypted member; NotImplementedError: a compression that zipfile does not support.
        raise UsageProblemError(f"{path.name} cannot be read as {path.suffix}: {error}") from None


def _open_npy(path: Path, request: Request, stack: ExitStack) -> dict[str, IO[bytes]]:
    if len(request.inputs) != 1:
        raise UsageProblemError(
            f"{path.name} holds one array, but the model has {len(request.inputs)} inputs; "
            f"give an .npz with: {describe(request.inputs)}"
        )
    return {next(iter(request.inputs)): stack.enter_context(path.open("rb"))}


def _open_npz(path: Path, request: Request, stack: ExitStack) -> dict[str, IO[bytes]]:
    archive = stack.enter_context(ZipFile(path))
    members = {name.removesuffix(".npy"): name for name in archive.namelist() if name.endswith(".npy")}
    if len(members) == 1 and len(request.inputs) == 1:
        members = {next(iter(request.inputs)): next(iter(members.values()))}
    missing = [name for name in request.inputs if name not in members]
    if missing:
        held = ", ".join(members) or "none"
        raise UsageProblemError(
            f"{path.name} has no array named {' or '.join(map(repr, missing))} (it holds: {held}); "
            f"the model takes {describe(request.inputs)}"
        )
    return {name: stack.enter_context(archive.open(members[name])) for name in request.inputs}
