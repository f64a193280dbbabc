"""Which code wrote a folder: the version of this project, and a digest of what makes the report and the code in it."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from export.runtime.versions import version

TOOL = "zoo-export"
_SOURCES = ("report", "snippets", "diagram", "pictures.py", "web/page/preprocess.js")


@cache
def writer() -> str:
    """Return the version and eight digits of the digest: "0.1.0+1a2b3c4d".

    Between two releases the report changes, and that of an earlier commit is not a changed one.
    """
    here = Path(__file__).parent
    paths = [path for name in _SOURCES for path in (here / name, *(here / name).rglob("*"))]
    digest = hashlib.sha256()
    for path in sorted(path for path in paths if path.is_file() and path.suffix != ".pyc"):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return f"{version(TOOL)}+{digest.hexdigest()[:8]}"
