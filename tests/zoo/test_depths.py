"""The tables of depths have as many layers as the names of the networks say."""

from __future__ import annotations

from pathlib import Path

import pytest

import zoo
from zoo import densenet, resnet


@pytest.mark.parametrize("layers", resnet.DEPTHS)
def test_a_resnet_has_the_layers_of_its_name(layers):
    of_the_paper = 1 + 3 * sum(resnet.DEPTHS[layers]) + 1
    projections = len(resnet.DEPTHS[layers])
    assert layers in (of_the_paper, of_the_paper + projections)
    assert (layers == of_the_paper) == (layers != 252)


def test_resnet252_is_presented_as_unpublished():
    assert set(resnet.DEPTHS) - set(resnet.PUBLISHED) == {252}
    title = zoo.find("resnet252").title
    card = (Path(zoo.__file__).parent / "cards" / "resnet252.md").read_text(encoding="utf-8")
    assert "not published" in title
    assert "not a published network" in card.partition("## ")[0]
    for layers in resnet.PUBLISHED:
        assert "published" not in zoo.find(f"resnet{layers}").title


@pytest.mark.parametrize("layers", densenet.DEPTHS)
def test_a_densenet_has_the_layers_of_its_name(layers):
    transitions = len(densenet.DEPTHS[layers]) - 1
    assert 1 + 2 * sum(densenet.DEPTHS[layers]) + transitions + 1 == layers
