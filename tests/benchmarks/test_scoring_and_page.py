"""The evaluator against a computation by hand, and the page that receives the tables."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers.network import Network
from benchmarks.peers.page import replaced, table
from benchmarks.peers.quantizing import Spent, spend
from benchmarks.peers.row import Row
from benchmarks.peers.scoring import integers, score
from benchmarks.process import python
from export.formats.session import OpCount
from zoo.errors import CheckFailedError

REFERENCE = np.array([[3, 1], [0, 2], [5, 4], [1, 2], [2, 0]], np.float32)
ACTUAL = np.array([[3, 1], [2, 0], [4, 5], [1, 2], [0, 1]], np.float64)
LABELS = np.array([0, 1, 1, 1, 0])
CENSUS = (
    OpCount(op="QLinearConv", arithmetic="integer", count=6),
    OpCount(op="Conv", arithmetic="float", count=2),
    OpCount(op="Reshape", arithmetic="none", count=5),
)


def test_the_score_equals_a_count_by_hand() -> None:
    found = score(reference=REFERENCE, actual=ACTUAL, labels=LABELS, census=CENSUS)
    # The float file is right on all but the third photo, the int8 file on the first, third and fourth.
    assert found.top1 == pytest.approx(3 / 5)
    assert found.drop_points == pytest.approx(20)
    assert found.same_prediction == pytest.approx(2 / 5)
    # Squares of the reference: 64. Of the errors: 4 + 4, 1 + 1, 4 + 1.
    assert found.sqnr_db == pytest.approx(10 * np.log10(64 / 15))
    assert (found.integer_share, found.float_operators) == (0.75, "Conv x 2")


def test_file_that_only_moves_data_has_no_integer_operators() -> None:
    assert integers(CENSUS[2:]) == (0.0, "")


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_logits_that_are_not_finite_have_no_score(broken: float) -> None:
    actual = ACTUAL.copy()
    actual[0, 0] = broken
    with pytest.raises(CheckFailedError):
        score(reference=REFERENCE, actual=actual, labels=LABELS, census=CENSUS)


def test_table_names_the_numbers_the_floats_and_the_failures() -> None:
    good = Row(
        title="good tool",
        suffix=".onnx",
        date="2026-01-02",
        file_bytes=4_400_000,
        score=score(reference=REFERENCE, actual=ACTUAL, labels=LABELS, census=CENSUS),
        versions={"good": "1.2", "library": "7"},
    )
    bad = Row(title="bad tool", suffix=".tflite", date="2026-01-03", reason="it says no", versions={"library": "8"})
    lines = table(network(), [good, bad], 7).splitlines()
    assert "| good tool | .onnx | 60.0 | 20.0 | 40.0 | 6.3 | 75 | 4.4 | - | - | - |" in lines
    assert "| bad tool | .tflite | failed | - | - | - | - | - | - | - | - |" in lines
    assert "- bad tool: it says no" in lines
    assert "- good tool (.onnx), in float: Conv x 2" in lines
    assert "float32: top-1 80.0 % of 5 photos; 7 others calibrated." in lines
    assert lines[-1].startswith("Measured 2026-01-02 to 2026-01-03 on ")
    assert " Made with good 1.2 and library 7; library 8. " in lines[-1]


@pytest.mark.parametrize(("other_cores", "seconds"), [(0.1, "12"), (0.9, "(12)"), (None, "(12)")])
def test_wall_time_on_a_busy_machine_is_shown_in_brackets(other_cores: float | None, seconds: str) -> None:
    spent = Spent(seconds=12.3, cpu_seconds=9.4, peak_gb=1.25, other_cores=other_cores)
    row = Row(title="tool", suffix=".onnx", date="2026-01-02", spent=spent, reason="no")
    assert f"| - | {seconds} | 9 | 1.2 |" in table(network(), [row], 7)


def test_processor_time_of_other_processes_is_not_counted() -> None:
    busy = "sum(range(30_000_000))"
    _, alone = spend(python("-c", busy))
    with subprocess.Popen(python("-c", "while True: pass")) as other:
        try:
            _, disturbed = spend(python("-c", busy))
        finally:
            other.kill()
    assert alone.cpu_seconds > 0.2
    assert alone.other_cores is not None
    assert disturbed.other_cores is not None
    assert disturbed.other_cores > 0.2
    assert not disturbed.alone


def test_new_section_replaces_the_old_one_and_nothing_else() -> None:
    page = "# Title\n\nProse.\n"
    for name in ("one", "two"):
        page = replaced(page, name, f"old {name}")
    again = replaced(page, "one", r"new \1 one")
    assert again == page.replace("old one", r"new \1 one")
    assert again.startswith("# Title\n\nProse.\n")
    assert again.count("<!-- peers: one -->") == 1


def network() -> Network:
    nowhere = Path("nowhere")
    return Network(
        name="tests",
        title="Tests",
        work=nowhere,
        floats={},
        digests={},
        calibration=nowhere,
        calibration_inputs=nowhere,
        samples=nowhere,
        labels=LABELS,
        reference=REFERENCE,
    )
