"""Texts about a budget and its result, for the terminal and for report.html."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from export.bundle.report.rows import headline
from export.recipe import Preset, Width
from export.units import size_in_words, time_in_words

MOST_NAMED, MOST_RANKED = 8, 10
DEVIATIONS_95 = 1.96  # 95 % of a normal distribution lies within so many standard deviations.


@dataclass(frozen=True)
class Row:
    """The table row of a candidate file."""

    label: str
    remark: str
    cells: list[str]
    is_chosen: bool


@dataclass(frozen=True, kw_only=True)
class BudgetPart:
    """The section of the page about a budget: sentences, a row for each file, and the error shares of the layers."""

    lines: list[str]
    headings: list[str]
    rows: list[Row]
    ranking: str


def part(manifest: Mapping[str, Any]) -> BudgetPart | None:
    """Return the section of the page; None without a budget."""
    if not manifest["budget"]:
        return None
    met, found = is_met(manifest), manifest["budget"]
    shares = [f"{one['layer']} {100 * one['share']:.1f} %" for one in found["ranking"][:MOST_RANKED] if one["share"]]
    return BudgetPart(
        lines=lines(manifest),
        headings=headings(manifest),
        rows=[
            Row(point["label"], remark(point, is_met=met), cells(point), point["chosen"]) for point in found["points"]
        ],
        ranking=", ".join(shares),
    )


def requested(manifest: Mapping[str, Any]) -> str:
    """Return the requested budget in words."""
    budget = manifest["recipe"]["budget"]
    if budget["preset"]:
        return f"the {budget['preset']} file"
    limits = [
        f"at most {100 * budget['max_drop']:g} % {_what(manifest)}" if budget["max_drop"] is not None else "",
        f"at most {size_in_words(budget['max_bytes'])}" if budget["max_bytes"] is not None else "",
        f"at most {budget['max_latency_ms']:g} ms on this machine" if budget["max_latency_ms"] is not None else "",
        *_on_microcontroller(budget),
    ]
    return ", ".join(filter(None, limits))


def _on_microcontroller(budget: Mapping[str, Any]) -> list[str]:
    limits = {"RAM": budget.get("max_ram_bytes"), "flash": budget.get("max_flash_bytes")}  # older manifests have none
    return [f"at most {size_in_words(limit)} of {what}" for what, limit in limits.items() if limit is not None]


def lines(manifest: Mapping[str, Any]) -> list[str]:
    """Return sentences on the result, its cost, and the resolution of the numbers."""
    found = manifest["budget"]
    chosen, points = found["chosen"], found["points"]
    said = [f"requested: {requested(manifest)}; {_outcome(manifest)}: {chosen['label']}"]
    plain = next((one for one in points if one["precision"] == "int8" and not one["raised"]), None)
    if chosen["raised"]:
        raised = list(chosen["raised"])
        more = f" and {len(raised) - MOST_NAMED} more" if len(raised) > MOST_NAMED else ""
        cost = f"; {_against(chosen, plain)} than plain int8" if plain else ""
        said.append(f"layers in higher precision: {', '.join(raised[:MOST_NAMED])}{more}{cost}")
    if _can_keep_weights(manifest) and _is_missed(manifest, "--max-drop"):
        said.append("add --raise-to float32 to keep layers with float32 weights, which increases the size")
    said += [_resolution(manifest)] if manifest["recipe"]["budget"]["max_drop"] is not None else []
    said += _order(points)
    ranked = "layers were ranked on calibration samples; " if found["ranking"] else ""
    said.append(f"{ranked}SQNR, predictions and latency were measured in the {chosen['format']} runtime")
    return said


def cells(point: Mapping[str, Any]) -> list[str]:
    """Return a point's numbers under `headings`: size, latency, SQNR, and the loss or share of changed predictions."""
    drop = point["lost"] if point["lost"] is not None else point["changed"]
    arena = point.get("arena_bytes")  # older manifests have none
    return [
        size_in_words(point["bytes"]),
        *([size_in_words(arena)] if arena is not None else []),
        time_in_words(point["p50_ms"]),
        f"{point['sqnr_db']:.1f}",
        f"{100 * drop:.1f}" if drop is not None else "-",
    ]


def headings(manifest: Mapping[str, Any]) -> list[str]:
    """Return the headings of the columns."""
    has_arena = any(point.get("arena_bytes") is not None for point in manifest["budget"]["points"])
    loss = "% lost" if manifest["evaluation"] else "% changed"
    return ["size", *(["RAM"] if has_arena else []), "p50 ms", "SQNR dB", loss]


def remark(point: Mapping[str, Any], *, is_met: bool) -> str:
    """Return the presets that choose a point, and whether it is the chosen file."""
    words = [*point["presets"], ("chosen" if is_met else "nearest") if point["chosen"] else ""]
    return ", ".join(filter(None, words))


def is_met(manifest: Mapping[str, Any]) -> bool:
    """Return whether every file meets the budget."""
    files = (*manifest["files"], *manifest["not_delivered"])
    return all(check["passed"] for file in files for check in file["checks"] if check["id"] == "budget")


def _can_keep_weights(manifest: Mapping[str, Any]) -> bool:
    """Return whether --raise-to float32 would allow candidates that were not tried."""
    rounded = any(record["name"] == "reconstruct" and "skipped_because" not in record for record in manifest["passes"])
    return rounded and list(manifest["recipe"]["budget"]["widths"]) != [Width.FLOAT32]


def _is_missed(manifest: Mapping[str, Any], option: str) -> bool:
    """Return whether a file exceeds the limit of `option`."""
    files = (*manifest["files"], *manifest["not_delivered"])
    failed = (check for file in files for check in file["checks"] if check["id"] == "budget")
    return any(not check["passed"] and check["reason"].startswith(option) for check in failed)


def _order(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return an explanation if the more compact of two presets chose the larger file."""
    bytes_of = {name: point["bytes"] for point in points for name in point["presets"]}
    names = [name for name in map(str, reversed(Preset)) if name in bytes_of]
    return [
        f"{small} is larger than {large}, but faster: presets rank by size times latency"
        for small, large in pairwise(names)
        if bytes_of[small] > bytes_of[large]
    ]


def _outcome(manifest: Mapping[str, Any]) -> str:
    return "chosen" if is_met(manifest) else "cannot be met; nearest"


def _what(manifest: Mapping[str, Any]) -> str:
    metric = headline(manifest)
    return f"of the {metric.title} lost" if metric else "of the predictions changed"


def _against(chosen: Mapping[str, Any], plain: Mapping[str, Any]) -> str:
    size, time = chosen["bytes"] - plain["bytes"], chosen["p50_ms"] - plain["p50_ms"]
    return (
        f"{size_in_words(abs(size))} {'more' if size >= 0 else 'less'} and "
        f"{time_in_words(abs(time))} ms {'more' if time >= 0 else 'less'}"
    )


def _resolution(manifest: Mapping[str, Any]) -> str:
    count = manifest["evaluation"]["count"] if manifest["evaluation"] else manifest["probe"]["count"]
    limit = manifest["recipe"]["budget"]["max_drop"]
    said = f"one of {count} samples is {100 / count:.2g} %"
    if limit * count < 1:
        said += f", so {100 * limit:g} % allows no change at all; add samples with --evaluate or --probe-count"
    changed = manifest["budget"]["chosen"]["changed"]
    if manifest["evaluation"] and changed:
        # Predictions change from right to wrong and back; the variance of their difference is at most their number.
        spread = DEVIATIONS_95 * math.sqrt(changed / count)
        said += f"; {changed:.0%} of the predictions change, so the loss is only known to +-{100 * spread:.1f} %"
    return said
