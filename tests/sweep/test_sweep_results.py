"""The page, the tables and the Pareto front of a sweep show what the jobs measured."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from export.bundle.report.sweep_chart import HEIGHT, WIDTH, charts
from export.cli.tables.sweep import MOST_ROWS, print_results
from export.sweep.job import Outcome
from export.sweep.results import write
from export.sweep.rows import Row, rows
from export.sweep.store import Store
from tests.sweep.records import file, outcome

TOP1 = ("top1", "top-1 %")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(str(tmp_path / "out" / "store"))


def front_of(found: list[Row]) -> set[str]:
    """Return the names of the files on a front."""
    return {row["file"] for row in found if row["on_front"]}


def test_without_labels_each_model_has_a_front_of_its_own(store: Store, tmp_path: Path) -> None:
    small = [file("s1", 1000, 30, 1.0), file("s2", 2000, 20, 2.0), file("s3", 900, 20, 1.0)]
    large = [file("l1", 90_000, 25, 9.0), file("l2", 80_000, 40, 8.0)]
    found = rows(
        [outcome(store, tmp_path / "a", "a", "r", small), outcome(store, tmp_path / "b", "b", "r", large)], store
    )
    assert front_of(found) == {"s1", "s3", "l2"}


def test_with_labels_models_share_a_front(store: Store, tmp_path: Path) -> None:
    one = outcome(store, tmp_path / "a", "a", "r", [file("good", 1000, 30, 1.0, score=0.8)], metric=TOP1)
    two = outcome(store, tmp_path / "b", "b", "r", [file("worse", 2000, 60, 2.0, score=0.7)], metric=TOP1)
    six = outcome(store, tmp_path / "c", "c", "r", [file("better", 9000, 20, 9.0, score=0.9)], metric=TOP1)
    assert front_of(rows([one, two, six], store)) == {"good", "better"}


def test_lower_loss_is_better(store: Store, tmp_path: Path) -> None:
    files = [file("low", 1000, 30, 1.0, score=2.0), file("high", 1000, 30, 1.0, score=9.0)]
    found = rows([outcome(store, tmp_path / "a", "a", "r", files, metric=("perplexity", "perplexity"))], store)
    assert front_of(found) == {"low"}


def test_failed_files_are_on_no_front(store: Store, tmp_path: Path) -> None:
    files = [file("bad", 10, 90, 0.1, reason="sqnr: too low"), file("good", 1000, 30, 1.0)]
    found = rows([outcome(store, tmp_path / "a", "a", "r", files, passed=False)], store)
    assert front_of(found) == {"good"}


class Links(HTMLParser):
    """Collects the tags of a page and what it refers to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.found += [value or "" for name, value in attrs if name in ("href", "src")]


def finished(store: Store, tmp_path: Path) -> list[Outcome]:
    """Return the outcomes of three jobs: a good one, one that failed its proof, one that crashed."""
    good = outcome(store, tmp_path / "a", "lenet5", "int8", [file("a.tflite", 71_000, 24.2, 0.02)])
    bad = outcome(
        store, tmp_path / "b", "b", "int8", [file("b.tflite", 9, 2.0, 0.1, reason="sqnr: <b>low</b>")], passed=False
    )
    lost = Outcome(
        job=outcome(store, tmp_path / "c", "c", "int8", []).job, packs={}, error="the worker crashed (SIGSEGV)"
    )
    return [good, bad, lost]


def test_page_is_whole_escaped_and_links_to_reports(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(finished(store, tmp_path), store, out, total=3, title="Sweep of <three>", command="zoo sweep sweep.toml")
    page = (out / "index.html").read_text()
    assert "2 of 3 jobs failed" in page
    assert "the worker crashed (SIGSEGV)" in page
    assert "<three>" not in page
    assert "<b>low" not in page
    assert page.count("<svg") == 2
    links = Links(page)
    assert "script" not in links.tags
    assert not any(link.startswith(("http", "//")) for link in links.found)
    assert links.found
    assert all((out / link).is_file() for link in links.found)
    assert (out / "exports" / "lenet5-int8" / "report.html").read_text() == "a report"


def test_csv_and_json_hold_every_row(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(finished(store, tmp_path), store, out, total=3, title="Sweep", command="zoo sweep sweep.toml")
    with (out / "results.csv").open() as table:
        found = list(csv.DictReader(table))
    assert [row["job"] for row in found] == ["lenet5-int8", "b-int8", "c-int8"]
    assert (found[0]["bytes"], found[0]["sqnr_db"], found[0]["on_front"]) == ("71000", "24.2", "True")
    assert (found[2]["bytes"], found[2]["error"]) == ("", "the worker crashed (SIGSEGV)")
    record = json.loads((out / "results.json").read_text())
    assert [row["job"] for row in record["rows"]] == [row["job"] for row in found]
    assert (record["jobs"], record["failed"], record["left"]) == (3, 2, 0)


def test_written_again_the_results_are_replaced_and_own_files_stay(store: Store, tmp_path: Path) -> None:
    out, all_of_them = tmp_path / "out", finished(store, tmp_path)
    (out / "exports" / "b-int8").mkdir(parents=True)
    for some in (all_of_them[:1], all_of_them):
        write(some, store, out, total=3, title="Sweep", command="zoo sweep sweep.toml")
    assert len(json.loads((out / "results.json").read_text())["rows"]) == 3
    assert not (out / "exports" / "b-int8").is_symlink()
    assert sorted(path.name for path in out.iterdir()) == [
        *("exports", "index.html", "results.csv", "results.json", "store"),
    ]


def many(count: int) -> list[dict[str, Any]]:
    """Return files from small and bad to large and good, over four decades."""
    return [file(f"{n}.tflite", 10 ** (3 + n % 4) + n, 20.0 + n, 0.01 * 5 ** (n % 4)) for n in range(count)]


@pytest.mark.parametrize("count", [1, 2, 40])
def test_charts_stay_inside_their_frame(count: int, store: Store, tmp_path: Path) -> None:
    found = charts(rows([outcome(store, tmp_path / "a", "a", "r", many(count))], store))
    assert [chart.axis.partition(",")[0] for chart in found] == ["size", "latency"]
    for chart in found:
        assert len(chart.dots) == count
        assert all(0 <= dot.x <= WIDTH and 0 <= dot.y <= HEIGHT for dot in chart.dots)
        assert len(chart.ticks) >= 2
        assert sum(len(line) for line in chart.fronts) == sum(dot.style == "on-front" for dot in chart.dots)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_table_fits_the_terminal(width: int, store: Store, tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    print_results(console, rows(finished(store, tmp_path), store))
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    table = printed.partition("\n\n")[0]
    assert max(map(len, table.splitlines())) <= width
    assert {"job", "format", "verdict"} <= set(re.findall(r"\w+", table.splitlines()[0]))
    assert "c-int8: the worker crashed (SIGSEGV)" in " ".join(printed.split())


def test_long_table_shows_the_front_and_what_failed(store: Store, tmp_path: Path) -> None:
    files = [*many(MOST_ROWS), file("bad.tflite", 1, 1.0, 1.0, reason="sqnr: low")]
    found = rows([outcome(store, tmp_path / "a", "a", "r", files, passed=False)], store)
    console = Console(file=io.StringIO(), width=120)
    print_results(console, found)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    shown = [line for line in printed.splitlines() if line.startswith("a-r ")]
    assert 0 < len(shown) < len(found)
    assert sum("failed" in line for line in shown) == 1
    assert f"{len(found) - len(shown)} files that others beat" in printed
