"""Terminal output: width, colours, JSON, error lines and broken pipes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from export.cli.printable import printable
from export.cli.program import typeable

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment
    from rich.text import Text

PIPE_WIDTH = 160  # For pipes and log files, which do not wrap: wide enough for every table.


def standard_output() -> Console:
    """Return the console for results; rich is imported lazily so that --help stays fast."""
    return _console(stderr=False)


def standard_error() -> Console:
    """Return the console for progress, warnings and errors."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console
    from rich.segment import Segment

    class LoudConsole(Console):
        """Raise BrokenPipeError where rich would end the process; print no control characters of untrusted text."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # `export.cli.main` decides the exit code.

        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                yield segment if segment.control else Segment(printable(segment.text), segment.style)

    # Markup stays off because shapes and file names contain square brackets. Rich honours NO_COLOR and TERM=dumb.
    console = LoudConsole(stderr=stderr, markup=False, highlight=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPE_WIDTH
    return console


def print_sentence(console: Console, text: str | Text, style: str | None = None) -> None:
    """Print a sentence: broken between words where a width is known, and in one line into a pipe or a file."""
    console.print(text, style=style, soft_wrap=console.width == PIPE_WIDTH and not console.is_terminal)


def print_command(console: Console, text: str | Text, style: str | None = None) -> None:
    """Print a line with a command or a path in it: as it can be typed here, and never broken."""
    console.print(typeable(text) if isinstance(text, str) else text, style=style, soft_wrap=True)


def print_json(facts: Any) -> None:
    """Print plain data as JSON on stdout."""
    print(printable(json.dumps(facts, indent=2, ensure_ascii=False)))


def print_error(message: str, hint: str | None = None) -> None:
    """Print `error: ...` as a single line on stderr, and the hint on a line below."""
    import click

    # Click ignores NO_COLOR. None: use colours if stderr is a terminal.
    colour = False if os.environ.get("NO_COLOR") else None
    click.secho("error: ", fg="red", bold=True, nl=False, err=True, color=colour)
    # A message may quote another library's message, which may contain line breaks.
    click.echo(printable(typeable(" ".join(message.split()))), err=True)
    if hint:
        click.echo(typeable(hint), err=True)
