"""Whether the layers that a recipe names are in the model's file."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from export.model.loading.functional_form import invalid_name, is_valid_name
from export.model.stored.stored_model import INPUT
from export.preflight.model_facts import ModelFacts
from export.recipe import Recipe
from zoo import layer_names
from zoo.errors import UsageProblemError, unknown

_NUMBER = re.compile(r"(_\d+)?$")


def check_names(facts: ModelFacts) -> None:
    """Check that TensorFlow accepts the names of the model and of its layers.

    Raises:
        UsageProblemError: it does not accept one.
    """
    stored = facts.stored
    if stored is None or not stored.layers:
        return
    layers = [layer.name for layer in stored.layers if layer.kind != INPUT]
    for name in (stored.name, *(part for layer in layers for part in layer.split("/"))):
        if name and not is_valid_name(name):
            raise UsageProblemError(invalid_name(facts.name, name))


def check_layers(recipe: Recipe, facts: ModelFacts) -> None:
    """Check the names of `--raise`; names in a copy without inner models are known only when the model is loaded.

    Raises:
        UsageProblemError: the model has no such layer; the message suggests the nearest name.
    """
    stored = facts.stored
    if stored is None and facts.is_default:
        _check_recorded(recipe.raised, layer_names.read(facts.name))
    if stored is None or not stored.layers:
        return
    known = stored.layer_names()
    has_inner = any("/" in layer.name for layer in stored.layers)
    for name in recipe.raised:
        if name not in known and not (has_inner and any(name.startswith(f"{one}_") for one in known)):
            raise unknown("layer", name, known)


def _check_recorded(raised: Iterable[str], known: Collection[str]) -> None:
    """Check names against the recorded ones; the numbers of operators without a name of their own may differ."""
    kinds = {_NUMBER.sub("", name) for name in known}
    for name in raised:
        if known and name not in known and _NUMBER.sub("", name) not in kinds:
            raise unknown("layer", name, known)
