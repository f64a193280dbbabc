"""Compile a file for Arm's Ethos-U with Vela, in a child process, whose exit status says nothing."""

from __future__ import annotations

import csv
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from export import temporary
from export.progress import Progress
from export.runtime.tools.environment import VELA, interpreter, variables
from zoo.errors import CheckFailedError

COMPILE_SECONDS = 900
_REFUSED = re.compile(r"Warning \(supported operators\) operator: (\w+), ofm: '(.*)'\n((?:.+\n?)*)")


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """An NPU with its memories, from Vela's own file of settings.

    Attributes:
        name: for names of files.
        accelerator: the NPU and its products per cycle.
        system: clock and bandwidths.
        memory: where weights and activations lie.
    """

    name: str
    accelerator: str
    system: str
    memory: str


CONFIGURATIONS = (
    Configuration(name="u55-64", accelerator="ethos-u55-64", system="Ethos_U55_Deep_Embedded", memory="Shared_Sram"),
    Configuration(
        name="u55-128", accelerator="ethos-u55-128", system="Ethos_U55_High_End_Embedded", memory="Shared_Sram"
    ),
    Configuration(
        name="u65-256", accelerator="ethos-u65-256", system="Ethos_U65_Client_Server", memory="Dedicated_Sram_384KB"
    ),
    Configuration(
        name="u85-256", accelerator="ethos-u85-256", system="Ethos_U85_SYS_DRAM_Mid", memory="Dedicated_Sram_384KB"
    ),
)


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """A file that Vela compiled.

    Attributes:
        content: the file.
        milliseconds: of one inference, as Vela's model of the NPU estimates it.
        sram_bytes: SRAM that it uses.
        other_bytes: DRAM and flash that it uses.
        reasons: by the name of an operator and of its output, why it is left to the CPU.
    """

    content: bytes
    milliseconds: float
    sram_bytes: int
    other_bytes: int
    reasons: Mapping[tuple[str, str], str]


def compiled(path: Path, configuration: Configuration, progress: Progress) -> Compiled:
    """Compile a file.

    Raises:
        CheckFailedError: Vela writes no file or no estimate.
        OutsideError: Vela cannot be fetched.
    """
    python = interpreter(VELA, progress)
    progress.step(f"compile {path.name} for {configuration.accelerator}")
    with temporary.folder() as work:
        options = {
            "--accelerator-config": configuration.accelerator,
            "--config": "Arm/vela.ini",
            "--system-config": configuration.system,
            "--memory-mode": configuration.memory,
            "--output-dir": work,
        }
        words = [word for option in options.items() for word in option]
        done = subprocess.run(
            [str(python), "-P", "-m", "ethosu.vela", str(path.absolute()), *words],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            cwd=work,
            timeout=COMPILE_SECONDS,
            env=variables(),
        )
        files, tables = (sorted(Path(work).glob(pattern)) for pattern in (f"*_vela{path.suffix}", "*_summary_*.csv"))
        if len(files) != 1 or len(tables) != 1:
            last = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-1:] or ["no message"]
            raise CheckFailedError(f"Vela does not compile {path.name} for {configuration.accelerator}: {last[0]}")
        with tables[0].open(newline="") as table:
            (row,) = csv.DictReader(table)
        return _compiled(files[0].read_bytes(), row, done.stdout)


def _compiled(content: bytes, row: Mapping[str, str], said: str) -> Compiled:
    """Return the results; the memories in Vela's table are in kilobytes of 1024."""
    others = ("dram_memory_used", "on_chip_flash_memory_used", "off_chip_flash_memory_used")
    return Compiled(
        content=content,
        milliseconds=1e3 * float(row["inference_time"]),
        sram_bytes=round(1024 * float(row["sram_memory_used"])),
        other_bytes=round(1024 * sum(float(row[name]) for name in others)),
        reasons=_reasons(said),
    )


def _reasons(said: str) -> dict[tuple[str, str], str]:
    found = {}
    for name, output, lines in _REFUSED.findall(said):
        words = " ".join(line.strip() for line in lines.splitlines() if line.strip())
        found[name, output] = words.removeprefix("Reason: ")
    return found
