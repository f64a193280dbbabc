"""A trained file knows its training photos or texts, and every evaluation on them says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from export.pipeline import run
from export.recipe import Recipe
from tests.training.conftest import silent
from training.pipeline import evaluate, train
from training.recipe import TrainingRecipe
from zoo import own_file, trained_on


@pytest.fixture(scope="module")
def trained_file(clothes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained_on") / "mine.keras"
    train(TrainingRecipe(model="lenet5", data=str(clothes), out=out, epochs=1), silent)
    return out


def test_the_file_keeps_the_digests_of_the_training_photos_only(trained_file: Path, clothes: Path) -> None:
    facts = own_file.read(trained_file)
    assert facts is not None
    photos = {trained_on.of_file(path) for path in clothes.rglob("*.png")}
    assert facts.trained_on < photos
    assert 0.7 < len(facts.trained_on) / len(photos) < 0.9  # validation has a fifth


def test_an_evaluation_of_the_export_says_that_photos_were_trained_on(
    trained_file: Path, clothes: Path, tmp_path: Path
) -> None:
    delivery = run(Recipe(model=str(trained_file), evaluate=str(clothes), formats=("onnx",), out=tmp_path))
    (sentence,) = delivery.manifest["evaluation"]["samples"]["warnings"]
    assert sentence.startswith("--evaluate: ")
    assert "were used to train this network" in sentence


def test_scores_of_few_classes_have_no_top_5(trained_file: Path, clothes: Path, tmp_path: Path) -> None:
    delivery = run(Recipe(model=str(trained_file), evaluate=str(clothes), formats=("onnx",), out=tmp_path))
    assert delivery.manifest["evaluation"]["scores"].keys() == {"top1"}
    (comparison,) = delivery.artifacts[0].comparisons.values()
    assert comparison.top5_agreement is None


def test_validation_photos_of_another_split_are_reported(trained_file: Path, clothes: Path) -> None:
    same = TrainingRecipe(model=str(trained_file), data=str(clothes), out=Path("unused.keras"))
    other = TrainingRecipe(model=str(trained_file), data=str(clothes), out=Path("unused.keras"), seed=1)
    assert _said(evaluate(same, silent)) == []
    (sentence,) = _said(evaluate(other, silent))
    assert sentence.startswith("validation: ")


def test_new_photos_are_not_reported(trained_file: Path, tmp_path: Path) -> None:
    assert trained_on.warning([trained_on.of_text("new")], own_file.read(trained_file).trained_on, "x") == ()  # type: ignore[union-attr]


def _said(found: Any) -> list[str]:
    return [sentence for sentence in found.warnings if "were used to train" in sentence]
