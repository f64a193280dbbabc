"""Render the templates of the code, in which every value is a literal of the language or plain words."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

_PLAIN = re.compile(r"[^A-Za-z0-9 ._,()+/:-]")


def render(template: str, **values: object) -> str:
    """Render a template of `templates/` with the values."""
    return _environment().get_template(template).render(values)


def literal(value: Any) -> str:
    """Return a value as a literal of Python and, but for tuples, of JavaScript.

    A manifest may come from anywhere, and its texts must not become code.
    """
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return repr(value)


def in_kotlin(text: str) -> str:
    """Return a text as a literal of Kotlin, where a dollar would begin a template."""
    return json.dumps(text).replace("$", "\\$").replace("\\f", "\\u000c")


def comment(text: str) -> str:
    """Return a text without characters that could end a comment or a string."""
    return _PLAIN.sub("_", text)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("export.bundle.snippets"),
        autoescape=False,  # of HTML, which this is not
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(literal=literal, comment=comment, in_kotlin=in_kotlin)
    return environment
