"""Names are found however they are spelled, and nothing else is taken for a name."""

from __future__ import annotations

import pytest

import zoo
from zoo.spelling import spelled


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("MobileNet-V2", "mobilenet_v2"),
        ("ResNet50", "resnet50"),
        ("mobilenet v3 small", "mobilenet_v3_small"),
        ("mobilenet", "mobilenet"),
        ("mobilnet", "mobilnet"),
        ("mobilenet/", "mobilenet/"),
        ("", ""),
    ],
)
def test_a_name_is_found_in_any_spelling(word: str, name: str) -> None:
    assert spelled(word, zoo.names()) == name


def test_no_two_names_of_the_zoo_are_spelled_alike() -> None:
    assert len({spelled(name.upper(), zoo.names()) for name in zoo.names()}) == len(zoo.names())
