"""Registry of the passes that a user can choose, and their serialisation as flag values.

The background job, the manifest and the printed command use the same serialisation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from export.passes.chosen import ChosenPass
from export.passes.prune import Prune
from export.passes.prune_channels import PruneChannels
from export.recipe import PassChoice
from zoo.errors import UsageProblemError

# In order of application: channels are removed before weights are set to zero.
PASSES: Mapping[str, type[ChosenPass]] = {"prune_channels": PruneChannels, "prune": Prune}


def ordered(passes: Iterable[PassChoice]) -> dict[str, ChosenPass]:
    """Return passes by name in order of application.

    Raises:
        UsageProblemError: a pass is not registered, or occurs twice.
    """
    given = tuple(passes)
    chosen: dict[type[Any], Any] = {type(one): one for one in given}
    if len(chosen) < len(given) or not chosen.keys() <= set(PASSES.values()):
        names = ", ".join(type(one).__name__ for one in given)
        raise UsageProblemError(f"passes {names}: give each pass once; there are {', '.join(PASSES)}")
    return {name: chosen[kind] for name, kind in PASSES.items() if kind in chosen}


def record(passes: Iterable[PassChoice]) -> dict[str, str]:
    """Return passes as plain data, such as {"prune": "0.5"}.

    Raises:
        UsageProblemError: as `ordered`.
    """
    return {name: one.value for name, one in ordered(passes).items()}


def from_record(values: Mapping[str, str]) -> tuple[ChosenPass, ...]:
    """Return the passes of a record in order of application.

    Raises:
        UsageProblemError: a value is invalid.
    """
    return tuple(kind.parse(values[name]) for name, kind in PASSES.items() if name in values)


def words(values: Mapping[str, str]) -> list[str]:
    """Return the command-line arguments for a record, such as ["--prune", "0.5"]."""
    return [word for name, kind in PASSES.items() if name in values for word in (kind.flag, values[name])]
