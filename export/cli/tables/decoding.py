"""Table of decoders: how long a prompt takes to the first token, and the speed of the tokens behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from export.cli.console import print_sentence, standard_output
from export.cli.tables.fitting import Column, number, print_fitting
from export.units import size_in_words

COLUMNS = (
    Column(heading="file", breaks=True, narrowest=20),
    number("size", rank=2),
    number("prompt"),
    number("first ms"),
    number("tokens/s"),
    number("peak MB", rank=1),
)
WHOLE = 100  # Numbers from here on are shown without decimals.


def print_decoding(found: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    """Print a row for every file and length of a prompt.

    Args:
        found: records of `export.runtime.decoding.bench_decoding`, at least one.
        names: what to call each file.
    """
    console, rows, ends = standard_output(), list[tuple[str, ...]](), list[int]()
    for record, name in zip(found, names, strict=True):
        rows += _rows(record, name)
        ends.append(len(rows) - 1)
    print_fitting(console, COLUMNS, rows, ends=ends)
    console.print()
    for record, name in zip(found, names, strict=True):
        if record["trouble"]:
            print_sentence(console, f"{name}: {record['trouble']}", style="bold red")
    for line in _legend(found):
        print_sentence(console, line, style="dim")


def _rows(record: Mapping[str, Any], name: str) -> list[tuple[str, ...]]:
    """Return the rows of one file, the first of which names it."""
    title = (name, size_in_words(record["bytes"]))
    if not record["lengths"]:
        return [(*title, "-", "-", "-", "-")]
    return [
        (
            *(title if place == 0 else ("", "")),
            str(one["prompt_tokens"]),
            *(_three_digits(one[key]) for key in ("first_ms", "tokens_per_second")),
            f"{one['peak_mb']:.0f}",
        )
        for place, one in enumerate(record["lengths"])
    ]


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
