"""The names of the layers of every network of the zoo with its default options, known before a network is built.

`python -m tests.zoo.layer_names` records them anew.
"""

from __future__ import annotations

import gzip
import json
from importlib import resources

FILE = "names.json.gz"


def read(name: str) -> frozenset[str]:
    """Return the names of the layers of a network; empty if they are not recorded."""
    path = resources.files(__name__) / FILE
    if not path.is_file():
        return frozenset()
    return frozenset(json.loads(gzip.decompress(path.read_bytes())).get(name, ()))
