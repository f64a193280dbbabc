"""Which columns of a .csv of numbers hold a model's inputs, and which the targets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from calibration.inputs import InputSpec, describe
from zoo.errors import UsageProblemError

# Names of a column with the target, the best first; the name of an output is better than all.
TARGETS = ("label", "labels", "class", "class_index", "target", "targets")
# Another name, but also that of a coordinate: it is a target only as the first or the last column.
OUTER_TARGET = "y"


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Positions of columns.

    Attributes:
        inputs: the columns of each input, by name.
        targets: the columns of each output with targets, by name; empty if none are expected.
    """

    inputs: Mapping[str, list[int]]
    targets: Mapping[str, list[int]]


def find(
    file: str,
    header: Sequence[str],
    width: int,
    inputs: Mapping[str, InputSpec],
    outputs: Collection[str] | None = None,
) -> Columns:
    """Return the columns of the inputs and of the targets.

    A header may name the inputs `input` or `input.0`, `input.1` and so on; other columns are then ignored. Otherwise
    the columns that are no targets hold the inputs in the model's order. Case does not matter.

    Args:
        file: its name for messages.
        header: names of the columns; empty, or mere numbers, if they have none.
        width: number of columns.
        inputs: the model's inputs by name.
        outputs: names of the model's outputs; None if no targets are expected. Without names of columns the targets
            are the columns behind the inputs.

    Raises:
        UsageProblemError: the columns do not fit, or there are no targets.
    """
    names = [] if is_counted(header) else [one.casefold() for one in header]
    sizes = {name: prod(spec.shape) for name, spec in inputs.items()}
    total = sum(sizes.values())
    named = _named(file, names, sizes)
    free = sorted(set(range(width)).difference(*named.values()))
    targets: dict[str, list[int]] = {}
    if outputs is not None:
        targets = _targets(names, free, outputs, named=bool(named)) if names else _behind(free[total:], outputs)
        if not targets and width >= total:
            raise no_targets(file, outputs)
        free = [place for place in free if not any(place in places for places in targets.values())]
    free = free if named else _without_targets(names, free, total)
    if not named and len(free) != total:
        raise UsageProblemError(
            f"{file} has {len(free)} columns of inputs, but the model takes {total} numbers "
            f"({describe(inputs)}); name the columns in the first line, and a column of targets `label`"
        )
    return Columns(inputs=named or _in_order(free, sizes), targets=targets)


def is_counted(cells: Sequence[str]) -> bool:
    """Return whether cells are the numbers of the columns from 0 or 1, as a DataFrame without names writes them."""
    return any(list(cells) == [str(start + place) for place in range(len(cells))] for start in (0, 1))


def no_targets(file: str, outputs: Collection[str]) -> UsageProblemError:
    """Return the error that a file has no targets."""
    return UsageProblemError(
        f"{file} holds no targets: name an array or a column {' or '.join(map(repr, outputs))}"
        + (", or label" if len(outputs) == 1 else "")
    )


def _named(file: str, names: Sequence[str], sizes: Mapping[str, int]) -> dict[str, list[int]]:
    """Return the columns that the header names for every input; empty if it names none."""
    found = {name: _places(names, name.casefold(), size) for name, size in sizes.items()}
    lacking = [name for name, places in found.items() if None in places]
    if not any(place is not None for places in found.values() for place in places):
        return {}
    if lacking:
        wanted = [name if sizes[name] == 1 else f"{name}.0 to {name}.{sizes[name] - 1}" for name in lacking]
        raise UsageProblemError(
            f"{file} names columns of inputs, but not all of {', '.join(map(repr, lacking))}; "
            f"name them {', '.join(wanted)}, or name no input"
        )
    return {name: [place for place in places if place is not None] for name, places in found.items()}


def _places(names: Sequence[str], name: str, size: int) -> list[int | None]:
    places = [names.index(one) if one in names else None for one in (f"{name}.{number}" for number in range(size))]
    # pandas numbers repeated names `input`, `input.1` and so on.
    is_alone = size == 1 or any(place is not None for place in places)
    if size and places[0] is None and is_alone and name in names:
        places[0] = names.index(name)
    return places


def _targets(
    names: Sequence[str], free: Sequence[int], outputs: Collection[str], *, named: bool
) -> dict[str, list[int]]:
    """Return the columns with the name of an output; for an only output those with the best of the other names."""
    found = {output: _called(names, free, output.casefold()) for output in outputs}
    found = {output: places for output, places in found.items() if places}
    if found or len(outputs) != 1:
        return found
    (only,) = outputs
    groups = [_called(names, free, one) for one in TARGETS]
    groups.append(_called(names, free, OUTER_TARGET) if named else _outer(names, free))
    if named and len(free) == 1:
        groups.append(list(free))
    best = next(filter(None, groups), [])
    return {only: best} if best else {}


def _called(names: Sequence[str], free: Sequence[int], name: str) -> list[int]:
    """Return the columns `name` and `name.0`, `name.1` and so on, by their numbers."""
    return sorted((place for place in free if _stem(names[place], name)), key=lambda place: _number(names[place]))


def _stem(column: str, name: str) -> bool:
    stem, _, number = column.rpartition(".")
    return column == name or (stem == name and number.isdecimal())


def _number(column: str) -> int:
    number = column.rpartition(".")[2]
    return int(number) if number.isdecimal() else 0


def _outer(names: Sequence[str], free: Sequence[int]) -> list[int]:
    return [place for place in (*free[-1:], *free[:1]) if names[place] == OUTER_TARGET][:1]


def _behind(places: list[int], outputs: Collection[str]) -> dict[str, list[int]]:
    return {next(iter(outputs)): places} if places and len(outputs) == 1 else {}


def _without_targets(names: Sequence[str], free: list[int], total: int) -> list[int]:
    """Return all columns if they fit; otherwise leave out those named as targets, and `y` if still too many."""
    if len(free) == total or not names:
        return free
    free = [place for place in free if not any(_stem(names[place], one) for one in TARGETS)]
    if len(free) > total:
        outer = _outer(names, free)
        free = [place for place in free if place not in outer]
    return free


def _in_order(free: Sequence[int], sizes: Mapping[str, int]) -> dict[str, list[int]]:
    found, start = {}, 0
    for name, size in sizes.items():
        found[name] = list(free[start : start + size])
        start += size
    return found
