"""The file of a sweep: its models, recipes, devices and left-out combinations, as written."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from export.model.loading.model_file import is_model_file
from zoo.errors import UsageProblemError, unknown

MODEL, NAME = "model", "name"
SECTIONS = ("models", "recipes", "devices", "options", "exclude")
EXAMPLE = 'models = ["lenet5"] and a section [recipes.int8] with int8 = true'
_NAME = re.compile(r"[A-Za-z0-9][\w.+-]*")

Words = Mapping[str, Any]  # values by the names of the options of `zoo export`, without their dashes


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What the file of a sweep says.

    Attributes:
        folder: of the file, in which its paths begin.
        models: what to export, by its name in the sweep: "model", and options of this model.
        recipes: options by the name of the recipe.
        devices: names of targets; empty if nothing is packed.
        options: those of all exports.
        exclude: combinations that are left out: names by "model", "recipe" and "device".
    """

    folder: Path
    models: Mapping[str, Words]
    recipes: Mapping[str, Words]
    devices: tuple[str, ...] = ()
    options: Words = field(default_factory=dict)
    exclude: tuple[Mapping[str, tuple[str, ...]], ...] = ()

    def leaves_out(self, **names: str) -> bool:
        """Return whether a combination is left out: names by "model", "recipe" and "device"."""
        return any(all(names.get(kind) in known for kind, known in one.items()) for one in self.exclude)


def read(path: Path) -> Definition:
    """Return what a file says.

    Raises:
        UsageProblemError: there is no such file, or it is not the file of a sweep.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except IsADirectoryError:
        raise UsageProblemError(f"{path} is a folder; give the .toml file of a sweep") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageProblemError(f"{path} is not TOML: {error}") from error
    try:
        return _definition(content, path.parent)
    except UsageProblemError as error:
        raise UsageProblemError(f"{path}: {error}") from error


def _definition(content: Words, folder: Path) -> Definition:
    _check_keys(content, SECTIONS, "section")
    models = _models(content.get("models"))
    recipes = _table(content.get("recipes", {}), "recipes")
    if not recipes:
        raise UsageProblemError(f"there is no recipe; write for example {EXAMPLE}")
    for name, words in recipes.items():
        _check_name(name, "recipe")
        _table(words, f"recipes.{name}")
    devices = _texts(content.get("devices", []), "devices")
    found = Definition(
        folder=folder,
        models=models,
        recipes=recipes,
        devices=tuple(dict.fromkeys(devices)),
        options=_table(content.get("options", {}), "options"),
    )
    return Definition(**{**vars(found), "exclude": _excluded(content.get("exclude", []), found)})


def _models(found: Any) -> dict[str, Words]:
    if not isinstance(found, list) or not found:
        raise UsageProblemError(f"models must be a list of networks and files; write for example {EXAMPLE}")
    models: dict[str, Words] = {}
    for one in found:
        words = {MODEL: one} if isinstance(one, str) else one
        if not isinstance(words, dict) or not isinstance(words.get(MODEL), str):
            raise UsageProblemError(
                'a model is a name, a file or a table: {model = "own.keras", preprocessing = "unit"}'
            )
        name = words.get(NAME) or default_name(words[MODEL])
        _check_name(name, "model")
        if name in models:
            raise UsageProblemError(
                f'two models are called {name}; give one another name: {{model = "{words[MODEL]}", name = "{name}-2"}}'
            )
        models[name] = {key: value for key, value in words.items() if key != NAME}
    return models


def default_name(model: str) -> str:
    """Return the name of a model in its sweep: that of the network, or of the file without its suffix."""
    return Path(model).stem if is_model_file(model) else model


def _excluded(found: Any, definition: Definition) -> tuple[Mapping[str, tuple[str, ...]], ...]:
    if not isinstance(found, list) or not all(isinstance(one, dict) and one for one in found):
        raise UsageProblemError('exclude is a list of sections [[exclude]], for example with model = "lenet5"')
    known: Mapping[str, Collection[str]] = {
        "model": definition.models.keys(),
        "recipe": definition.recipes.keys(),
        "device": definition.devices,
    }
    excluded = []
    for one in found:
        _check_keys(one, known, "key of [[exclude]]")
        names = {kind: _texts(value, f"{kind} of [[exclude]]") for kind, value in one.items()}
        for kind, values in names.items():
            for value in values:
                if value not in known[kind]:
                    raise unknown(f"{kind} of [[exclude]]", value, known[kind])
        excluded.append(names)
    return tuple(excluded)


def _table(found: Any, what: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise UsageProblemError(f"{what} must be a section of options; write for example {EXAMPLE}")
    return found


def _texts(found: Any, what: str) -> tuple[str, ...]:
    texts = [found] if isinstance(found, str) else found
    if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
        raise UsageProblemError(f'{what} must be a list of names, for example ["raspberry-pi"]')
    return tuple(texts)


def _check_keys(found: Mapping[str, Any], known: Collection[str], what: str) -> None:
    for key in found:
        if key not in known:
            raise unknown(what, key, known)


def _check_name(name: Any, what: str) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageProblemError(f"the {what} name {name!r} must consist of letters, digits and ._+-")
