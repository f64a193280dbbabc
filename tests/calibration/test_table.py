"""A .csv of numbers gives the samples of any model, by the order or the names of its columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calibration.inputs import InputSpec
from calibration.sources import draw, table
from zoo.errors import UsageProblemError

FEATURES = {"features": InputSpec(shape=(3,))}
TWO = {"series": InputSpec(shape=(2, 2)), "count": InputSpec(shape=(1,), dtype="int32")}


def write(folder: Path, text: str) -> Path:
    path = folder / "rows.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("header", ["", "age,height,weight\n", "\ufeffage,height,weight\n"])
def test_columns_are_the_numbers_of_the_input(header: str, tmp_path: Path) -> None:
    path = write(tmp_path, header + "1,2,3\n\n4,5,6.5\n")
    np.testing.assert_array_equal(table.arrays(table.read(path), FEATURES)["features"], [[1, 2, 3], [4, 5, 6.5]])


def test_columns_of_expected_targets_are_no_inputs(tmp_path: Path) -> None:
    path = write(tmp_path, "Label,a,b,c,price\n9,1,2,3,8\n")
    np.testing.assert_array_equal(table.arrays(table.read(path), FEATURES, ["price"])["features"], [[1, 2, 3]])


def test_several_inputs_are_filled_in_order_or_by_name(tmp_path: Path) -> None:
    in_order = table.arrays(table.read(write(tmp_path, "1,2,3,4,5\n")), TWO)
    by_name = table.arrays(
        table.read(write(tmp_path, "id,count,series.1,series.0,series.2,series.3\n7,5,2,1,3,4\n")), TWO
    )
    for found in (in_order, by_name):
        np.testing.assert_array_equal(found["series"], [[[1, 2], [3, 4]]])
        assert found["count"].tolist() == [[5]]
        assert found["count"].dtype == np.int64


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no rows"),
        ("a,b,c\n", "holds no rows"),
        ("1,2\n", r"has 2 columns of inputs, but the model takes 3 numbers \(features: float32 \(N, 3\)\); name"),
        ("1,2,3\n1,2\n", "line 2: 2 columns, but the lines before have 3"),
        ("a,b,c\n1,2,x\n", "line 2: column c holds 'x', not a number"),
        ("1,2,3\n4,nan,6\n", "line 2: column 2 holds 'nan', not a number"),
    ],
)
def test_other_files_are_refused_in_one_sentence(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageProblemError, match=message):
        table.arrays(table.read(write(tmp_path, text)), FEATURES)


def test_both_sets_of_samples_are_drawn_from_the_rows(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 3))
    np.savetxt(tmp_path / "rows.csv", rows, delimiter=",")
    drawn = draw(
        str(tmp_path / "rows.csv"),
        inputs=FEATURES,
        contracts={},
        calibration_count=20,
        probe_count=10,
        seed=0,
        work=tmp_path / "work",
    )
    assert (len(drawn.calibration), len(drawn.probe)) == (20, 10)
    assert drawn.calibration.source == "rows.csv, 40 rows"
    held = {tuple(row) for part in (drawn.calibration, drawn.probe) for row in part.inputs["features"].tolist()}
    assert len(held) == 30
    assert held <= {tuple(row) for row in rows.astype(np.float32).tolist()}
