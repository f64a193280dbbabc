"""What a file requires of the device that runs it: releases of runtimes, and operators that a GPU does not take."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """What a file requires.

    Attributes:
        oldest_runtimes: by distribution, the oldest release that was tried and loads the file, as all later ones do;
            distributions without such a release are left out.
        not_on_gpu: how many operators of each kind the runtime's GPU delegate leaves to the CPU; None if the runtime
            has no such delegate.
    """

    oldest_runtimes: Mapping[str, str]
    not_on_gpu: Mapping[str, int] | None = None


def oldest_runtimes(table: Path, needed: Iterable[tuple[str, int]], since: Iterable[str] = ()) -> dict[str, str]:
    """Return the oldest release of each distribution from which on every release accepts all that is needed.

    Args:
        table: what `python -m benchmarks runtime_versions` measured: the newest version of each kind by release.
        needed: pairs (kind, version).
        since: releases before which the file fails for other reasons, such as "ai-edge-litert 1.4.0"; a distribution
            alone stands for all of its releases.
    """
    known = json.loads(table.read_text(encoding="utf-8"))
    releases: list[str] = known["releases"]
    refuses = [False] * len(releases)
    for kind, version in set(needed):
        newest = known["newest"].get(kind, [0] * len(releases))
        refuses = [already or version > most for already, most in zip(refuses, newest, strict=True)]
    for bound in since:
        later = releases.index(bound) if bound in releases else len(releases)
        earlier = {index for index in range(later) if releases[index].split()[0] == bound.split()[0]}
        refuses = [already or index in earlier for index, already in enumerate(refuses)]
    found: dict[str, str] = {}
    ended: set[str] = set()
    for release, refused in reversed(list(zip(releases, refuses, strict=True))):
        distribution, version_words = release.split()
        if refused:
            ended.add(distribution)
        elif distribution not in ended:
            found[distribution] = version_words
    return found


def in_words(requirements: Requirements, operator_count: int) -> list[str]:
    """Return sentences about what a file requires; `operator_count` is the number of its operators."""
    runtimes = [f"{name} {version} or later" for name, version in sorted(requirements.oldest_runtimes.items())]
    first = f"loaded by {', '.join(runtimes)}" if runtimes else "loaded by no release that was tried"
    if requirements.not_on_gpu is None or operator_count == 0:
        return [first]
    left = sum(requirements.not_on_gpu.values())
    names = ", ".join(f"{name} x {count}" for name, count in requirements.not_on_gpu.items())
    taken = "the only operator" if operator_count == 1 else f"all {operator_count} operators"
    if left:
        taken = f"{operator_count - left} of {operator_count} operators"
    return [first, f"the GPU delegate takes {taken}{f', and leaves to the CPU: {names}' if left else ''}"]
