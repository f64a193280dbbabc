"""Float files of healthy test networks, converted once for all tests of a run and for later runs.

A file is found by a digest of everything that it depends on: the network's configuration and weights, the format, the
versions of all installed packages, and the sources of `zoo` and of the rooms of `export` that convert. A converter
with a fault in it, planted or real, has other sources: it never meets a file of the sound one. Tests that plant a
fault by patching a converter call the converter, and not this.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from export.formats import FORMATS

if TYPE_CHECKING:
    import keras

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("zoo", "export/model", "export/passes", "export/formats", "export/process.py")
FOLDER = ROOT / ".pytest_cache" / "d" / "float_files"  # `pytest --cache-clear` empties it


def converted(model: keras.Model, format_name: str) -> bytes:
    """Return the float file of a network, from an earlier conversion if there is one."""
    path = FOLDER / f"{digest(model, format_name)}.{format_name}"
    if not path.is_file():
        content = FORMATS[format_name].convert(model)
        FOLDER.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=FOLDER, delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)  # another process may write the same file now
    return path.read_bytes()


def digest(model: keras.Model, format_name: str) -> str:
    """Return the digest of everything that a float file depends on."""
    found = hashlib.sha256(f"{format_name}\n{sources(ROOT)}\n{tools()}\n{model.name}\n{model.to_json()}\n".encode())
    for weight in model.weights:
        values = weight.numpy()
        found.update(f"{weight.path} {values.shape} {values.dtype}\n".encode())
        found.update(values.tobytes())
    return found.hexdigest()


@cache
def sources(root: Path) -> str:
    """Return the digest of all sources that build, change or convert networks."""
    found = hashlib.sha256()
    for name in SOURCES:
        place = root / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            found.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return found.hexdigest()


@cache
def tools() -> str:
    """Return the versions of Python and of every installed package."""
    installed = sorted(f"{one.metadata['Name']} {one.version}" for one in metadata.distributions())
    return "\n".join([sys.version, *installed])
