"""Jobs: find the files that write a text, and measure how fast and in how much memory they do."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from calibration.samples import Array
from export.formats import format_of
from export.formats.session import Continuation, TextDecoder, TextTranslator
from export.runtime.jobs.timing import peak_mb
from export.runtime.versions import version

SHORTEST, GROWTH = 16, 4  # tokens of the shortest prompt, and how many times longer each further one is
TOKENS = 2  # Time does not depend on the values; tokens must stay inside the smallest table.


def is_decoder(path: str) -> dict[str, Any]:
    """Return whether a file continues or translates texts."""
    session = format_of(Path(path)).open(Path(path), 1)
    return {"is_decoder": isinstance(session, TextDecoder | TextTranslator)}


def time_decoding(path: str, count: int, threads: int) -> dict[str, Any]:
    """Measure a decoder on prompts of growing length, each followed by new tokens; the last one fills the context.

    An encoder-decoder reads its whole source instead, and the first token of the target.

    Args:
        path: of the file.
        count: number of new tokens behind every prompt; fewer in a very short context.
        threads: of the runtime.
    """
    file_format = format_of(Path(path))
    empty_mb = peak_mb()
    session = file_format.open(Path(path), threads)
    assert isinstance(session, TextDecoder | TextTranslator)  # `is_decoder` said so.
    if isinstance(session, TextTranslator):
        context, lengths = session.context, [session.length]
        count = max(1, min(count, context - 1))
    else:
        context = session.cache.context
        count = max(1, min(count, context // 2))
        lengths = prompts(context, count)
    _measure(session, lengths[0], count)  # The first run also prepares the runtime.
    return {
        "context": context,
        "lengths": [_measure(session, prompt, count) for prompt in lengths],
        "empty_mb": empty_mb,
        "runtime": file_format.runtime,
        "version": version(file_format.runtime),
    }


def prompts(context: int, count: int) -> list[int]:
    """Return lengths of prompts in ascending order; `count` tokens behind the last one fill the context."""
    last = context - count
    found, length = [], min(SHORTEST, max(1, last // GROWTH))
    while length < last:
        found.append(length)
        length *= GROWTH
    return [*found, last]


def _measure(session: TextDecoder | TextTranslator, prompt: int, count: int) -> dict[str, Any]:
    """Return the times of a prompt and of the tokens behind it, and the peak memory up to here."""
    tokens = np.random.default_rng(0).integers(0, TOKENS, prompt + count).astype(np.int32)
    start = time.perf_counter()
    text = _begin(session, tokens[:prompt])
    first_ms, milliseconds = (time.perf_counter() - start) * 1e3, []
    for place in range(prompt, prompt + count):
        start = time.perf_counter()
        text.read(tokens[place : place + 1])
        milliseconds.append((time.perf_counter() - start) * 1e3)
    return {"prompt": prompt, "first_ms": first_ms, "milliseconds": milliseconds, "peak_mb": peak_mb()}


def _begin(session: TextDecoder | TextTranslator, tokens: Array) -> Continuation:
    """Return a text that has read a prompt, or the first token of the translation of a source."""
    if isinstance(session, TextTranslator):
        text, tokens = session.encode(tokens[None], np.ones_like(tokens[None])), tokens[:1]
    else:
        text = session.begin()
    text.read(tokens)
    return text
