"""Speed of a translation: with caches against a file that computes both texts again for every token.

The Transformer of `--set size=small` has random weights; the time does not depend on them. Both files read the same
source and write a target of full length, in float32.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import zoo
from benchmarks.page import between, machine
from export.formats import FORMATS
from export.formats.session import Session, TextTranslator
from zoo import weights
from zoo.language.encoder_decoder import SOURCE, SOURCE_MASK, TARGET

PAGE = Path(__file__).resolve().parents[1] / "docs" / "decoders.md"
BEGIN, END = "<!-- translations -->", "<!-- end of translations -->"
MODELS: Sequence[tuple[str, dict[str, Any]]] = (
    ("transformer_dates", {}),
    ("annalog", {}),
    ("transformer", {"size": "small"}),
)
ROUNDS = 3


def main(arguments: Sequence[str] = ()) -> int:
    """Measure, print the table, and write it into docs/decoders.md with `--write`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks translations", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE.name}")
    options = parser.parse_args(arguments)
    head = "| float32, one thread | runtime | without a cache | with caches | ratio |"
    with tempfile.TemporaryDirectory() as folder:
        lines = [line for name, chosen in MODELS for line in _rows(name, chosen, Path(folder))]
    text = "\n".join(
        [f"`python -m benchmarks translations --write`, {machine()}:\n", head, "|---|---|---|---|---|", *lines]
    )
    print(text)
    if options.write:
        PAGE.write_text(between(PAGE.read_text(encoding="utf-8"), BEGIN, END, text), encoding="utf-8")
    return 0


def _rows(name: str, options: dict[str, Any], work: Path) -> list[str]:
    """Return a row for each format: milliseconds of a translation without and with caches."""
    architecture = zoo.find(name)
    model = architecture.build(**options)
    weights.load(model, architecture, None if not options else "random")
    assert architecture.decoder is not None
    rows = []
    for file_format in FORMATS.values():
        paths = [work / f"{kind}{file_format.suffix}" for kind in ("whole", "cached")]
        paths[0].write_bytes(file_format.convert(model))
        paths[1].write_bytes(file_format.convert(model, decoder=architecture.decoder(model)))
        whole, cached = (file_format.open(path, 1) for path in paths)
        assert isinstance(cached, TextTranslator)
        without, with_caches = _medians_ms(partial(_all_again, whole), partial(_step_by_step, cached))
        words = f"{name}, {cached.context} tokens" + "".join(f", {key} {value}" for key, value in options.items())
        rows.append(
            f"| {words} | {file_format.runtime} | {without:.1f} ms | {with_caches:.1f} ms "
            f"| {without / with_caches:.1f} |"
        )
    return rows


def _all_again(session: Session) -> None:
    """Write a target with a file of whole texts."""
    inputs = {spec.name: np.ones(spec.shape, np.int32) for spec in session.inputs}
    inputs = {name: inputs[name] for name in (SOURCE, SOURCE_MASK, TARGET)}
    length = inputs[TARGET].shape[1]
    for place in range(length):
        logits = next(iter(session.run(inputs).values()))
        inputs[TARGET][0, min(place + 1, length - 1)] = logits[0, place].argmax()


def _step_by_step(session: TextTranslator) -> None:
    """Write a target as long with a file with caches."""
    source = np.ones((1, session.length), np.int32)
    text, token = session.encode(source, np.ones_like(source)), 1
    for _ in range(session.context):
        token = int(text.read(np.array([token], np.int32)).argmax())


def _medians_ms(*calls: Callable[[], None]) -> list[float]:
    """Return the median milliseconds of each function, called in turn; the first round only prepares the runtime."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS + 1):
        for call, found in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            found.append((time.perf_counter() - start) * 1e3)
    return [float(np.median(found[1:])) for found in times]
