"""Budgets on the command line: the chosen file is printed, plotted and delivered; an impossible budget fails."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from export.bundle.report.budget_chart import chart
from export.bundle.report.rendering import render
from export.cli.main import main


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sentences are not broken."""
    monkeypatch.setenv("COLUMNS", "300")


def test_a_met_budget_is_reported_and_plotted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "--max-size",
        "100kB",
        "--format",
        "tflite",
        "--raise-to",
        "w8a32",
        "--no-reconstruct",
        "--probe-count",
        "40",
    ]
    assert main(["export", "lenet5", *words, "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "requested: at most 100 kB; chosen: int8" in printed
    folder = tmp_path / "lenet5"
    manifest = json.loads((folder / "manifest.json").read_text())
    (file,) = manifest["files"]
    assert manifest["probe"]["count"] == 40
    assert file["bytes"] <= 100_000
    assert file["bytes"] == manifest["budget"]["chosen"]["bytes"]
    assert any(check["id"] == "budget" and check["passed"] for check in file["checks"])
    page = (folder / "report.html").read_text()
    assert page.count("SQNR against") == 2
    assert "<script" not in page
    assert main(["verify", str(folder)]) == 0


def test_a_budget_that_cannot_be_met_writes_nothing_and_reports_the_nearest_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--max-size", "10kB", "--max-drop", "1%", "--format", "tflite", "--raise-to", "w8a32", "--no-reconstruct"]
    assert main(["export", "lenet5", *words, "--out", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "failed  budget: " in printed
    assert "requested: at most 1 % of the predictions changed, at most 10.0 kB; cannot be met; nearest:" in printed
    assert "1 % allows no change at all; add samples with --evaluate or --probe-count" in printed
    assert "nothing was written" in printed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--preset", "compakt"], "unknown preset 'compakt'; did you mean 'compact'?"),
        (["--preset", "compact", "--int8"], "choose the precision; leave out --precision"),
        (["--max-drop", "1%", "--raise", "c5"], "a budget chooses the layers itself"),
        (["--raise-to", "int16"], "--raise-to needs a budget; add --max-drop 1%"),
        (["--max-drop", "1%", "--weights", "random"], "but the weights are untrained"),
    ],
)
def test_invalid_options_are_refused(
    words: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "lenet5", *words, "--out", str(tmp_path)]) == 2
    assert expected in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_plot_is_complete_and_escapes_names() -> None:
    point = {
        "label": '<b>"int8"</b>',
        "bytes": 1000,
        "p50_ms": 1.0,
        "sqnr_db": 20.0,
        "changed": None,
        "lost": None,
        "presets": ["compact"],
        "on_front": True,
        "chosen": True,
    }
    other = {**point, "label": "float32", "bytes": 4000, "sqnr_db": 110.0, "presets": [], "chosen": False}
    drawn = render("budget_chart.svg", chart=chart([point, other], [1000, 4000], "size & more"))
    circles = ElementTree.fromstring(drawn).findall("circle")
    assert [circle.attrib["class"] for circle in circles] == ["on-front", "chosen"]  # on top of all others
    (large, small) = ((float(one.attrib["cx"]), float(one.attrib["cy"])) for one in circles)
    assert small[0] < large[0]
    assert small[1] > large[1]  # a better value lies higher
    assert "<b>" not in drawn


@pytest.mark.parametrize("largest", [0.0141, 0.9, 237.4, 1_000_000])
def test_axis_ticks_are_few_round_numbers_up_to_the_largest_value(largest: float) -> None:
    point = {"label": "int8", "bytes": 1, "p50_ms": 1.0, "sqnr_db": 20.0, "changed": None, "lost": None}
    drawn = chart([{**point, "presets": [], "on_front": True, "chosen": True}], [largest], "size")
    numbers = [float(tick.words) for tick in drawn.ticks]
    assert 3 <= len(numbers) <= 6
    assert numbers[0] == 0
    assert numbers[-1] > 0.6 * largest
    assert all(len(f"{number:g}") <= 7 for number in numbers)
    assert drawn.edges[0] <= drawn.ticks[-1].place <= drawn.edges[1]
