"""The table of an export shows every verdict and its reason, however narrow the terminal is."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from export.cli.tables.export import print_table
from export.pipeline import Delivery, run
from export.recipe import Recipe, Width
from export.scheme import INT8


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Delivery:
    """An int8 export with a layer in int16, which has a long name in the table and a long reason."""
    out: Path = tmp_path_factory.mktemp("out")
    return run(Recipe(model="lenet5", schemes=(INT8,), formats=("tflite",), raised={"c3": Width.INT16}, out=out))


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_every_verdict_and_reason_is_printed_in_full(width: int, delivery: Delivery) -> None:
    text = StringIO()
    print_table(Console(file=text, width=width), delivery.manifest, title="title")
    lines = text.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert sum("proven" in line for line in lines) == 2
    assert sum(".tflite " in line for line in lines) >= 2
    words = " ".join(text.getvalue().split())
    (compared,) = delivery.manifest["not_delivered"][0]["comparisons"].values()
    for part in ("in higher precision: c3", f"{compared['sqnr_db']:.1f}", "float32", "int16"):
        assert part in words
