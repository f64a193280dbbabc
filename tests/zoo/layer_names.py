"""Record the names of the layers of all networks: `python -m tests.zoo.layer_names`."""

from __future__ import annotations

import gzip
import json
from importlib import resources
from pathlib import Path
from typing import Any

import zoo
from export.quantization.mixed_precision import known_names
from zoo import layer_names
from zoo.weights.patches import blank_weights


def of_build(name: str, **options: Any) -> frozenset[str]:
    """Return the names of the layers of a network, built in a process like that of an export: as its first one."""
    import keras

    keras.backend.clear_session()
    architecture = zoo.find(name)
    with blank_weights():
        return frozenset(known_names(architecture.build(**architecture.settings({}), **options)))


if __name__ == "__main__":
    found = {name: sorted(of_build(name)) for name in zoo.names()}
    content = json.dumps(found, separators=(",", ":")).encode()
    place = Path(str(resources.files(layer_names.__name__) / layer_names.FILE))
    place.write_bytes(gzip.compress(content, 9, mtime=0))
    print(f"{place}: {place.stat().st_size} bytes, {sum(map(len, found.values()))} names")
