"""The passes that a user can choose, and their one serialisation: the text behind the flag, by the flag's name.

The background job, the manifest and the printed command all use it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from export.passes.chosen import ChosenPass
from export.passes.prune import Prune
from export.passes.prune_channels import PruneChannels

# In the order in which they are applied: what is removed needs no zeros.
PASSES: Mapping[str, type[ChosenPass]] = {"prune_channels": PruneChannels, "prune": Prune}


def record(passes: Iterable[ChosenPass]) -> dict[str, str]:
    """Return passes as plain data: {"prune": "0.5"}."""
    chosen = {type(one): one.value for one in passes}
    return {name: chosen[kind] for name, kind in PASSES.items() if kind in chosen}


def from_record(values: Mapping[str, str]) -> tuple[ChosenPass, ...]:
    """Return the passes of a record, in the order in which they are applied.

    Raises:
        UsageProblemError: a value makes no sense.
    """
    return tuple(kind.parse(values[name]) for name, kind in PASSES.items() if name in values)


def words(values: Mapping[str, str]) -> list[str]:
    """Return what to type for a record: ["--prune", "0.5"]."""
    return [word for name, kind in PASSES.items() if name in values for word in (kind.flag, values[name])]
