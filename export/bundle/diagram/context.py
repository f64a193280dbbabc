"""Name what every block of a network reads, in place of arrows to all of them.

A mask, the positions, or the output of an encoder is read in one block after the other. Its arrows would join all
blocks to one, so each reader says "with mask" instead.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from export.bundle.diagram.steps import Kind, Step

FEWEST_PLACES = 3  # where it is read, each of which depends on the one before


def name_context(steps: Sequence[Step]) -> list[Step]:
    """Return the steps without the arrows of what is read again and again, each branch right before it is joined."""
    inputs = {place for place, step in enumerate(steps) if step.kind is Kind.INPUT}
    named = _named(steps, {place for place in inputs if len(_places(steps, place)) > 1})
    named = _named(named, {place for place in range(len(steps)) if place not in inputs and _is_context(named, place)})
    if named == list(steps):
        return named
    order = _by_depth(named)
    places = {old: new for new, old in enumerate(order)}
    return [replace(named[old], sources=tuple(places[source] for source in named[old].sources)) for old in order]


def _is_context(steps: Sequence[Step], one: int) -> bool:
    """Return whether a step is read at several places, of which the first reads something else as well.

    What the whole network passes through is no context: all that its readers read depends on it.
    """
    first, *rest = _places(steps, one) or [one]
    chain, dependent = [first], _dependent(steps, one)
    for place in rest:
        chain += [place] if place in _dependent(steps, chain[-1]) else []
    return len(chain) >= FEWEST_PLACES and any(source not in dependent for source in steps[first].sources)


def _places(steps: Sequence[Step], one: int) -> list[int]:
    """Return where branches that read a step end: where they are joined with others, or split."""
    readers: list[list[int]] = [[] for _ in steps]
    for place, step in enumerate(steps):
        for source in step.sources:
            readers[source].append(place)
    found = set()
    for reader in readers[one]:
        place = reader
        while len(steps[place].sources) == len(readers[place]) == 1:
            (place,) = readers[place]
        found.add(place)
    return sorted(found)


def _dependent(steps: Sequence[Step], one: int) -> set[int]:
    """Return a step and all that depend on it."""
    found = {one}
    for place in range(one + 1, len(steps)):
        if not found.isdisjoint(steps[place].sources):
            found.add(place)
    return found


def _named(steps: Sequence[Step], contexts: Collection[int]) -> list[Step]:
    """Return the steps, those that read a context with its name in place of an arrow."""
    result = []
    for place, step in enumerate(steps):
        words = (*step.words, *(f"with {steps[one].name}" for one in dict.fromkeys(step.sources) if one in contexts))
        if place in contexts and step.kind is not Kind.INPUT:
            words = (*words, f"= {step.name}")
        kept = tuple(source for source in step.sources if source not in contexts)
        result.append(replace(step, words=words, sources=kept))
    return result


def _by_depth(steps: Sequence[Step]) -> list[int]:
    """Return the places depth first: the inputs, then what leads to each step before the step itself."""
    order = [place for place, step in enumerate(steps) if step.kind is Kind.INPUT]
    seen = set(order)
    read = {source for step in steps for source in step.sources}
    for end in (place for place in range(len(steps)) if place not in read):
        pending = [end]
        while pending:
            place = pending[-1]
            missing = [source for source in steps[place].sources if source not in seen]
            if missing:
                pending.append(missing[0])
                continue
            pending.pop()
            if place not in seen:
                seen.add(place)
                order.append(place)
    return order
