"""Results of the last proof of every architecture, which `python -m benchmarks sweep` found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any


@cache
def read() -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """Return the results by architecture and "full" or "tiny".

    Each has `weights`, a tag; `trained`; `date`; `int8_sqnr_db`, the worst of the int8 files; and `proven`.
    """
    path = resources.files("zoo.proofs") / "proofs.json"
    found: dict[str, dict[str, dict[str, Any]]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def words(name: str) -> str:
    """Return a summary for a table: SQNR of the int8 files of trained weights, else of the tiny variant."""
    found = read().get(name, {})
    trained = [one for part in ("full", "tiny") if (one := found.get(part)) and one["trained"]]
    if trained:
        best = next((one for one in trained if one["proven"]), None)
        return f"{best['weights']} {best['int8_sqnr_db']} dB" if best else f"{trained[0]['weights']} failed"
    full = found.get("full")
    if full is None:
        return "not measured"
    return "runs, untrained" if full["proven"] else "failed, untrained"
