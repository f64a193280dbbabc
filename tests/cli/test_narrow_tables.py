"""Every table fits the terminal: its verdict and its format are in each row, and no name is cut."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from io import StringIO
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from export.bundle.report import rows as report_rows
from export.bundle.report.rows import Row
from export.cli.commands import bench, doctor, inspect
from export.cli.tables import decoding, export, fitting, layers, predictions, proof
from export.cli.tables.fitting import Column, broken, print_fitting
from zoo.metric import METRICS

WIDTHS = range(60, 141)
LONG_NAME = "efficientnet_lite4-with-a-head_for-fashion-mnist-trained-in-november-int8"
VERDICTS = ("proven", "runs", "failed", "not written", "does not run")
SCHEMES = ("float32", "int8", "int8, 128 layers float32", "w8a16", "int8_dynamic", "int8, 12 layers wider")
REASONS = ("", "for comparison, not written", "sqnr_db of " + "block_13_expand_depthwise_conv2d/BiasAdd;" * 3)


def printed(width: int, columns: Sequence[Column], cells: Sequence[Sequence[Any]]) -> list[str]:
    """Return the lines of a table."""
    text = StringIO()
    print_fitting(Console(file=text, width=width), columns, cells)
    return text.getvalue().splitlines()


def table_rows(metric: Any, seed: int) -> list[Row]:
    """Return random rows of the table of an export."""
    draw = random.Random(seed)
    return [
        Row(
            file=f"{LONG_NAME}{suffix}",
            scheme=draw.choice(SCHEMES),
            format=suffix,
            size=draw.choice(["-", "4.28 MB", "123 kB", "1.23 GB"]),
            ratio=draw.choice(["-", "0.27"]),
            sqnr=draw.choice(["-", "24.2", "-10.3"]),
            agreement=draw.choice(["-", "100.0", "R2 0.9999", "cos 0.9999"]),
            score=draw.choice(["", "0.123", "12345.6"]) if metric else "",
            time=draw.choice(["-", "0.012", "12345.67"]),
            verdict=draw.choice(VERDICTS),
            reason=draw.choice(REASONS),
            state=draw.choice(["good", "noted", "failed"]),
        )
        for suffix in (".tflite", ".onnx") * 4
    ]


BY_LENGTH = sorted(METRICS, key=lambda metric: len(metric.heading))


@pytest.mark.parametrize("metric", [None, BY_LENGTH[0], BY_LENGTH[-1]], ids=["unlabelled", "short", "long"])
def test_export_shows_format_and_verdict_in_each_row(metric: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for width in WIDTHS:
        shown = table_rows(metric, width)
        monkeypatch.setattr(export, "rows", lambda _, shown=shown: shown)
        monkeypatch.setattr(export, "headline", lambda _: metric)
        text = StringIO()
        export.print_rows(Console(file=text, width=width), {}, title="title")
        lines = text.getvalue().splitlines()
        assert max(map(len, lines)) <= width
        first = next(place for place, line in enumerate(lines) if line.startswith("──")) + 1
        starts = [line for line in lines[first:] if {".tflite", ".onnx"} & set(line.split())]
        assert len(starts) == len(shown)
        for row, line in zip(shown, starts, strict=True):
            words = line.split()
            assert row.format in words
            assert row.verdict in line.partition(row.format)[2]
        # On a wide terminal the reasons stand in the last column.
        place = lines[first - 2].index("verdict") if width >= export.WIDE else 0
        told = "".join("".join(line[place:] for line in lines).split())
        assert all("".join(row.reason.split()) in told for row in shown)


def constants() -> Iterator[tuple[str, Sequence[Column]]]:
    """Yield the columns of the tables that are always the same, by name."""
    for module in (bench, decoding, layers, proof):
        yield module.__name__, module.COLUMNS
    yield "edges", inspect.EDGES
    yield "operators", inspect.OPERATORS
    yield "dependencies", doctor.DEPENDENCIES
    yield "machine", doctor.MACHINE
    yield "outputs", predictions.OUTPUTS


FIXED = dict(constants())


def cell(column: Column, seed: int) -> str:
    """Return a long cell of a column that breaks, and a usual one of any other."""
    if column.breaks:
        return f"{LONG_NAME}_{seed}.tflite"
    return "not made" if column.heading == "result" else "123.4"


@pytest.mark.parametrize("name", FIXED)
def test_no_name_is_cut_and_no_needed_column_is_lost(name: str) -> None:
    columns = FIXED[name]
    cells = [[cell(column, seed) for column in columns] for seed in range(3)]
    for width in WIDTHS:
        lines = printed(width, columns, cells)
        assert max(map(len, lines)) <= width, width
        needed = [column for column in columns if column.rank == 0]
        assert all(column.heading in lines[0] for column in needed), width
        assert "\u2026" not in "".join(lines)
        if len([column for column in columns if column.breaks]) == 1:
            # The only cell that breaks stands in the lines of its column, whole.
            start = lines[0].index(next(column.heading for column in columns if column.breaks))
            text = "".join(line[start:].split("  ")[0].strip() for line in lines[2:])
            assert all(f"{LONG_NAME}_{seed}.tflite" in text for seed in range(3)), width


@pytest.mark.parametrize("width", range(1, 90))
def test_broken_cell_keeps_every_character_and_breaks_behind_dashes(width: int) -> None:
    for text in (LONG_NAME, "--raise layer_1=int16", "a sentence of some words", "", "two\nlines", "Modell für 画像"):
        lines = str(broken(text, width)).split("\n")
        assert "".join("".join(lines).split()) == "".join(text.split())
        assert all(Text(line).cell_len <= max(width, 2) for line in lines)
        if width >= len("efficientnet_") and text == LONG_NAME:
            assert all(line.endswith(("-", "_")) for line in lines[:-1])
        if width >= len("--raise"):
            assert not any(line.endswith(("-", "--")) and text.startswith("--") for line in lines)


def test_more_columns_are_shown_the_wider_the_terminal_is() -> None:
    columns = FIXED[bench.__name__]
    counts = [len(printed(width, columns, [["x"] * len(columns)])[0].split("  ")) for width in (30, 60, 140)]
    assert counts == sorted(counts)


def test_style_of_a_broken_cell_survives() -> None:
    found = broken(Text.assemble(("proven", "green"), ("  one two three", "dim")), 8)
    assert str(found) == "proven\none two\nthree"
    assert {(str(span.style)) for span in found.spans} == {"green", "dim"}


def test_rows_of_the_report_and_the_terminal_are_the_same() -> None:
    assert export.rows is report_rows.rows


def test_gap_between_columns_is_never_lost() -> None:
    assert min(fitting.GAPS) >= 2
