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
    path = write(tmp_path, header + "1,2,9\n\n4,5,6.5\n")
    np.testing.assert_array_equal(table.arrays(table.read(path), FEATURES)["features"], [[1, 2, 9], [4, 5, 6.5]])


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
        ("1,2,9\n4,nan,6\n", "line 2: column 2 holds 'nan', not a number"),
        ("\n1,2,9\n\n\n4,5,x\n", "line 5: column 3 holds 'x', not a number"),
        ("\n1,2,9\n\n4,5\n", "line 4: 2 columns, but the lines before have 3"),
        ("1_000,2_000,3_000\n", "line 1: column 1 holds '1_000', not a number"),
        ("a,b,c\n1,2,1e300\n", "'features' holds values that do not fit into float32"),
    ],
)
def test_other_files_are_refused_in_one_sentence(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageProblemError, match=message):
        table.arrays(table.read(write(tmp_path, text)), FEATURES)


@pytest.mark.parametrize("header", ["0,1,2", "1,2,3"])
def test_numbers_of_the_columns_are_no_sample(header: str, tmp_path: Path) -> None:
    found = table.arrays(table.read(write(tmp_path, header + "\n7,8,9\n4,5,6\n")), FEATURES)
    assert found["features"].tolist() == [[7, 8, 9], [4, 5, 6]]
    alone = table.arrays(table.read(write(tmp_path, header + "\n")), FEATURES)
    assert alone["features"].tolist() == [[int(one) for one in header.split(",")]]


def test_targets_are_behind_the_inputs_if_columns_have_only_numbers(tmp_path: Path) -> None:
    read = table.read(write(tmp_path, "0,1,2,3\n7,8,9,5\n"))
    found = table.find_columns(read, FEATURES, ["price"])
    assert (found.inputs, found.targets) == ({"features": [0, 1, 2]}, {"price": [3]})


def test_case_of_names_does_not_matter(tmp_path: Path) -> None:
    read = table.read(write(tmp_path, "COUNT,Series.1,Series.0,Series.2,Series.3\n5,2,1,3,4\n"))
    assert table.find_columns(read, TWO).inputs == {"series": [2, 1, 3, 4], "count": [0]}


@pytest.mark.parametrize("header", ["Count,a,b,c,d", "a,count,series.0,series.1,series.2"])
def test_names_of_only_some_inputs_are_refused(header: str, tmp_path: Path) -> None:
    with pytest.raises(UsageProblemError, match=r"not all of 'series'; name them series\.0 to series\.3, or"):
        table.arrays(table.read(write(tmp_path, header + "\n5,1,2,3,4\n")), TWO)


def test_columns_whose_repeated_names_were_numbered_are_in_order(tmp_path: Path) -> None:
    read = table.read(write(tmp_path, "features,features.1,features.2\n7,8,9\n"))
    assert table.find_columns(read, FEATURES).inputs == {"features": [0, 1, 2]}


@pytest.mark.parametrize(
    ("header", "size", "places"),
    [
        ("x,y,z", 3, [0, 1, 2]),
        ("x,y,label", 2, [0, 1]),
        ("x,y,label", 3, [0, 1, 2]),
        ("class,x,y", 1, [1]),
        ("y,a,b", 2, [1, 2]),
        ("a,b,y", 2, [0, 1]),
        ("a,label.0,label.1", 1, [0]),
    ],
)
def test_calibration_leaves_out_targets_only_if_there_are_too_many_columns(
    header: str, size: int, places: list[int], tmp_path: Path
) -> None:
    read = table.read(write(tmp_path, f"{header}\n7,8,9\n"))
    assert table.find_columns(read, {"features": InputSpec(shape=(size,))}).inputs == {"features": places}


@pytest.mark.parametrize("outputs", [None, ["price"]])
def test_y_between_other_columns_is_a_coordinate(outputs: list[str] | None, tmp_path: Path) -> None:
    read = table.read(write(tmp_path, "x,y,z\n7,8,9\n"))
    with pytest.raises(UsageProblemError, match=r"3 columns of inputs, but the model takes 2|holds no targets"):
        table.find_columns(read, {"features": InputSpec(shape=(2,))}, outputs)


@pytest.mark.parametrize(
    ("header", "size", "places", "targets"),
    [
        ("x,y,label", 2, [0, 1], [2]),
        ("x,y,Price", 2, [0, 1], [2]),
        ("label,x,price", 2, [0, 1], [2]),
        ("class,x,label", 2, [0, 1], [2]),
        ("x,z,y", 2, [0, 1], [2]),
        ("x,price.1,price.0", 1, [0], [2, 1]),
        ("features,y,z", 1, [0], [1]),
    ],
)
def test_evaluation_takes_the_best_name_of_a_target(
    header: str, size: int, places: list[int], targets: list[int], tmp_path: Path
) -> None:
    read = table.read(write(tmp_path, f"{header}\n7,8,9\n"))
    found = table.find_columns(read, {"features": InputSpec(shape=(size,))}, ["price"])
    assert (found.inputs, found.targets) == ({"features": places}, {"price": targets})


@pytest.mark.parametrize(("dtype", "cell"), [("int32", "1e30"), ("int64", "1e30"), ("uint8", "-1"), ("int8", "128")])
def test_integers_outside_of_the_type_of_the_input_are_refused(dtype: str, cell: str, tmp_path: Path) -> None:
    inputs = {"count": InputSpec(shape=(1,), dtype=dtype)}
    with pytest.raises(UsageProblemError, match=f"'count' holds values that do not fit into {dtype}"):
        table.arrays(table.read(write(tmp_path, f"a\n{cell}\n")), inputs)


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
