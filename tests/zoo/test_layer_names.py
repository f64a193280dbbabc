"""The recorded names of layers are those of the networks."""

from __future__ import annotations

import pytest

import zoo
from tests.zoo.layer_names import of_build
from zoo import layer_names

QUICK = ("lenet5", "mobilenet", "mobilenet_v3_small", "minilm", "vae", "unet", "yolo_v3_tiny", "stories15m")
ANEW = "python -m tests.zoo.layer_names records them anew"


def test_every_network_is_recorded() -> None:
    assert [name for name in zoo.names() if not layer_names.read(name)] == [], ANEW


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.large) for name in zoo.names()]
)
def test_the_names_are_those_of_the_network(name: str) -> None:
    assert of_build(name) == layer_names.read(name), ANEW


def test_a_name_that_is_not_recorded_has_no_layers() -> None:
    assert layer_names.read("nothing") == frozenset()
