"""Whether the layers that a recipe names are in the model's file."""

from __future__ import annotations

from export.preflight.model_facts import ModelFacts
from export.recipe import Recipe
from zoo.errors import unknown


def check_layers(recipe: Recipe, facts: ModelFacts) -> None:
    """Check the names of `--raise`; names in a copy without inner models are known only when the model is loaded.

    Raises:
        UsageProblemError: the file has no such layer; the message suggests the nearest name.
    """
    stored = facts.stored
    if stored is None or not stored.layers:
        return
    known = stored.layer_names()
    has_inner = any("/" in layer.name for layer in stored.layers)
    for name in recipe.raised:
        if name not in known and not (has_inner and any(name.startswith(f"{one}_") for one in known)):
            raise unknown("layer", name, known)
