"""The jobs of a sweep: every combination of model, recipe and device, each checked as `zoo export` checks it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.cli.sweep.definition import MODEL, Definition
from export.cli.sweep.words import recipe
from export.recipe import Recipe
from export.sweep.job import Job
from export.sweep.keys import export_key, pack_key
from zoo.errors import UsageProblemError, ZooError


@dataclass(frozen=True, kw_only=True)
class Combination:
    """A model, a recipe and a device, which is empty where nothing is packed."""

    model: str
    recipe: str
    device: str

    def __str__(self) -> str:
        return " x ".join(filter(None, (self.model, self.recipe, self.device)))


class RefusedByDeviceError(UsageProblemError):
    """No file of a recipe runs on a device."""


def jobs(definition: Definition, out: Path) -> list[Job]:
    """Return the jobs of a sweep; devices that take the same files share one.

    Raises:
        UsageProblemError: a combination cannot be exported, or none is left.
        OutsideError: there is no room for the files.
    """
    recipes: dict[Combination, Recipe] = {}
    failures: dict[Combination, ZooError] = {}
    for one in combinations(definition):
        try:
            recipes[one] = _checked(definition, one, out)
        except ZooError as error:
            failures[one] = error
    if failures:
        raise _failure(failures, recipes)
    if not recipes:
        raise UsageProblemError("[[exclude]] leaves no combination; remove one of its sections")
    return list(_shared(recipes))


def combinations(definition: Definition) -> Iterator[Combination]:
    """Yield what is exported, in the order of the file."""
    for model in definition.models:
        for name in definition.recipes:
            for device in definition.devices or ("",):
                if not definition.leaves_out(model=model, recipe=name, device=device):
                    yield Combination(model=model, recipe=name, device=device)


def _checked(definition: Definition, one: Combination, out: Path) -> Recipe:
    """Return the recipe of a combination.

    Raises:
        ZooError: it cannot be exported, or not for the device.
    """
    from export.bundle import deploy
    from export.preflight.check import check
    from export.preflight.samples import check_given

    model = definition.models[one.model]
    words = _merged(definition, one)
    found = recipe(str(model[MODEL]), words, definition.folder, out)
    if one.device:
        found = deploy.with_types([one.device], found)
    check_given(found, check(found))
    if one.device and (reason := deploy.find(one.device).refusal(found)):
        raise RefusedByDeviceError(reason)
    return found


def _merged(definition: Definition, one: Combination) -> dict[str, Any]:
    """Return the options of all exports, of the model and of the recipe; the latter replace those of all.

    Raises:
        UsageProblemError: the model and the recipe differ in an option.
    """
    of_model = {key: value for key, value in definition.models[one.model].items() if key != MODEL}
    of_recipe = definition.recipes[one.recipe]
    for key in of_model.keys() & of_recipe.keys():
        if of_model[key] != of_recipe[key]:
            raise UsageProblemError(f"{key} is set by the model and by the recipe; keep one of them")
    return {**definition.options, **of_model, **of_recipe}


def _shared(recipes: Mapping[Combination, Recipe]) -> Iterator[Job]:
    """Yield a job for every export, with all devices that take its files."""
    groups: dict[tuple[str, str], dict[str, list[Combination]]] = {}
    keys = {one: export_key(found) for one, found in recipes.items()}
    for one, key in keys.items():
        groups.setdefault((one.model, one.recipe), {}).setdefault(key, []).append(one)
    for (model, name), exports in groups.items():
        for key, members in exports.items():
            devices = tuple(one.device for one in members if one.device)
            parts = (model, name) if len(exports) == 1 else (model, name, *devices)
            yield Job(
                name="-".join(parts),
                model=model,
                recipe_name=name,
                recipe=recipes[members[0]],
                devices=devices,
                key=key,
                pack_keys={device: pack_key(key, device) for device in devices},
            )


def _failure(failures: Mapping[Combination, ZooError], good: Mapping[Combination, Recipe]) -> ZooError:
    """Return the error about the first combination that fails, and how to leave it out if only it is at fault."""
    (one, error), *others = failures.items()
    more = f" (and {len(others)} more)" if others else ""
    is_own = any(two.recipe == one.recipe for two in good) or isinstance(error, RefusedByDeviceError)
    fits = is_own and any(two.model == one.model for two in good)
    keys = [f'{kind} = "{name}"' for kind, name in vars(one).items() if name]
    how = f"; or leave it out: [[exclude]] with {_enumerated(keys)}" if fits else ""
    return type(error)(f"{one}{more}: {error}{how}")


def _enumerated(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
