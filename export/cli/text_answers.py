"""Print what networks that read text make of it, for `zoo run`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from export.cli.console import print_json, standard_error, standard_output
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    from export.bundle.read import Delivered, DeliveredFile
    from export.runtime.sampling import Sampling

# A word that ends so is the name of a file and not a text.
FILE_SUFFIXES, LONGEST_NAME = (".txt", ".jpg", ".jpeg", ".png", ".csv"), 255


def texts_of(inputs: Sequence[str]) -> list[str]:
    """Return texts as they are typed, and the lines of .txt files.

    Raises:
        UsageProblemError: what is meant as a file is none, or none of text.
    """
    from calibration.text_files import LINES, lines

    found: list[str] = []
    for one in inputs:
        is_name = len(one) <= LONGEST_NAME and not any(map(str.isspace, one)) and Path(one).suffix in FILE_SUFFIXES
        if not is_name:
            found.append(one)
        elif Path(one).suffix == LINES:
            found += lines(Path(one))
        else:
            raise UsageProblemError(f"{one!r} looks like a file; type a text, or a .txt with one text per line")
    return found


def continue_texts(
    delivered: Delivered, file: DeliveredFile, prompts: Sequence[str], sampling: Sampling, *, as_json: bool
) -> None:
    """Continue each text, and print what follows as it arrives."""
    from export.bundle.generate import generate
    from export.bundle.given import tokenizer
    from export.cli.printable import printable

    console, found = standard_output(), []
    tokenizer(delivered)  # Refused before a text is printed.
    for prompt in prompts:
        if not as_json:
            console.print(printable(prompt), end="", style="bold", markup=False, highlight=False, soft_wrap=True)
        continued = generate(delivered, file, prompt, sampling, _ignore if as_json else _show)
        found.append(asdict(continued))
        if not as_json:
            console.print()
            speed = f"{continued.first_ms:.0f} ms to the first token, {continued.tokens_per_second:.0f} tokens/s"
            console.print(f"{file.path.name}: {len(continued.tokens)} tokens, {speed}\n", style="dim", soft_wrap=True)
    warn_of_failures(file)
    if as_json:
        print_json({"file": file.path.name, "answers": found})


def translate_texts(
    delivered: Delivered, file: DeliveredFile, texts: Sequence[str], sampling: Sampling, *, as_json: bool
) -> None:
    """Print the translation of each text."""
    from export.bundle.translate import translate
    from export.cli.printable import printable

    console, found = standard_output(), translate(delivered, file, texts, sampling)
    warn_of_failures(file)
    for one in found:
        if one.is_cut:
            _warn_of_cut(one.text)
        if not as_json:
            console.print(printable(one.text), end=" -> ", style="bold", markup=False, highlight=False, soft_wrap=True)
            console.print(printable(one.translation), markup=False, highlight=False, soft_wrap=True)
            console.print(f"{file.path.name}: {one.milliseconds:.1f} ms", style="dim", soft_wrap=True)
    if as_json:
        print_json({"file": file.path.name, "answers": [asdict(one) for one in found]})


def fill_texts(delivered: Delivered, file: DeliveredFile, texts: Sequence[str], top: int, *, as_json: bool) -> None:
    """Print each text with its hidden tokens, and the likeliest tokens of every place."""
    from export.bundle.fill import fill
    from export.cli.printable import printable

    console, found = standard_output(), fill(delivered, file, texts, top)
    warn_of_failures(file)
    for one in found:
        if one.is_cut:
            _warn_of_cut(one.text)
        if not as_json:
            console.print(printable(one.filled), style="bold", markup=False, highlight=False, soft_wrap=True)
            for candidates in one.places:
                likeliest = ", ".join(f"{printable(two.token)} {100 * two.chance:.1f}%" for two in candidates)
                console.print(f"  {likeliest}", markup=False, highlight=False, soft_wrap=True)
            console.print(f"{file.path.name}: {one.milliseconds:.1f} ms", style="dim", soft_wrap=True)
    if as_json:
        print_json({"file": file.path.name, "answers": [asdict(one) for one in found]})


def _warn_of_cut(text: str) -> None:
    """Warn that a text was cut off."""
    from export.cli.printable import printable

    warning = f"warning: {printable(text)!r} is longer than the network reads and was cut off"
    standard_error().print(warning, markup=False, soft_wrap=True)


def _show(text: str) -> None:
    """Print a piece of text as it arrives."""
    from export.cli.printable import printable

    standard_output().print(printable(text), end="", markup=False, highlight=False, soft_wrap=True)


def _ignore(text: str) -> None:
    """Print nothing."""


def warn_of_failures(file: DeliveredFile) -> None:
    """Warn about a file that failed its proof and was written with --keep-failed."""
    if file.failures:
        standard_error().print(
            f"warning: {file.path.name} failed its proof at the export: {file.failures[0]}", soft_wrap=True
        )
