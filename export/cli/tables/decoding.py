"""Table of decoders: how long a prompt takes to the first token, and the speed of the tokens behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from export.cli.console import standard_output
from export.units import size_in_words

WHOLE = 100  # Numbers from here on are shown without decimals.


def print_decoding(found: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    """Print a row for every file and length of a prompt.

    Args:
        found: records of `export.runtime.decoding.bench_decoding`, at least one.
        names: what to call each file.
    """
    console = standard_output()
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("file", overflow="fold")
    for heading in ("size", "prompt", "first ms", "tokens/s", "peak MB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for record, name in zip(found, names, strict=True):
        _add_rows(table, record, name)
        table.add_section()
    console.print(table)
    for record, name in zip(found, names, strict=True):
        if record["trouble"]:
            console.print(Text(f"{name}: {record['trouble']}", style="bold red"))
    for line in _legend(found):
        console.print(line, style="dim")


def _add_rows(table: Table, record: Mapping[str, Any], name: str) -> None:
    """Add the rows of one file, the first of which names it."""
    titles = [(name, size_in_words(record["bytes"]))]
    if not record["lengths"]:
        table.add_row(*titles[0], "-", "-", "-", "-")
    for place, one in enumerate(record["lengths"]):
        title = titles[0] if place == 0 else ("", "")
        numbers = (_three_digits(one[key]) for key in ("first_ms", "tokens_per_second"))
        table.add_row(*title, str(one["prompt_tokens"]), *numbers, f"{one['peak_mb']:.0f}")


def _three_digits(number: float) -> str:
    """Return at least three digits, never in powers of ten."""
    return f"{number:.0f}" if number >= WHOLE else f"{number:.3g}"


def _legend(found: Sequence[Mapping[str, Any]]) -> list[str]:
    threads, empty = found[0]["threads"], max(record["empty_mb"] for record in found)
    runtimes = dict.fromkeys(f"{record['runtime']} {record['version']}" for record in found if record["runtime"])
    return [
        "prompt: its tokens, or those of a text to translate; first ms: time to the first new token; tokens/s: of "
        "those behind it; the last row of a decoder ends at its context",
        f"peak MB: peak memory of the whole process up to this length; Python and NumPy alone take {empty:.0f} MB",
        f"{', '.join(runtimes)}; {threads} thread{'s' * (threads != 1)}, alternating between the files",
    ]
