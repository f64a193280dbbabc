from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calibration.inputs import InputSpec
from calibration.store import Draw
from zoo.errors import UsageProblemError

Pull = Callable[..., Draw]


def sample(index: int) -> Any:
    return np.random.default_rng(index).uniform(-1, 1, (16, 16, 3)).astype(np.float32)


FORMS: dict[str, Callable[[], Any]] = {
    "arrays": lambda: (sample(i) for i in range(30)),
    "arrays with a batch of one": lambda: (sample(i)[None] for i in range(30)),
    "lists as representative datasets yield them": lambda: ([sample(i)[None]] for i in range(30)),
    "dicts": lambda: ({"image": sample(i)} for i in range(30)),
    "batches of five": lambda: (np.stack([sample(i) for i in range(j, j + 5)]) for j in range(0, 30, 5)),
    "one array": lambda: np.stack([sample(i) for i in range(30)]),
    "one dict": lambda: {"image": np.stack([sample(i) for i in range(30)])},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_supported_form_gives_the_same_samples(pull: Pull, tmp_path: Path, form: str) -> None:
    reference = pull(None, function=FORMS["arrays"], work=tmp_path / "reference")
    drawn = pull(None, function=FORMS[form])
    assert drawn.calibration.digests == reference.calibration.digests
    assert drawn.probe.digests == reference.probe.digests
    assert (len(drawn.calibration), len(drawn.probe)) == (6, 4)


def test_no_more_samples_are_requested_than_both_sets_need(pull: Pull) -> None:
    pulled = []

    def endless() -> Iterator[Any]:
        while True:
            pulled.append(1)
            yield sample(len(pulled))

    pull(None, function=endless)
    assert len(pulled) == 10


def test_modules_are_imported_from_the_current_folder(
    pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_calibration_data.py").write_text(
        "import numpy as np\n"
        "def photos():\n"
        "    for i in range(20):\n"
        "        yield np.random.default_rng(i).integers(0, 256, (16, 16, 3), np.uint8)\n"
    )
    monkeypatch.chdir(tmp_path)
    drawn = pull("my_calibration_data:photos")
    assert drawn.probe.photos is not None
    assert drawn.probe.source == "function my_calibration_data:photos"
    with pytest.raises(UsageProblemError, match="did you mean 'photos'"):
        pull("my_calibration_data:photo")
    with pytest.raises(UsageProblemError, match="no module 'my_calibration_dta'"):
        pull("my_calibration_dta:photos")


def test_several_inputs_come_as_dicts_or_tuples(pull: Pull, tmp_path: Path, two_inputs: dict[str, InputSpec]) -> None:
    dicts = [{"mask": np.full(5, i), "tokens": np.full(5, i), "more": 0} for i in range(9)]
    drawn = pull(None, function=lambda: dicts, inputs=two_inputs, contracts={})
    tuples = [(np.full(5, i), np.full(5, i)) for i in range(9)]
    same = pull(None, function=lambda: tuples, inputs=two_inputs, contracts={}, work=tmp_path / "2")
    assert drawn.calibration.digest == same.calibration.digest


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ([], "yielded no sample"),
        (None, "iterable"),
        ([np.zeros((16, 15, 3), np.float32)] * 9, "shape"),
        ([{"picture": np.zeros((16, 16, 3))}] * 9, "does not yield 'image'"),
        ([np.full((16, 16, 3), np.inf, np.float32)], "NaN or infinity"),
        ([np.zeros((16, 16, 3), np.uint8), np.zeros((16, 16, 3), np.float32)], "both camera bytes"),
        ([np.full((16, 16, 3), "x")], "U1"),
        (["photo.jpg"], "shape"),
    ],
)
def test_values_that_do_not_fit_the_model_are_refused(pull: Pull, result: Any, message: str) -> None:
    with pytest.raises(UsageProblemError, match=message):
        pull(None, function=lambda: result)


def raising_in_the_middle() -> Iterator[Any]:
    yield sample(0)
    raise KeyError("x")


def raising_at_once() -> Any:
    return {}["x"]


@pytest.mark.parametrize("function", [raising_at_once, raising_in_the_middle])
def test_a_failing_function_is_reported_with_its_line(pull: Pull, function: Callable[[], Any]) -> None:
    line = function.__code__.co_firstlineno
    with pytest.raises(UsageProblemError) as caught:
        pull(None, function=function)
    place = f"test_function.py line {line + (2 if function is raising_in_the_middle else 1)}"
    assert str(caught.value) == f"{function.__name__} failed: KeyError 'x' ({place})"
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize(
    ("code", "message"), [("1 / 0", r"ZeroDivisionError .*broken\.py line 2"), ("(", "SyntaxError")]
)
def test_a_failing_import_is_reported_with_its_line(
    pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    (tmp_path / "my_broken.py").write_text(f"import numpy\n{code}\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageProblemError, match=f"my_broken:photos: the module cannot be imported: {message}"):
        pull("my_broken:photos")


def test_an_endless_repetition_of_one_sample_is_refused(pull: Pull) -> None:
    with pytest.raises(UsageProblemError, match=r"holds 1 usable sample \(1000 more are repetitions\)"):
        pull(None, function=lambda: itertools.repeat(sample(0)))


def test_an_endless_repetition_of_several_samples_ends_with_those(pull: Pull) -> None:
    drawn = pull(None, function=lambda: itertools.chain(map(sample, range(3)), itertools.repeat(sample(2))))
    assert (len(drawn.calibration), len(drawn.probe)) == (2, 1)
    assert "repeated samples left out" in drawn.probe.warnings[0]


def test_batches_of_different_length_are_refused(pull: Pull, two_inputs: dict[str, InputSpec]) -> None:
    batch = {"tokens": np.zeros((3, 5), np.int32), "mask": np.zeros((2, 5))}
    with pytest.raises(UsageProblemError, match="different numbers of samples"):
        pull(None, function=lambda: [batch], inputs=two_inputs, contracts={})
