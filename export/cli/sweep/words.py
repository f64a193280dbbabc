"""The options of an export in the file of a sweep, as the command line that `zoo export` reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import click

from export.cli.bad_value import bad_value
from export.cli.main import load_command
from export.cli.requested_recipe import requested_recipe
from export.recipe import Recipe
from zoo.errors import UsageProblemError, unknown

# Options of `zoo export` that a sweep decides for all of its exports -> what to type instead.
OF_SWEEP: Mapping[str, str] = {
    "out": "type it after `zoo sweep`: --out FOLDER",
    "json": "the results are written to results.json",
    "target": 'name the devices: devices = ["raspberry-pi"]',
    "zip": "the folders of devices lie in the store",
    "no-cache": "a new --store has no results",
    "sign": "sign what you deliver: zoo export --sign",
}
# Values that may be paths, which begin in the folder of the file.
PATHS = ("calibration", "evaluate", "import", "original", "weights")


def recipe(model: str, words: Mapping[str, Any], folder: Path, out: Path) -> Recipe:
    """Return the recipe of an export.

    Args:
        model: name of a network, or path of a file.
        words: values by the names of the options of `zoo export`, without their dashes.
        folder: in which relative paths begin.
        out: where the checks look for room.

    Raises:
        UsageProblemError: an option is unknown, or its value is wrong.
    """
    line = [located(model, folder), *(word for key, value in words.items() for word in _typed(key, value, folder))]
    try:
        with load_command("export").make_context("export", [*line, "--out", str(out)]) as context:
            values = dict(context.params)
    except click.BadParameter as error:
        raise UsageProblemError(bad_value(error)) from error
    except click.UsageError as error:
        raise UsageProblemError(error.format_message().rstrip(".")) from error
    for name in ("models", "targets", "zipped", "as_json", "no_cache"):
        del values[name]
    return requested_recipe(line[0], **values)


def _typed(key: str, value: Any, folder: Path) -> Iterator[str]:
    """Yield the words of an option on the command line."""
    if key in OF_SWEEP:
        raise UsageProblemError(f"{key} is not an option of a single export in a sweep; {OF_SWEEP[key]}")
    option = options().get(key)
    if option is None:
        raise unknown("option", key, options())
    if option.is_flag:
        if not isinstance(value, bool):
            raise UsageProblemError(f"{key} is on or off; write {key} = true")
        flags = option.opts if value else option.secondary_opts
        yield from flags[:1]
        return
    if isinstance(value, dict):
        value = [f"{name}={one}" for name, one in value.items()]
    values = value if isinstance(value, list) else [value]
    if any(isinstance(one, bool | dict | list) for one in values):
        raise UsageProblemError(f"{key} needs a value, as `zoo export {option.opts[0]} {option.metavar or 'N'}` does")
    if not option.multiple:
        values = [",".join(map(str, values))] if values else []
    for one in values:
        yield from (option.opts[0], located(str(one), folder) if key in PATHS else str(one))


@cache
def options() -> dict[str, click.Option]:
    """Return the options of `zoo export` that the file of a sweep may set, by name, without dashes."""
    found = [one for one in load_command("export").params if isinstance(one, click.Option)]
    named = {one.opts[0].removeprefix("--"): one for one in found}
    return {name: one for name, one in named.items() if name not in OF_SWEEP}


def located(text: str, folder: Path) -> str:
    """Return the absolute path of what lies in the folder; a name is left as it is."""
    path = folder / Path(text).expanduser()
    return str(path.absolute()) if path.exists() else text
