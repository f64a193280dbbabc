"""Check a recipe in less than a second, before TensorFlow starts: names, files, data, options and the disk."""

from __future__ import annotations

from export.bundle import signing
from export.bundle.atomic_folder import Destination
from export.model import reads_tokens
from export.model.subject import artifact_name
from export.preflight.array_values import drawn_rows
from export.preflight.layer_names import check_layers, check_names
from export.preflight.model_facts import ModelFacts, check_exists, facts_of
from export.preflight.places import expanded
from export.preflight.room import check_room
from export.preflight.samples import check_samples
from export.quantization import size_limit
from export.quantization.graph_options import check_options
from export.recipe import Recipe
from zoo.errors import UsageProblemError

ORIGINAL = ".keras"


def check(recipe: Recipe) -> ModelFacts:
    """Check what can be known about an export without building its model, and return the facts about the model.

    Raises:
        ZooError: the recipe cannot be followed, or the disk is full.
    """
    facts = check_model_and_samples(recipe)
    size_limit.check_name(recipe)
    reads_tokens.check_name(recipe)
    check_options(recipe)
    check_layers(recipe, facts)
    if recipe.evaluate is not None:
        from export.preflight.labelled import check_labelled  # with the tasks, which take a tenth of a second

        check_labelled(recipe.evaluate, facts)
    if recipe.original is not None:
        _check_original(recipe.original)
    if recipe.sign is not None:
        signing.read_private(expanded(recipe.sign))
    Destination(recipe.out, artifact_name(recipe)).check()
    check_room(recipe, facts)
    return facts


def check_model_and_samples(recipe: Recipe) -> ModelFacts:
    """Check the model of a recipe and the source of its samples, and return the facts about the model.

    Raises:
        UsageProblemError: there is no such model or source, or they do not fit.
    """
    facts = facts_of(recipe)
    check_names(facts)
    if recipe.calibration is not None:
        drawn = drawn_rows(recipe.calibration_count, recipe.probe_count)
        check_samples(recipe.calibration, facts, drawn=drawn)
    return facts


def _check_original(file: str) -> None:
    path = expanded(file)
    check_exists(path)
    if path.suffix != ORIGINAL:
        raise UsageProblemError(f"--original {file!r} is no {ORIGINAL} file; give the model before pruning")
