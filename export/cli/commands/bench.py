"""`zoo bench DIR|FILE...`: measure the latency and the memory of model files on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from export.cli.console import print_json, print_sentence, standard_error, standard_output
from export.cli.tables.fitting import Column, number, print_fitting
from export.units import size_in_words
from zoo.errors import OutsideError, UsageProblemError

if TYPE_CHECKING:
    from export.runtime.benchmark import Contestant
    from export.scheme import Scheme

COLUMNS = (
    Column(heading="file", breaks=True, narrowest=20),
    number("size", rank=2),
    number("p50 ms"),
    number("p90 ms", rank=4),
    number("min ms", rank=6),
    number("of float32", rank=1),
    number("peak MB", rank=3),
    Column(heading="runtime", rank=5, breaks=True, narrowest=len("ai-edge-litert")),
)


@click.command()
@click.argument("paths", metavar="DIR|FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--runs",
    default=50,
    show_default=True,
    type=click.IntRange(min=1),
    help="Number of inferences per file; if it writes text, of new tokens behind every prompt.",
)
@click.option(
    "--threads", default=1, show_default=True, type=click.IntRange(min=1), help="Number of threads of the runtime."
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(paths: tuple[Path, ...], runs: int, threads: int, as_json: bool) -> int:
    """Measure latency and memory of model files, without TensorFlow.

    Of networks that write text: the time to the first token, and the speed of the tokens behind it.
    """
    from export.cli.progress_bar import ProgressBar
    from export.runtime.benchmark import bench
    from export.runtime.decoding import bench_decoding, decoders

    files = contestants(paths)
    with ProgressBar(standard_error()) as progress:
        writing = decoders(files)
        found = bench([file for file in files if file not in writing], runs, threads, progress)
        written = bench_decoding(writing, runs, threads, progress)
    if as_json:
        order = [str(file.path) for file in files]
        print_json(sorted([*found, *written], key=lambda record: order.index(record["file"])))
    else:
        _print_tables(found, written, threads)
    return OutsideError.exit_code if any(record["trouble"] for record in [*found, *written]) else 0


def contestants(paths: Sequence[Path]) -> list[Contestant]:
    """Return the model files to measure, with every delivered folder replaced by its files.

    Raises:
        UsageProblemError: a folder that is not an export or holds no model file, or a file in no supported format.
    """
    from export.bundle.read import read
    from export.formats import format_of
    from export.runtime.benchmark import Contestant

    found: list[Contestant] = []
    for path in paths:
        if path.is_dir():
            files = read(path).files
            if not files:
                raise UsageProblemError(f"{str(path)!r} contains no model file; export the model again")
            found += [Contestant(path=file.path, scheme=file.scheme) for file in files]
        else:
            format_of(path)
            found.append(Contestant(path=path, scheme=_named_scheme(path)))
    return list(dict.fromkeys(found))


def _named_scheme(path: Path) -> Scheme | None:
    from export.scheme import SCHEMES

    word = path.stem.rpartition("-")[2]
    return SCHEMES.get(word)


def _print_tables(found: list[dict[str, Any]], written: list[dict[str, Any]], threads: int) -> None:
    """Print the table of inferences and that of decoders; either only if it has rows."""
    from export.cli.tables.decoding import print_decoding

    if found:
        _print(found, threads)
    if written:
        print_decoding(written, _names([record["file"] for record in written]))


def _print(found: list[dict[str, Any]], threads: int) -> None:
    """Print a row for every file, the reasons of those that were not measured, and the legend."""
    console = standard_output()
    names = _names([timing["file"] for timing in found])
    print_fitting(console, COLUMNS, [_row(timing, name) for timing, name in zip(found, names, strict=True)])
    console.print()
    for timing, name in zip(found, names, strict=True):
        if timing["trouble"]:
            print_sentence(console, f"{name}: {timing['trouble']}", style="bold red")
    for line in _legend(found, threads):
        print_sentence(console, line, style="dim")


def _row(timing: Mapping[str, Any], name: str) -> tuple[str, ...]:
    size = size_in_words(timing["bytes"])
    if timing["trouble"]:
        return name, size, "-", "-", "-", "-", "-", "not measured"
    times = [f"{timing[key]:.3g}" for key in ("p50_ms", "p90_ms", "min_ms")]
    share = "-" if timing["of_float32"] is None else f"{timing['of_float32']:.2f}"
    return name, size, *times, share, f"{timing['peak_mb']:.0f}", f"{timing['runtime']} {timing['version']}"


def _names(files: list[str]) -> list[str]:
    """Return the file names, or the full paths if two files have the same name."""
    bare = [Path(file).name for file in files]
    return bare if len(set(bare)) == len(bare) else files


def _legend(found: list[dict[str, Any]], threads: int) -> list[str]:
    runs, empty = max(timing["runs"] for timing in found), max(timing["empty_mb"] for timing in found)
    inferences, on = f"{runs} inference{'s' * (runs != 1)}", f"{threads} thread{'s' * (threads != 1)}"
    return [
        f"{inferences} per file on {on}, alternating between the files; "
        "of float32: p50 divided by the p50 of the float32 file of the same model and format",
        f"peak MB: peak memory of the whole process; Python and NumPy alone take {empty:.0f} MB",
    ]
