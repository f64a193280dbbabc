"""Usage errors are reported in one line before any work."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from export import run
from export.cli.main import main
from export.model.subject import artifact_name
from export.recipe import Recipe
from zoo.errors import UsageProblemError


class Steps:
    """Progress that records its steps."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def step(self, what: str, done: int | None = None, total: int | None = None) -> None:
        self.seen.append(what)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--set", "alpha=0.5"], "lenet5 has no options, so no 'alpha'; leave --set out"),
        (["--seed", "-1"], "--seed must be 0 or more, not -1"),
        (["--observer", "minmx"], "unknown observer 'minmx'; did you mean 'min-max'?"),
        (["--evaluate", "nosuch.csv"], "--evaluate 'nosuch.csv' does not exist"),
    ],
)
def test_wrong_argument_is_rejected_before_the_model_is_built(
    words: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "lenet5", *words, "--out", str(tmp_path)]) == 2
    result = capsys.readouterr()
    assert result.out == ""
    assert result.err.startswith(f"error: {expected}")
    assert result.err.count("\n") == 1


def test_labels_that_do_not_fit_the_classes_are_rejected_before_conversion(
    tmp_path: Path,
) -> None:
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    Image.new("L", (32, 32)).save(tmp_path / "photos" / "cat" / "1.png")
    recipe = Recipe(model="lenet5", evaluate=str(tmp_path / "photos"), out=tmp_path / "out")
    steps = Steps()
    with pytest.raises(UsageProblemError, match="1 classes like 'cat' cannot be matched with the model's 10"):
        run(recipe, steps)
    assert steps.seen == []


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"resolution": 128.0}, "mobilenet-resolution128"),
        ({"resolution": 224.0, "alpha": 1}, "mobilenet"),
        ({"alpha": 0.5, "resolution": 160}, "mobilenet-alpha0.5-resolution160"),
    ],
)
def test_equal_numbers_give_equal_file_names(options: dict[str, float], name: str) -> None:
    assert artifact_name(Recipe(model="mobilenet", options=options)) == name
