"""`--weights tiny` exports the tiny variant with its own input and class names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import zoo
from export.cli.option_words import int8_of
from export.formats import PRIMARY
from export.model import signature
from export.model.subject import Subject, load_subject
from export.pipeline import run
from export.recipe import Recipe
from export.scheme import INT8
from tests.zoo.contents import quick
from zoo.errors import UsageProblemError
from zoo.inputs.tokens import tokenizer_of
from zoo.language.tokenizer import Tokenizer

EXPONENTIAL = (
    11 / 12
)  # of the autoencoder's operators; no runtime has an integer one for what makes a deviation of a log
NAMES = [name for name in zoo.names() if zoo.find(name).trained_as("tiny")]


def recipe(name: str, **options: float) -> Recipe:
    return Recipe(model=name, weights="tiny", options=options, schemes=(INT8,))


@pytest.mark.parametrize("name", quick(NAMES))
def test_the_tiny_variant_is_built_as_it_was_trained(name: str) -> None:
    subject = load_subject(recipe(name))
    its_own = not zoo.find(name).trained_as("tiny").options
    assert subject.name == (name if its_own else f"{name}-tiny")
    assert subject.weights.trained
    if tokenizer_of(subject.inputs):
        check_the_vocabulary(subject)
    else:
        check_the_photos(subject)


def check_the_photos(subject: Subject) -> None:
    """Require an input of the size that the photos are prepared for, and one name per class."""
    assert subject.preprocessing is not None
    (photo,) = (spec for spec in signature.inputs(subject.model) if spec.name not in subject.made_up_inputs)
    assert photo.shape[1:] == subject.preprocessing.shape
    if subject.task != "generation":
        classes = subject.meaning["classes"] if subject.meaning else subject.model.output_shape[-1]
        assert classes == len(subject.labels)
        assert {"Bag", "bag"} & set(subject.labels)


def check_the_vocabulary(subject: Subject) -> None:
    """Require the packed tokenizer to know exactly the tokens that the network has scores for."""
    packed = Tokenizer(subject.companions[tokenizer_of(subject.inputs)])
    assert packed.size == packed.highest + 1 == subject.model.output_shape[-1]


def test_tiny_variant_takes_no_options() -> None:
    with pytest.raises(UsageProblemError, match="leave --set out"):
        load_subject(recipe("mobilenet", alpha=0.5))


def test_default_weights_are_those_of_the_full_network() -> None:
    for name in NAMES:
        default = zoo.find(name).trained_as(None)
        assert default is None or not default.options


# One of each family: the others have the same tiny variant.
FAMILIES = {zoo.find(name).trained_as("tiny").sources[0].location: name for name in reversed(NAMES)}


# What other quick tests export to int8 and prove.
ELSEWHERE = {
    "mobilenet": "tests/faults",
    "unet": "test_pictures.py",
    "vae": "test_drawn_inputs.py",
    "yolo_v4_tiny": "test_detectors.py",
}
CASES = [
    *quick(name for name in sorted(FAMILIES.values()) if name not in ELSEWHERE),
    *(pytest.param(name, marks=pytest.mark.large) for name in ELSEWHERE),
]


@pytest.mark.parametrize("name", CASES)
def test_the_tiny_variant_is_proven_in_8_bits_in_both_formats(name: str, tmp_path: Path) -> None:
    scheme = int8_of(name)
    few: dict[str, Any] = {"calibration_count": 32, "probe_count": 32}
    delivery = run(Recipe(model=name, weights="tiny", schemes=(scheme,), out=tmp_path, **few))
    failures = {artifact.file_name: artifact.failures for artifact in delivery.artifacts if artifact.failures}
    assert failures == {}
    assert delivery.passed
    made = [artifact for artifact in delivery.artifacts if artifact.scheme == scheme]
    assert len(made) == 2
    if scheme == INT8:
        # ONNX Runtime has no integer code for some operators (ConvTranspose); the other format has for all of them.
        shares = {artifact.format: artifact.integer_share or 0.0 for artifact in made}
        assert shares.pop(PRIMARY.name) >= (EXPONENTIAL if name == "vae" else 1)
        assert min(shares.values()) > 0.5
