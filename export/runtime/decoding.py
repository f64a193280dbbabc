"""Measure files that write texts: the time to the first token, the speed behind it, and how both grow with length.

A text is not one inference: what a user waits for is the prompt, and then one token after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from export import process
from export.process import RuntimeCrashError
from export.progress import Progress
from export.runtime import data_files
from export.runtime.benchmark import ROUNDS, Contestant
from export.runtime.jobs.time_decoding import is_decoder, time_decoding


@dataclass(kw_only=True)
class DecodingTimes:
    """The measurements of one file.

    Attributes:
        file: the file.
        rounds: the results of `time_decoding`, one per round.
        trouble: why the file could not be measured; empty if it was.
    """

    file: Contestant
    rounds: list[dict[str, Any]] = field(default_factory=list)
    trouble: str = ""


def decoders(files: Sequence[Contestant]) -> list[Contestant]:
    """Return the files that continue or translate texts; a file that the runtime cannot open is not one of them."""
    return [file for file in files if writes_text(file.path)]


def writes_text(path: Path) -> bool:
    """Return whether a file continues or translates texts with a cache; a file that cannot be opened does not."""
    try:
        return bool(process.call(is_decoder, path=path)["is_decoder"])
    except RuntimeCrashError:
        return False


def bench_decoding(files: Sequence[Contestant], tokens: int, threads: int, progress: Progress) -> list[dict[str, Any]]:
    """Measure `tokens` new tokens behind every prompt of each file, and return a record for each.

    Args:
        files: decoders and encoder-decoders.
        tokens: number of new tokens behind every prompt, over all rounds.
        threads: of the runtime.
        progress: is notified of every file and round.
    """
    all_times = [DecodingTimes(file=file) for file in files]
    rounds = min(ROUNDS, tokens)
    # All rounds are equal, because the longest prompt depends on the number of tokens behind it.
    count = -(-tokens // rounds)
    for number in range(rounds):
        for place, times in enumerate(all_times):
            done = number * len(all_times) + place
            progress.step(f"measure {times.file.path.name}", done, rounds * len(all_times))
            if times.trouble:
                continue
            try:
                found = process.call(time_decoding, fresh=True, path=times.file.path, count=count, threads=threads)
                times.rounds.append(found)
            except RuntimeCrashError as error:
                times.trouble = str(error)
    return [_record(times, threads) for times in all_times]


def _record(times: DecodingTimes, threads: int) -> dict[str, Any]:
    path, first = times.file.path, times.rounds[0] if times.rounds else {}
    measured = [] if times.trouble else [_length(found) for found in _by_prompt(times.rounds)]
    return {
        "file": str(path),
        "bytes": data_files.size_bytes(path),
        "precision": str(times.file.scheme) if times.file.scheme else None,
        "runtime": first.get("runtime", ""),
        "version": first.get("version"),
        "threads": threads,
        "context": first.get("context"),
        "lengths": measured,
        "peak_mb": max((one["peak_mb"] for one in measured), default=0),
        "empty_mb": max((found["empty_mb"] for found in times.rounds), default=0),
        "trouble": times.trouble,
    }


def _by_prompt(rounds: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], ...]]:
    """Return the measurements of each prompt in all rounds."""
    return list(zip(*(found["lengths"] for found in rounds), strict=True))


def _length(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians over all rounds of one prompt, and the highest memory."""
    import numpy as np

    milliseconds = [time for one in found for time in one["milliseconds"]]
    return {
        "prompt_tokens": found[0]["prompt"],
        "new_tokens": len(found[0]["milliseconds"]),
        "first_ms": float(np.median([one["first_ms"] for one in found])),
        "tokens_per_second": float(1e3 / np.median(milliseconds)),
        "peak_mb": max(one["peak_mb"] for one in found),
    }
