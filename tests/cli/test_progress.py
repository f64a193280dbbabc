"""Progress: numbers of steps that never go back, and a remaining time that is only told where it is known."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from calibration.samples import Samples
from export import process
from export import progress as progress_module
from export.cli import planned_steps, usual_time
from export.cli.main import main
from export.cli.progress_bar import ProgressBar, Step, words
from export.cli.remaining import in_words, seconds_left
from export.formats import PRIMARY
from export.progress import Progress
from export.recipe import Recipe
from export.runtime.jobs.observe import observe
from export.scheme import FLOAT32, INT8, INT8_DYNAMIC
from export.units import count_in_words

ZOO_PAGE = Path(__file__).resolve().parents[2] / "docs/zoo.md"


def history(*pairs: tuple[float, int]) -> tuple[tuple[float, int], ...]:
    return pairs


def test_even_pace_tells_the_rest() -> None:
    reports = history(*((2.0 * done, done) for done in range(1, 11)))
    assert seconds_left(reports, 40) == pytest.approx(60)


@pytest.mark.parametrize(
    ("reports", "total"),
    [
        ((), 10),
        (((0.1, 1), (0.2, 2), (0.3, 3), (0.4, 4)), 10),  # too early to tell
        (((5.0, 1), (10.0, 2)), 10),  # too few parts
        (((1.0, 4), (2.0, 8), (30.0, 12)), 20),  # it becomes slower
        (((10.0, 4), (20.0, 8), (21.0, 16)), 20),  # it becomes faster
        (((2.0, 2), (4.0, 4), (8.0, 8)), 8),  # done
    ],
)
def test_uneven_pace_tells_nothing(reports: tuple[tuple[float, int], ...], total: int) -> None:
    assert seconds_left(reports, total) is None


def test_remaining_time_counts_down_between_two_reports_and_is_never_negative() -> None:
    step = Step(what="train", begun=100.0, total=20, history=history(*((float(n), n) for n in range(1, 11))))
    shown = [words("train", step, 110.0 + late, 110.0 + late, 200) for late in (0, 3, 6, 9, 12)]
    told = [int(found[1]) if (found := re.search(r"about (\d+) s left", line)) else None for line in shown]
    assert told[0] == 10
    assert told[:4] == sorted((one for one in told[:4] if one), reverse=True)
    assert told[4] is None  # it takes longer than foreseen


def test_narrow_line_keeps_the_step() -> None:
    step = Step(what="reconstruct the weights", begun=0.0, total=28, history=((1.0, 3),), detail="loss 0.123")
    line = words("step 6 of 14: reconstruct the weights", step, 2.0, 30.0, 60)
    assert line == "step 6 of 14: reconstruct the weights (3 of 28), loss 0.123"
    assert words("step 6 of 14: reconstruct the weights", step, 2.0, 30.0, 20) == f"{line.partition(',')[0]}"


def test_seconds_are_rounded_as_a_person_would() -> None:
    assert [in_words(one) for one in (0.2, 7.4, 23, 61, 200, 3000)] == [
        "1 s",
        "7 s",
        "25 s",
        "1 min",
        "3 min",
        "50 min",
    ]


def lines_of(planned: tuple[str, ...], *steps: str) -> list[str]:
    text = StringIO()
    with ProgressBar(Console(file=text, width=60), planned) as progress:
        for step in steps:
            progress.step(step)
    return text.getvalue().splitlines()


def test_numbers_never_go_back() -> None:
    found = lines_of(("a", "b", "c"), "a", "x", "c", "b", "x")
    assert found == ["- step 1 of 3: a", "- step 1 of 3: x", "- step 3 of 3: c", "- step 3 of 3: b", "- step 3 of 3: x"]


@pytest.mark.parametrize(("terminal", "lines"), [("dumb", ["- a", "- b"]), ("xterm", [])])
def test_terminal_that_cannot_go_back_in_a_line_gets_lines(terminal: str, lines: list[str]) -> None:
    text = StringIO()
    console = Console(file=text, width=60, force_terminal=True, color_system=None, _environ={"TERM": terminal})
    with ProgressBar(console) as progress:
        progress.step("a")
        progress.step("b")
    assert [line for line in text.getvalue().splitlines() if line.startswith("- ")] == lines


def test_opening_comes_with_the_first_step_only() -> None:
    text = StringIO()
    with ProgressBar(Console(file=text, width=60), opening="it takes long") as progress:
        assert text.getvalue() == ""
        progress.step("a")
        progress.step("b")
    assert text.getvalue().splitlines() == ["- it takes long", "- a", "- b"]


def test_result_of_a_counted_step_stays() -> None:
    text = StringIO()
    with ProgressBar(Console(file=text, width=60, force_terminal=True, color_system=None)) as progress:
        progress.step("epoch 1", 1, 2, "loss 0.9")
        progress.step("epoch 1", 2, 2, "loss 0.5, accuracy 91.0 %")
        progress.step("epoch 2", 1, 2, "loss 0.4")
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.getvalue())
    assert "epoch 1: loss 0.5, accuracy 91.0 %\n" in plain.replace("\r", "")
    assert "epoch 1: loss 0.9" not in plain


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--int8"],
        ["--precision", "w8a16,float16", "--format", "onnx"],
        ["--int8", "--prune", "0.5", "--diagnose"],
    ],
)
def test_every_planned_step_is_reported_in_order(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "lenet5", *options, "--out", str(tmp_path)]) == 0
    reported = [line for line in capsys.readouterr().err.splitlines() if line.startswith("- step ")]
    numbers = [tuple(map(int, re.findall(r"\d+", line)[:2])) for line in reported]
    count = numbers[-1][1]
    assert list(dict.fromkeys(number for number, _ in numbers)) == list(range(1, count + 1))
    assert {total for _, total in numbers} == {count}


def test_choice_of_the_precision_has_no_plan() -> None:
    from export.recipe import Budget

    assert planned_steps.of_export(Recipe(model="lenet5", budget=Budget(max_bytes=10**5))) == ()


MEASURED = [
    (cells[1].strip(), float(cells[4]))
    for line in ZOO_PAGE.read_text(encoding="utf-8").splitlines()
    if len(cells := line.split("|")) == 11 and cells[4].strip().isdigit()
]


def test_usual_time_holds_for_four_in_five_networks_of_the_zoo_page() -> None:
    inside = []
    for name, took_s in MEASURED:
        low, high = usual_time.seconds(usual_time.parameters(name)) or (0, 0)
        inside.append(low <= took_s <= high)
    assert len(inside) > 30
    assert sum(inside) >= 0.8 * len(inside)


@pytest.mark.parametrize("count", [most for most, _ in usual_time.SECONDS])
def test_usual_time_of_each_size_is_that_of_measured_networks(count: float) -> None:
    low, high = usual_time.seconds(int(count)) or (0, 0)
    took_s = [took for name, took in MEASURED if usual_time.seconds(usual_time.parameters(name)) == (low, high)]
    assert len(took_s) >= 4
    assert low <= sorted(took_s)[len(took_s) // 2] <= high


def test_usual_time_is_told_only_where_it_was_measured() -> None:
    assert "20 s to 1.5 min" in usual_time.sentence(Recipe(model="mobilenet", schemes=(INT8,)))
    assert "less than 1.5 min" in usual_time.sentence(Recipe(model="mobilenet", schemes=(FLOAT32,)))
    assert usual_time.sentence(Recipe(model="gpt2_xl", schemes=(INT8_DYNAMIC,))) == ""
    assert usual_time.sentence(Recipe(model="mine/missing.keras", schemes=(INT8,))) == ""


def test_parameters_of_a_file_are_those_of_its_model(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((99,)), keras.layers.Dense(10_000)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)  # whose numbers triple the size of the file
    model.save(tmp_path / "mine.keras")
    assert count_in_words(usual_time.parameters(str(tmp_path / "mine.keras"))) == "1.00 M"


class Recorded:
    """A progress that keeps its counted reports."""

    def __init__(self) -> None:
        self.seen: list[tuple[int | None, int | None]] = []

    def step(self, what: str, done: int | None = None, total: int | None = None, detail: str = "") -> None:
        self.seen.append((done, total))


def test_job_that_is_timed_reports_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.1, 0.4, 0.6, 0.7, 1.2, 1.3])
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: next(now))
    recorded = Recorded()
    sparing = progress_module.Sparing(recorded, last_s=0.0)
    for done in range(6):
        sparing(done, 6)
    assert recorded.seen == [(2, 6), (4, 6)]


def test_observing_ranges_tells_how_many_samples_are_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    monkeypatch.setattr(progress_module, "SPARED_SECONDS", 0.0)
    model = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(2)])
    (tmp_path / "float.tflite").write_bytes(PRIMARY.convert(model, {}))
    Samples(inputs={"x": np.ones((5, 4), np.float32)}, source="tests", seed=0).save(tmp_path / "samples")
    recorded = Recorded()
    observe(str(tmp_path / "float.tflite"), str(tmp_path / "samples"), "min-max", recorded)
    assert recorded.seen == [(done, 5) for done in range(5)]


def test_reports_of_a_job_in_a_child_process_arrive() -> None:
    seen: list[tuple[int, int]] = []
    process.call(count_to, counted=lambda done, total: seen.append((done, total)), limit=3, fresh=True)
    assert seen == [(0, 3), (1, 3), (2, 3)]


def count_to(limit: int, progress: Progress) -> dict[str, int]:
    """Report each number below the limit."""
    for done in range(limit):
        progress.step("count", done, limit)
    return {"limit": limit}
