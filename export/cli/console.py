"""The one place that decides how text reaches the terminal: width, colours, broken pipes."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 160  # Nobody sees a pipe or a log file wrap: wide enough for every table of ours.


def standard_output() -> Console:
    """Return the console for results. Rich is imported here, so that help stays fast."""
    return _console(stderr=False)


def standard_error() -> Console:
    """Return the console for progress and complaints."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    class LoudConsole(Console):
        """Rich ends the process on a closed pipe; `export.cli.main` is the one who decides exit codes."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    # Markup stays off: shapes and file names hold square brackets. NO_COLOR and TERM=dumb: rich looks.
    console = LoudConsole(stderr=stderr, markup=False, highlight=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPE_WIDTH
    return console


def print_json(facts: Any) -> None:
    """Print plain data for programs, on stdout."""
    print(json.dumps(facts, indent=2, ensure_ascii=False))


def print_error(message: str, hint: str | None = None) -> None:
    """Print `error: ...` on stderr in one line however long, and below it where to look."""
    import click

    # NO_COLOR is rich's habit, not click's. None: colours if stderr is a terminal.
    colour = False if os.environ.get("NO_COLOR") else None
    click.secho("error: ", fg="red", bold=True, nl=False, err=True, color=colour)
    # A message may quote another library's, line breaks and all.
    click.echo(" ".join(message.split()), err=True)
    if hint:
        click.echo(hint, err=True)
