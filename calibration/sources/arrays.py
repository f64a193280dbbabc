"""Arrays from an .npz or .npy, read row by row: never unpickled, never held whole."""

from __future__ import annotations

from pathlib import Path

from calibration.sources.request import Request, Stream


def open_arrays(path: Path, request: Request) -> Stream:
    """Return rows of the arrays in `path`."""
    raise NotImplementedError
