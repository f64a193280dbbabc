"""The record from which the quick tests choose their networks matches the zoo, and the chosen networks cover it."""

from __future__ import annotations

import pytest

import zoo
from export.formats import FORMATS
from tests.float_files import converted
from tests.zoo.contents import OWN, cover, operators, quick, recorded, structure, tiny
from tests.zoo.families import families, photo_networks

ANEW = "python -m tests.zoo.contents records it anew"


def test_every_family_is_recorded() -> None:
    assert set(recorded()) == {*families(), OWN}, ANEW


def test_the_quick_tests_meet_every_task_layer_activation_and_operator_of_the_zoo() -> None:
    of_the_zoo = frozenset().union(*(recorded()[name].parts() for name in families()))
    met = frozenset().union(*(recorded()[name].parts() for name in (*cover(), OWN)))
    assert met >= of_the_zoo
    assert {kind for kind, _ in of_the_zoo} == {"task", "layer", "activation", *FORMATS}
    assert {recorded()[name].task for name in cover()} == {zoo.find(name).task for name in photo_networks()}
    assert len(cover()) < len(families())


def test_no_network_of_the_quick_tests_can_be_left_out() -> None:
    for name in cover():
        others = frozenset().union(*(recorded()[other].parts() for other in (*cover(), OWN) if other != name))
        assert recorded()[name].parts() - others


@pytest.mark.parametrize("name", [*families(), OWN])
def test_the_layers_of_a_network_are_those_of_the_record(name: str) -> None:
    """With all their options: while these are the same, so are the operators."""
    model = tiny(name) if name == OWN else zoo.find(name).build(**zoo.find(name).tiny)
    assert structure(model) == {field: getattr(recorded()[name], field) for field in structure(model)}, ANEW


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("name", [*quick(families()), OWN])
def test_the_operators_of_a_network_are_those_of_the_record(name: str, format_name: str) -> None:
    found = operators(converted(tiny(name), format_name), format_name)
    assert found == recorded()[name].operators[format_name], ANEW
