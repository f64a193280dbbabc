"""Texts of a diagnosis, for the terminal and for report.html."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

EQUAL_DB = 200.0  # The recorded SQNR of exact values.
FEW = 0.5  # The verdict names a layer alone if it makes more than half of this share of the output error.


def decibels(value: float | None) -> str:
    """Return a value such as "31.6", "-" if the layer adds no error, or "exact" if there is no error."""
    if value is None:
        return "-"
    return "exact" if value >= EQUAL_DB else f"{value:.1f}"


def percent(share: float) -> str:
    """Return a share as "31 %", "2.4 %" or "< 0.1 %"."""
    if share < 0.001:
        return "< 0.1 %"
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %"


def share(layer: Mapping[str, Any]) -> str:
    """Return a layer's share of the output error; empty if it adds no error of its own."""
    if layer["share"] is not None:
        return percent(layer["share"])
    own = layer["local_sqnr_db"]
    return "" if own is None or own >= EQUAL_DB else "not measured"


def verdict(found: Mapping[str, Any]) -> str:
    """Return a sentence on the SQNR at the output and the main source of the error."""
    reached = f"{decibels(found['output_sqnr_db'])} dB at the output on {found['sample_count']} samples"
    said = f"{found['file']}: {reached}"
    worst = found["worst"]
    if not worst:
        return f"{said}; no layer stands out"
    if worst[0]["share"] >= FEW / 2:
        return f"{said}; {worst[0]['name']} alone causes {percent(worst[0]['share'])} of the error"
    total = percent(sum(finding["share"] for finding in worst))
    return f"{said}; no layer stands out, the worst {len(worst)} cause {total} of the error"


def cost(finding: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Return the effect of one of the worst layers on the output."""
    alone, together = decibels(finding["alone_sqnr_db"]), decibels(found["output_sqnr_db"])
    said = f"{percent(finding['share'])} of the output error"
    return f"{said}: {alone} dB with only this layer quantized, {together} dB with all layers"


def legend(found: Mapping[str, Any]) -> list[str]:
    """Return the meaning of the columns and the samples of the measurement."""
    lines = [
        "own dB: SQNR with this layer's weights and output rounded and its inputs exact; -: the layer only moves data",
        "accum. dB: SQNR of the file against the Keras model at this layer, with all rounding before it",
        "share of output error: measured with only this layer rounded; the shares need not add up to 100 %",
        f"measured on {found['sample_count']} samples ({found['source']})",
    ]
    few = [layer["output_count"] for layer in found["layers"] if 0 < layer["output_count"] < found["sample_count"]]
    if few:
        lines.append(f"the shares of the {len(few)} layers with the least effect are from only {few[0]} samples")
    unknown = [layer["name"] for layer in found["layers"] if not layer["group"] and layer["layer"] is None]
    if unknown:
        lines.append(f"no Keras layer matches {', '.join(unknown)}: named as in the file")
    return lines


def suggestion(worst: Sequence[Mapping[str, Any]], command: str) -> str:
    """Return the export command to try: `command` with the options suggested for the worst layers."""
    options: dict[tuple[str, ...], None] = {}
    for finding in worst:
        given = tuple(finding["suggestion"]["options"])
        if given:
            options[given] = None
    if not options:
        return ""
    words = shlex.split(command)
    if any("--reconstruct" in given for given in options):  # Reconstruct first: it changes the other suggestions.
        options = {given: None for given in options if given[0] not in ("--raise", "--reconstruct")}
        words = [word for word in words if word != "--no-reconstruct"]
    for name, *values in options:
        if name in words and name != "--raise":  # Replace the old value.
            place = words.index(name)
            del words[place : place + 2]
        words += [name, *values]
    return shlex.join(words)
