"""A job of a sweep: one export, and the devices that its files are packed for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from export.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Job:
    """One export of a sweep.

    Attributes:
        name: of the job, unlike that of any other in its sweep: "lenet5-int8".
        model: name of the network or file, as the sweep's file has it.
        recipe_name: name of its recipe in the sweep's file.
        recipe: what is exported and how.
        devices: names of the targets that its files are packed for.
        key: digest of all that decides the files (`export.sweep.keys`).
        pack_keys: the same of each device's folder, by the name of the device.
    """

    name: str
    model: str
    recipe_name: str
    recipe: Recipe
    devices: tuple[str, ...]
    key: str
    pack_keys: Mapping[str, str]

    @property
    def leaves_code(self) -> bool:
        """Whether code of the user's runs, which stays in the process."""
        return bool(self.recipe.imports) or self.recipe.unsafe_lambda


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of a job.

    Attributes:
        job: the job.
        export: the record of its export; None if there is no result.
        packs: the record of each device's folder that there is, by the name of the device.
        error: why a result is missing; empty if none is.
        attempts: how often it was started in this run; 0 if every result was in the store.
    """

    job: Job
    export: Mapping[str, Any] | None = None
    packs: Mapping[str, Mapping[str, Any]]
    error: str = ""
    attempts: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether there is a result of the export and of every device."""
        return self.export is not None and self.packs.keys() >= set(self.job.devices)

    @property
    def is_good(self) -> bool:
        """Whether all files are proven, and packed for every device."""
        proven = self.export is not None and bool(self.export["passed"])
        return proven and not self.error and all(not pack["error"] for pack in self.packs.values())
