"""Freed memory goes back to the system before a child process needs its own: TensorFlow leaves a gigabyte of it."""

from __future__ import annotations

import ctypes
import gc
import os
from pathlib import Path

STATM = Path("/proc/self/statm")  # of Linux: in pages; the second number is what is resident
WORTHWHILE = 1 << 30  # bytes that the process takes: of a small one there is little to get, and looking takes time


def resident_bytes() -> int:
    """Return what this process takes of the memory, on Linux."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def give_back() -> None:
    """Let the system have what this process freed, if it is large and the system is Linux with glibc."""
    if not STATM.exists() or resident_bytes() < WORTHWHILE:
        return
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
