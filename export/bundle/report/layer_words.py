"""The words of a diagnosis, the same in the terminal and on the page."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

EQUAL_DB = 200.0  # what stands for no error at all
FEW = 0.5  # of the output's error: more in so few layers is a cause, less is spread


def decibels(value: float | None) -> str:
    """Return "31.6", "-" where a layer adds nothing, "exact" where there is no error."""
    if value is None:
        return "-"
    return "exact" if value >= EQUAL_DB else f"{value:.1f}"


def percent(share: float) -> str:
    """Return "31 %", "2.4 %", "< 0.1 %"."""
    if share < 0.001:
        return "< 0.1 %"
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %"


def share(layer: Mapping[str, Any]) -> str:
    """Return what a layer costs the output; nothing where it adds no error of its own."""
    if layer["share"] is not None:
        return percent(layer["share"])
    own = layer["local_sqnr_db"]
    return "" if own is None or own >= EQUAL_DB else "not measured"


def verdict(found: Mapping[str, Any]) -> str:
    """Return in a sentence how accurate the output is and where the error comes from."""
    reached = f"{decibels(found['output_sqnr_db'])} dB at the output on {found['sample_count']} samples"
    said = f"{found['file']}: {reached}"
    worst = found["worst"]
    if not worst:
        return f"{said}; no layer stands out"
    if worst[0]["share"] >= FEW / 2:
        return f"{said}; {percent(worst[0]['share'])} of its error comes from {worst[0]['name']} alone"
    total = percent(sum(finding["share"] for finding in worst))
    return f"{said}; no layer stands out, the worst {len(worst)} cause {total} of its error"


def cost(finding: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Return what one of the worst layers costs the output."""
    alone, together = decibels(finding["alone_sqnr_db"]), decibels(found["output_sqnr_db"])
    share_in_words = percent(finding["share"])
    return f"{share_in_words} of the output's error: {alone} dB if only this layer is rounded, {together} dB if all are"


def legend(found: Mapping[str, Any]) -> list[str]:
    """Return what the columns mean, and what was compared with what."""
    lines = [
        "own dB: this layer's weights and output rounded, everything before it exact; -: it only moves numbers",
        "so far dB: the file's output of this layer, all rounding before it included; SQNR against the Keras model",
        "of the output's error: measured with only this layer rounded; the shares need not add up to 100 %",
        f"measured on {found['sample_count']} samples ({found['source']})",
    ]
    few = [layer["output_count"] for layer in found["layers"] if 0 < layer["output_count"] < found["sample_count"]]
    if few:
        lines.append(f"the shares of the {len(few)} least costly layers were measured on {few[0]} samples only")
    unknown = [layer["name"] for layer in found["layers"] if not layer["group"] and layer["layer"] is None]
    if unknown:
        lines.append(f"matched to no Keras layer, named as in the file: {', '.join(unknown)}")
    return lines


def suggestion(worst: Sequence[Mapping[str, Any]], command: str) -> str:
    """Return the export to try: `command`, that of the file, with the options suggested for the worst layers."""
    options: dict[tuple[str, ...], None] = {}
    for finding in worst:
        given = tuple(finding["cure"]["options"])
        if given:
            options[given] = None
    if not options:
        return ""
    words = shlex.split(command)
    if any("--reconstruct" in given for given in options):  # the weights first: they change what the others are worth
        options = {given: None for given in options if given[0] not in ("--raise", "--reconstruct")}
        words = [word for word in words if word != "--no-reconstruct"]
    for name, *values in options:
        if name in words and name != "--raise":  # once only: with the new value
            place = words.index(name)
            del words[place : place + 2]
        words += [name, *values]
    return shlex.join(words)
