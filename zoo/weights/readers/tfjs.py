"""Arrays of a TensorFlow.js layers model: a model.json and the binary shards that it lists."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.weights.readers.damage import refused

if TYPE_CHECKING:
    from numpy.typing import NDArray


@refused
def read(files: Sequence[Path]) -> dict[str, NDArray[Any]]:
    """Return the float32 arrays by stored name; `files` are model.json and then the shards in its order.

    Raises:
        ValueError: another order, another type than plain float32, or a length that does not fit.
    """
    import numpy as np

    manifest = json.loads(files[0].read_bytes())["weightsManifest"]
    shards = [name for group in manifest for name in group["paths"]]
    if shards != [file.name for file in files[1:]]:
        raise ValueError(f"{files[0]} lists {len(shards)} shards, not the {len(files) - 1} files given")
    numbers = np.concatenate([np.fromfile(file, "<f4") for file in files[1:]])
    arrays = {}
    start = 0
    for entry in (entry for group in manifest for entry in group["weights"]):
        if entry["dtype"] != "float32" or "quantization" in entry:
            raise ValueError(f"{entry['name']} in {files[0]} is not plain float32")
        count = int(np.prod(entry["shape"]))
        arrays[entry["name"]] = numbers[start : start + count].reshape(entry["shape"])
        start += count
    if start != len(numbers):
        raise ValueError(f"{files[0]} describes {start} numbers, its shards hold {len(numbers)}")
    return arrays
