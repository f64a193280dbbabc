"""Parse budget options: 1%, 3MB, 20ms."""

from __future__ import annotations

import re

from zoo.errors import UsageProblemError

_UNITS = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_NUMBER = r"(\d+(?:\.\d+)?)\s*"


def drop(text: str) -> float:
    """Return the share that a --max-drop such as "1%" means: 0.01.

    Raises:
        UsageProblemError: `text` is not a percentage below 100 %.
    """
    match = re.fullmatch(_NUMBER + "%", text.strip())
    if not match or float(match[1]) >= 100:
        raise UsageProblemError(f"--max-drop {text!r} is not a percentage; type for example --max-drop 1%")
    return float(match[1]) / 100


def size(text: str, option: str = "--max-size", example: str = "3MB") -> int:
    """Return the bytes that an option such as --max-size 3MB or "500 kB" means, in decimal units.

    Raises:
        UsageProblemError: `text` is not a size.
    """
    match = re.fullmatch(_NUMBER + r"([kmg]?i?b)", text.strip().lower())
    if not match or not float(match[1]):
        raise UsageProblemError(f"{option} {text!r} is not a size; type for example {option} {example}")
    return int(float(match[1]) * _UNITS[match[2]])


def latency(text: str) -> float:
    """Return the milliseconds that a --max-latency such as "20ms" or "0.5 s" means.

    Raises:
        UsageProblemError: `text` is not a time.
    """
    match = re.fullmatch(_NUMBER + "(ms|s)", text.strip().lower())
    if not match or not float(match[1]):
        raise UsageProblemError(f"--max-latency {text!r} is not a time; type for example --max-latency 20ms")
    return float(match[1]) * (1000 if match[2] == "s" else 1)
