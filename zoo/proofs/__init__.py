"""Where the proof of each architecture stands: what the last sweep of all exports found (benchmarks/sweep.py)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any


@cache
def read() -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """Return what was found, by architecture and "full" or "twin": weights, trained, date, int8_sqnr_db, proven."""
    path = resources.files("zoo.proofs") / "proofs.json"
    found: dict[str, dict[str, dict[str, Any]]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def words(name: str) -> str:
    """Return it in words: how near int8 of trained weights comes, of the small twin for want of others."""
    found = read().get(name, {})
    trained = [one for part in ("full", "twin") if (one := found.get(part)) and one["trained"]]
    if trained:
        best = next((one for one in trained if one["proven"]), None)
        return f"{best['weights']} {best['int8_sqnr_db']} dB" if best else f"{trained[0]['weights']} failed"
    full = found.get("full")
    if full is None:
        return "not measured"
    return "runs, untrained" if full["proven"] else "failed, untrained"
