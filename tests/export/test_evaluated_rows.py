"""`--evaluate` measures a model of any inputs on rows with targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from calibration import called_rows
from calibration.samples import Samples
from export.analysis import evaluation
from export.analysis.tasks.rows.labelled import RowsOfModel, RowsWithTargets
from export.bundle.report.rows import rows
from export.metrics import OutputKind
from export.model.subject import Subject
from export.scheme import INT8
from tests.export.own_export import exported
from zoo.errors import UsageProblemError
from zoo.weights import LoadedWeights

INPUTS = np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32)
PRICES = (INPUTS @ np.array([1, 2, -1, 0.5, 3], np.float32))[:, None]
CLASSES = (PRICES[:, 0] > -1).astype(int) + (PRICES[:, 0] > 1)


def subject(*outputs: keras.layers.Layer, labels: tuple[str, ...] = ()) -> Subject:
    x = keras.Input((5,), name="features")
    model = keras.Model(x, [output(x) for output in outputs])
    loaded = LoadedWeights(name="mine", trained=True, source="a file", sha256=None)
    return Subject(name="mine", title="mine.keras", model=model, weights=loaded, inputs={}, labels=labels)


def price() -> keras.layers.Layer:
    return layers.Dense(1, name="price")


def kind() -> keras.layers.Layer:
    return layers.Dense(3, activation="softmax", name="kind")


def yes() -> keras.layers.Layer:
    return layers.Dense(1, activation="sigmoid", name="yes")


def found(one: Subject, source: Path | str) -> tuple[str, np.ndarray]:
    task, examples = evaluation.find(one, str(source))
    assert isinstance(examples, RowsOfModel)
    np.testing.assert_allclose(examples.rows.inputs["features"], INPUTS, rtol=1e-6)
    return task.name, examples.expected()


def npz(folder: Path, **arrays: np.ndarray) -> Path:
    np.savez(folder / "rows.npz", **arrays)
    return folder / "rows.npz"


def csv(folder: Path, header: str, *columns: np.ndarray) -> Path:
    lines = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
    path = folder / "rows.csv"
    path.write_text("\n".join([header, *lines] if header else lines))
    return path


SOURCES: dict[str, Callable[[Path, np.ndarray], Path]] = {
    "arrays by name": lambda folder, targets: npz(folder, features=INPUTS, price=targets, other=targets),
    "x_test and y_test": lambda folder, targets: npz(folder, x_test=INPUTS, y_test=targets),
    "columns by name": lambda folder, targets: csv(folder, "a,b,c,d,e,Price", *INPUTS.T, targets),
    "a column target": lambda folder, targets: csv(folder, "target,a,b,c,d,e", targets, *INPUTS.T),
    "no names": lambda folder, targets: csv(folder, "", *INPUTS.T, targets),
}


@pytest.mark.parametrize("source", SOURCES)
def test_targets_are_found_by_name_or_behind_the_inputs(source: str, tmp_path: Path) -> None:
    task, targets = found(subject(price()), SOURCES[source](tmp_path, PRICES[:, 0]))
    assert task == "regression"
    np.testing.assert_allclose(targets, PRICES, rtol=1e-6)


def test_function_yields_batches_or_single_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npz(tmp_path, x=INPUTS, y=PRICES)
    lines = ["import numpy as np", "held = np.load('rows.npz')", "def single(): return zip(held['x'], held['y'])"]
    lines += [
        "def batches(): return [({'features': held['x'][:120]}, held['y'][:120]), (held['x'][120:], held['y'][120:])]"
    ]
    (tmp_path / "my_rows.py").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    for name in ("single", "batches"):
        np.testing.assert_allclose(found(subject(price()), f"my_rows:{name}")[1], PRICES)


def test_classes_are_indices_names_or_rows_with_one_1(tmp_path: Path) -> None:
    names = np.array(["low", "mid", "high"])
    for targets in (CLASSES, CLASSES[:, None], np.eye(3)[CLASSES], names[CLASSES]):
        one = subject(kind(), labels=("low", "mid", "high"))
        task, expected = found(one, npz(tmp_path, features=INPUTS, label=targets))
        assert task == "classification"
        np.testing.assert_array_equal(expected, CLASSES)


def test_sigmoids_are_decisions(tmp_path: Path) -> None:
    task, expected = found(subject(yes()), npz(tmp_path, features=INPUTS, label=PRICES[:, 0] > 0))
    assert task == "decisions"
    np.testing.assert_array_equal(expected, PRICES > 0)


@pytest.mark.parametrize(
    ("outputs", "arrays", "message"),
    [
        ([price], {"features": INPUTS}, "holds no targets: name an array or a column 'price', or label"),
        ([price], {"price": PRICES}, "has no array named 'features'"),
        ([price], {"features": INPUTS, "price": PRICES[:9]}, r"one row per sample each \(features: 200, price: 9\)"),
        ([price], {"features": INPUTS, "price": np.eye(200)}, r"have the shape \(N, 200\), but price has \(N, 1\)"),
        ([price], {"features": INPUTS, "price": PRICES * np.nan}, "targets contain NaN"),
        ([kind], {"features": INPUTS, "label": CLASSES + 1}, "class 3 does not exist: the model has classes 0 to 2"),
        ([kind], {"features": INPUTS, "label": PRICES}, r"kind takes class indices \(N\)"),
        (
            [kind],
            {"features": INPUTS, "label": np.full((200, 3), 1 / 3)},
            "must hold a single 1 in each row, and zeros",
        ),
        ([kind], {"features": INPUTS, "label": np.ones((200, 3))}, "must hold a single 1 in each row, and zeros"),
        ([kind], {"features": INPUTS, "label": np.full((200, 3), np.nan)}, "must hold a single 1 in each row"),
        ([kind], {"features": INPUTS[:0], "label": CLASSES[:0]}, "there are no targets of kind to compare with"),
        ([kind], {"features": INPUTS, "label": np.array(1)}, r"one row per sample each \(features: 200, kind: 0\)"),
        ([yes], {"features": INPUTS, "label": np.full(200, 0.7)}, "yes decides between 0 and 1, but a target is 0.7"),
        (
            [kind],
            {"features": INPUTS, "label": np.array(["low"] * 200)},
            "the model has no names of classes; give",
        ),
        (
            [price, kind],
            {"features": INPUTS, "price": PRICES, "kind": CLASSES},
            "holds targets of 2 outputs, price, kind",
        ),
    ],
)
def test_rows_that_do_not_fit_are_refused_in_one_sentence(
    outputs: list[Callable[[], keras.layers.Layer]], arrays: Mapping[str, np.ndarray], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageProblemError, match=message):
        evaluation.find(subject(*(one() for one in outputs)), str(npz(tmp_path, **arrays)))


FUNCTIONS = {
    "ragged targets": ("yield [1.0] * 5, ([1.0], [2.0, 3.0])", [price], "failed: ValueError setting an array element"),
    "ragged inputs": ("yield [[1.0], [2.0, 3.0]], 1.0", [price], "failed: ValueError setting an array element"),
    "one of two": ("yield [1.0] * 5, ([1.0],)", [price, kind], "targets as a dict or a tuple for price, kind"),
    "two": ("yield [1.0] * 5, ([1.0], 2)", [price, kind], "holds targets of 2 outputs, price, kind"),
    "counts": (
        "yield [[1.0] * 5] * 2, [1.0] * 3\n    yield [[1.0] * 5] * 3, [1.0] * 2",
        [price],
        r"different numbers of inputs and targets \(features: 2, price: 3\)",
    ),
    "endless": ("while True: yield [1.0] * 5, 1.0", [price], "yields more than 500 samples; end it earlier"),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_that_do_not_fit_are_refused_in_one_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, outputs, message = FUNCTIONS[name]
    module = f"rows_of_{name.replace(' ', '_')}"
    (tmp_path / f"{module}.py").write_text(f"def made():\n    {body}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(called_rows, "MOST_SAMPLES", 500)
    with pytest.raises(UsageProblemError, match=message):
        evaluation.find(subject(*(one() for one in outputs)), f"{module}:made")


def test_function_may_leave_out_the_targets_of_an_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npz(tmp_path, x=INPUTS, y=CLASSES)
    lines = ["import numpy as np", "held = np.load('rows.npz')"]
    lines += ["def made(): return ((x, (None, y)) for x, y in zip(held['x'], held['y']))"]
    (tmp_path / "second_rows.py").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    task, targets = found(subject(price(), kind()), "second_rows:made")
    assert task == "classification"
    np.testing.assert_array_equal(targets, CLASSES)


def test_ending_of_a_file_may_be_upper_case(tmp_path: Path) -> None:
    for path in (npz(tmp_path, features=INPUTS, price=PRICES), csv(tmp_path, "", *INPUTS.T, PRICES[:, 0])):
        path.rename(path.with_suffix(path.suffix.upper()))
        np.testing.assert_allclose(found(subject(price()), path.with_suffix(path.suffix.upper()))[1], PRICES, rtol=1e-6)


def test_columns_numbered_by_a_data_frame_are_no_sample(tmp_path: Path) -> None:
    source = csv(tmp_path, "0,1,2,3,4,5", *INPUTS.T, PRICES[:, 0])
    np.testing.assert_allclose(found(subject(price()), source)[1], PRICES, rtol=1e-6)


def test_damaged_file_and_missing_module_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.npz").write_bytes(b"PK no zip")
    with pytest.raises(UsageProblemError, match=r"rows\.npz cannot be read as \.npz"):
        evaluation.find(subject(price()), str(tmp_path / "rows.npz"))
    whole = npz(tmp_path, features=INPUTS, price=PRICES).read_bytes()
    changed = bytearray(whole)
    changed[400:2000] = bytes(1600)
    for damaged in (whole[: len(whole) // 2], bytes(changed), b"", np.array([{}]).dumps()):
        (tmp_path / "rows.npz").write_bytes(damaged)
        with pytest.raises(UsageProblemError, match=r"rows\.npz cannot be read as \.npz"):
            evaluation.find(subject(price()), str(tmp_path / "rows.npz"))
    with pytest.raises(UsageProblemError, match="--evaluate nothing:here: there is no module 'nothing'"):
        evaluation.find(subject(price()), "nothing:here")


def test_model_and_files_are_measured_on_rows_that_calibration_did_not_use(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    one = subject(price()).model
    one.layers[-1].set_weights([np.array([[1], [2], [-1], [0.5], [3]], np.float32), np.zeros(1, np.float32)])
    noise = np.random.default_rng(1).normal(size=PRICES.shape)
    source = str(npz(tmp_path, features=INPUTS, price=PRICES + noise))
    delivery = exported(one, {"features": INPUTS, "price": PRICES + noise}, tmp_path, (INT8,), evaluate=source)
    score = delivery.manifest["evaluation"]
    assert score["count"] == 140
    assert score["samples"]["warnings"] == ["60 calibration rows left out of the evaluation"]
    assert score["scores"]["r2"] == pytest.approx(1 - noise.var() / (PRICES + noise).var(), abs=0.02)
    assert score["scores"]["rmse"] == pytest.approx(noise.std(), rel=0.1)
    files = [*delivery.manifest["files"], *delivery.manifest["not_delivered"]]
    assert all(file["scores"]["r2"] == pytest.approx(score["scores"]["r2"], abs=0.01) for file in files)
    assert {row.score for row in rows(delivery.manifest)} <= {f"{file['scores']['r2']:.4f}" for file in files}


def test_error_of_a_function_names_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "failing_rows.py").write_text("def rows():\n    raise KeyError('x')\n    yield\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageProblemError, match=r"KeyError 'x' \(failing_rows\.py line 2\)"):
        evaluation.find(subject(price()), "failing_rows:rows")


@pytest.mark.parametrize(
    ("kind", "found", "targets", "scores"),
    [
        (OutputKind.DECISIONS, [[0.6], [0.4], [0.9], [0.7]], [[1], [0], [1], [0]], {"accuracy": 0.75}),
        (OutputKind.LABELS, [3, 1, 2, 2], [3, 1, 2, 0], {"accuracy": 0.75}),
        (OutputKind.CLASSES, np.eye(7)[[0, 1, 2, 3]], [0, 1, 3, 3], {"top1": 0.75, "top5": 1.0}),
        (OutputKind.VALUES, [[1.0], [2.0], [3.0], [5.0]], [[1], [2], [3], [4]], {"r2": 0.8, "mae": 0.25, "rmse": 0.5}),
    ],
)
def test_outputs_are_scored_by_what_they_mean(
    kind: OutputKind, found: Any, targets: Any, scores: Mapping[str, float]
) -> None:
    samples = Samples(inputs={"features": INPUTS[:4]}, source="tests", seed=0)
    rows_of_four = RowsWithTargets(samples=samples, output="y", kind=kind, targets=np.asarray(targets))
    assert rows_of_four.scores({"y": np.asarray(found)}) == pytest.approx(scores)
