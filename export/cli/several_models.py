"""Several models in one command: each is checked first and exported in turn, and one table shows all files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from export.cli.console import print_command, print_error, print_sentence, standard_error, standard_output
from export.model.subject import artifact_name
from export.recipe import Recipe
from zoo.errors import UsageProblemError, ZooError

REMARKS = ("warning: ", "note: ", "weights: ", "untrained")  # of the legend; its other lines explain the columns


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one model.

    Attributes:
        model: as typed.
        result: what the export returned; None if it failed before there was a file.
        error: why it failed; None if it did not.
    """

    model: str
    result: dict[str, Any] | None = None
    error: ZooError | None = None

    @property
    def code(self) -> int:
        """The exit code that this model alone would have."""
        if self.result is not None:
            return 0 if self.result["manifest"]["passed"] else 1
        return self.error.exit_code if self.error is not None else 1


def check_apart(recipes: Sequence[Recipe]) -> None:
    """Check that no two models write the same folder.

    Raises:
        UsageProblemError: two do.
    """
    known: dict[str, str] = {}
    for recipe in recipes:
        name = artifact_name(recipe)
        if known.get(name) == recipe.model:
            raise UsageProblemError(f"{recipe.model} is named twice; name it once")
        if name in known:
            raise UsageProblemError(
                f"{known[name]} and {recipe.model} would both write {recipe.out / name}; export them in two commands, "
                "the second with another --out"
            )
        known[name] = recipe.model


def export_several(recipes: Sequence[Recipe], export: Callable[[Recipe], dict[str, Any]]) -> list[Outcome]:
    """Export models one after the other; one that fails does not keep the others from being exported."""
    outcomes = []
    for number, recipe in enumerate(recipes, start=1):
        standard_error().print(f"model {number} of {len(recipes)}: {recipe.model}", soft_wrap=True)
        try:
            outcomes.append(Outcome(model=recipe.model, result=export(recipe)))
        except ZooError as error:
            print_error(str(error) if recipe.model in str(error) else f"{recipe.model}: {error}")
            outcomes.append(Outcome(model=recipe.model, error=error))
        except KeyboardInterrupt:
            if folders := [str(one.result["folder"]) for one in outcomes if one.result and one.result["folder"]]:
                standard_error().print(f"written before: {', '.join(folders)}", soft_wrap=True)
            raise
    return outcomes


def record(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return the manifest of every model, or its error, as plain data."""
    return [
        {"model": one.model, "manifest": one.result["manifest"] if one.result else None, "error": _words(one)}
        for one in outcomes
    ]


def print_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Print one table of all files; then of each model what is remarkable, and where its files are."""
    from export.cli.tables.several import print_several

    console = standard_output()
    print_several(console, [(one.model, one.result["manifest"] if one.result else None) for one in outcomes])
    for one in outcomes:
        for line in _lines(one.result) if one.result is not None else []:
            (print_command if ": zoo " in line else print_sentence)(console, line)


def _lines(result: dict[str, Any]) -> Iterator[str]:
    """Yield the reasons, warnings and last words of one model; an error was printed when it occurred."""
    from export.bundle.report.legend import legend
    from export.bundle.report.rows import rows
    from export.cli.tables.last_words import last_words

    manifest = result["manifest"]
    name = manifest["name"]
    yield from (f"{name} {row.scheme} {row.format}: {row.reason}" for row in rows(manifest) if row.reason)
    yield from (f"{name}: {line}" for line in legend(manifest) if line.startswith(REMARKS))
    yield from (line for line in last_words(result) if line)
    yield from (f"for {title}: {path}" for title, path in result.get("packed", {}).items())


@contextmanager
def of_model(model: str, *, named: bool) -> Iterator[None]:
    """Name the model in the message of an error, if there are several.

    Raises:
        ZooError: the error of the block.
    """
    try:
        yield
    except ZooError as error:
        if not named or model in str(error):
            raise
        raise type(error)(f"{model}: {error}") from error


def _words(outcome: Outcome) -> str | None:
    return str(outcome.error) if outcome.error is not None else None
