"""Pages with measured tables, each between two markers, so that a new run replaces only its own table."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

from export.cli.doctor.machine import int8_instructions


def between(page: str, begin: str, end: str, section: str) -> str:
    """Return the page with `section` in place of what stands between two markers, or at its end."""
    block = f"{begin}\n{section}\n{end}"
    if begin not in page:
        return f"{page.rstrip()}\n\n{block}\n"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    return pattern.sub(lambda _: block, page)


def machine() -> str:
    """Return this machine's processor in words."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    facts = dict(re.findall(r"^(model name|flags)\s*:\s*(.*)$", text, re.MULTILINE))
    instructions, _ = int8_instructions(set(facts.get("flags", "").split()))
    return f"{cores} cores of {facts.get('model name', platform.machine())} ({instructions})"
