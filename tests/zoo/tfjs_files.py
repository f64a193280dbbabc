"""A TensorFlow.js layers model, as its converter writes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def write_tfjs(folder: Path, arrays: Mapping[str, np.ndarray], shard_bytes: int = 4000, **changes: Any) -> list[Path]:
    """Write model.json and its shards; `changes` are made to the entry of the first array."""
    content = b"".join(array.astype("<f4").tobytes() for array in arrays.values())
    shards = [content[start : start + shard_bytes] for start in range(0, len(content), shard_bytes)]
    files = [folder / f"group1-shard{index}of{len(shards)}.bin" for index in range(1, len(shards) + 1)]
    for file, shard in zip(files, shards, strict=True):
        file.write_bytes(shard)
    entries = [{"name": name, "shape": list(array.shape), "dtype": "float32"} for name, array in arrays.items()]
    entries[0] |= changes
    manifest = {"weightsManifest": [{"paths": [file.name for file in files], "weights": entries}]}
    (folder / "model.json").write_text(json.dumps(manifest))
    return [folder / "model.json", *files]
