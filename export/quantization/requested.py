"""Which files an export builds: the requested ones and those that they are derived from."""

from __future__ import annotations

from export.formats import FORMATS, PRIMARY, Format, find
from export.recipe import Recipe
from export.scheme import FLOAT32, Scheme

Key = tuple[str, Scheme]  # format and scheme of a file


def formats(recipe: Recipe) -> tuple[Format, ...]:
    """Return the formats that a recipe requests, in the order in which they are built."""
    asked = {find(name).name for name in recipe.formats} or set(FORMATS)
    return tuple(file_format for file_format in FORMATS.values() if file_format.name in asked)


def keys(recipe: Recipe) -> tuple[Key, ...]:
    """Return the keys of the files to build: the requested ones after those that they are derived from."""
    schemes = [scheme for scheme in recipe.schemes if scheme != FLOAT32]
    quantized = {(name, scheme) for scheme in schemes for name in _with_parents(recipe, scheme)}
    floats = {file_format.name for file_format in formats(recipe)} | {name for name, _ in quantized}
    if recipe.budget.is_asked or any(scheme.has_integer_weights for scheme in schemes):
        floats.add(PRIMARY.name)
    wanted = {(name, FLOAT32) for name in floats} | quantized
    ordered = ((name, scheme) for scheme in (FLOAT32, *schemes) for name in FORMATS)
    return tuple(dict.fromkeys(key for key in ordered if key in wanted))


def _with_parents(recipe: Recipe, scheme: Scheme) -> set[str]:
    """Return the formats in which a scheme's files are built: the requested ones and those they are derived from."""
    found: set[str] = set()
    todo = [file_format.name for file_format in formats(recipe)]
    while todo:
        name = todo.pop()
        found.add(name)
        todo += [other for other in FORMATS[name].needs(scheme) if other not in found]
    return found
