"""Check delivered files on an emulated device: the self-check of its folder, run with the runtimes of that device."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export import temporary
from export.bundle.deploy.pack import pack
from export.bundle.deploy.raspberry_pi import RASPBERRY_PI
from export.bundle.read import Delivered
from export.progress import Progress
from export.runtime.emulation.emulate import emulate
from export.runtime.emulation.machines import Machine
from zoo.errors import OutsideError

MISTAKES = (2, 3)  # exit codes of the self-check; those of crashes are other numbers


@dataclass(frozen=True, kw_only=True)
class EmulatedFile:
    """The self-check of one file.

    Attributes:
        file: name of the file.
        precision: name of its precision.
        state: passed, failed, or skipped where the device has no runtime for it.
        is_identical: whether its outputs are those at the export bit for bit.
        words: how they differ.
        runtime: name and version of the runtime; empty if it was not run.
        samples: number of golden samples.
    """

    file: str
    precision: str
    state: str
    is_identical: bool
    words: str
    runtime: str
    samples: int

    @property
    def passed(self) -> bool:
        """Whether the file computes there what it computed at the export, or is for another device."""
        return self.state != "failed"


def check(delivered: Delivered, machine: Machine, samples: int | None, progress: Progress) -> tuple[EmulatedFile, ...]:
    """Return the self-check of every proven file, precision by precision.

    Args:
        delivered: the folder of an export.
        machine: the emulated device.
        samples: number of golden samples, because emulation is slow; None takes all.
        progress: is notified of every step.

    Raises:
        UsageProblemError: the device runs none of the files.
        CheckFailedError: a file differs from the exported one.
        OutsideError: the emulator or its files are missing, or the self-check does not run there.
    """
    precisions = dict.fromkeys(file.scheme.name for file in delivered.files if not file.failures)
    found: list[EmulatedFile] = []
    for precision in precisions:
        with temporary.folder() as work:
            packed = pack(delivered, RASPBERRY_PI, precision, Path(work) / "device", progress)
            arguments = ["--json", *(["--samples", str(samples)] if samples is not None else [])]
            progress.step(f"run the {precision} files on {machine.title}")
            code, output, errors = emulate(machine, packed.path / "selfcheck.py", arguments, progress)
        if code in MISTAKES:
            last = (errors.strip() or "it printed nothing").splitlines()[-1]
            raise OutsideError(f"the self-check does not run on {machine.title} (exit code {code}): {last}")
        rows = json.loads(output.strip().splitlines()[-1])["files"] if output.strip() else []
        crashed = {"state": "failed", "words": f"its runtime crashes there (exit code {code})"}
        rows = rows or [{"file": file.path.name, **crashed} for file in packed.sources]
        found += [_file(row, precision) for row in rows]
    return tuple(found)


def _file(row: Mapping[str, Any], precision: str) -> EmulatedFile:
    return EmulatedFile(
        file=row["file"],
        precision=precision,
        state=row["state"],
        is_identical=bool(row.get("identical")),
        words=row["words"],
        runtime=row.get("runtime", ""),
        samples=int(row.get("samples", 0)),
    )
