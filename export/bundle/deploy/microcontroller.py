"""Microcontrollers: the network as C++ for TensorFlow Lite Micro, with the size of its arena and a self-check."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from export.bundle.deploy.micro import chosen
from export.bundle.deploy.micro.outputs import outputs_of
from export.bundle.deploy.micro.readme import readme
from export.bundle.deploy.micro.record import MicroModel
from export.bundle.deploy.micro.sources import sources
from export.bundle.deploy.on_device.model import FILE
from export.bundle.deploy.target import README, Contents, Files
from export.bundle.read import Delivered
from export.progress import Progress
from export.recipe import Io, Recipe
from export.units import size_in_words
from zoo.errors import CheckFailedError


@dataclass(frozen=True, kw_only=True)
class Microcontroller:
    """A microcontroller with TensorFlow Lite Micro.

    Attributes:
        name: as typed after `--target`.
        title: for display.
        io: the type of inputs and outputs that suits it.
    """

    name: str
    title: str
    io: Io

    def refusal(self, recipe: Recipe) -> str:
        """Return why no file of a recipe would run there, and the nearest that would; empty if one may."""
        return chosen.refusal(recipe)

    def fetch(self) -> None:
        """Fetch nothing: the runtime's interpreter is fetched when there is a file to check."""

    def contents(self, delivered: Delivered, precision: str | None, folder_name: str, progress: Progress) -> Contents:
        """Return the int8 file as C++, with all that runs and checks it.

        Raises:
            UsageProblemError: there is none that runs there.
            CheckFailedError: it differs from the exported one, or computes something else there.
        """
        found = chosen.choose(delivered, precision, self.title)
        outputs = outputs_of(delivered, found.file, found.footprint.given_bytes, progress)
        _check_budget(delivered, found.file.path.name, outputs.arena_bytes)
        model = MicroModel(delivered=delivered, chosen=found, outputs=outputs)
        files: Files = {
            found.file.path.name: found.file.path,
            **sources(delivered, found, outputs, model.arena_bytes),
            FILE: (json.dumps(model.record(), indent=1) + "\n").encode(),
        }
        notes = (f"not run in TensorFlow Lite Micro: {outputs.trouble}",) if outputs.trouble else ()
        return Contents(sources=(found.file,), files={**files, README: readme(model, files)}, notes=notes)


def _check_budget(delivered: Delivered, name: str, arena_bytes: int) -> None:
    """Check that a file starts within the RAM that its export was given.

    Raises:
        CheckFailedError: it needs more than was planned, and more than that.
    """
    limit = (delivered.manifest["recipe"].get("budget") or {}).get("max_ram_bytes")
    if limit is not None and arena_bytes > limit:
        raise CheckFailedError(
            f"{name} starts in TensorFlow Lite Micro with {size_in_words(arena_bytes)} of RAM, more than was planned; "
            f"type --max-ram {math.ceil(arena_bytes / 1000)}kB or more"
        )


MICROCONTROLLER = Microcontroller(name="microcontroller", title="microcontrollers", io=Io.INT8)
