"""Quantize one file with one peer, in the peer's own environment: nothing but numpy and the peer is imported here.

`python child.py REQUEST`, a JSON object: script, settings, float_file, samples, out, distributions, result.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np


def main() -> int:
    """Write {"versions", "error"} to the file `result`; an exception of the tool is recorded as its error."""
    request = json.loads(sys.argv[1])
    result: dict[str, Any] = {"versions": {name: _version(name) for name in request["distributions"]}, "error": ""}
    try:
        samples = np.load(request["samples"], mmap_mode="r", allow_pickle=False)
        _function(request["script"])(Path(request["float_file"]), samples, Path(request["out"]), **request["settings"])
    except Exception as error:  # any exception of a tool is its result
        result["error"] = f"{type(error).__name__}: {error}"
    Path(request["result"]).write_text(json.dumps(result), encoding="utf-8")
    return 0


def _function(script: str) -> Any:
    spec = importlib.util.spec_from_file_location("peer", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.quantize


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())
