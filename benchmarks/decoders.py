"""Speed of stories15m: with a cache against none in each runtime, and 8 bits against float32 in LiteRT-LM.

Without a cache, a new token computes a text of 256 tokens; with one, it is one step at the last position.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

import zoo
from benchmarks.page import between, machine
from benchmarks.peers import environment
from export.bundle.deploy import find
from export.bundle.deploy.pack import pack
from export.bundle.read import read
from export.formats import FORMATS
from export.formats.session import TextDecoder
from export.pipeline import run
from export.progress import Quiet
from export.recipe import Recipe
from export.scheme import FLOAT32, INT8_DYNAMIC
from zoo import weights

ROOT = Path(__file__).resolve().parents[1]
PAGE, BEGIN, END = ROOT / "docs" / "decoders.md", "<!-- speed -->", "<!-- end of speed -->"
MODEL, LENGTH, ROUNDS, TOKENS = "stories15m", 256, 11, 150


def main(arguments: Sequence[str] = ()) -> int:
    """Measure, print the table, and write it into docs/decoders.md with `--write`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks decoders", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE.name}")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        delivery = run(Recipe(model=MODEL, schemes=(FLOAT32, INT8_DYNAMIC), out=Path(folder)))
        assert delivery.folder is not None
        lines = [*_cached(delivery.folder, Path(folder)), *_in_litert_lm(delivery.folder, Path(folder))]
    table = "\n".join(["| stories15m, one thread | slower | faster | ratio |", "|---|---|---|---|", *lines])
    text = f"`python -m benchmarks decoders --write`, {machine()}:\n\n{table}"
    print(text)
    if options.write:
        PAGE.write_text(between(PAGE.read_text(encoding="utf-8"), BEGIN, END, text), encoding="utf-8")
    return 0


def _cached(folder: Path, work: Path) -> list[str]:
    """Return a row for each format: milliseconds of a new token without and with a cache."""
    architecture = zoo.find(MODEL)
    model = architecture.build(length=LENGTH)
    weights.load(model, architecture)
    tokens = np.random.default_rng(0).integers(3, 1000, (1, LENGTH)).astype(np.int32)
    rows = []
    for file_format in FORMATS.values():
        path = work / f"whole{file_format.suffix}"
        path.write_bytes(file_format.convert(model))
        whole, decoder = (file_format.open(one, 1) for one in (path, folder / f"{MODEL}-float32{file_format.suffix}"))
        assert isinstance(decoder, TextDecoder)
        text = decoder.begin()
        text.read(tokens[0, : LENGTH - ROUNDS - 1])
        name = whole.inputs[0].name
        without, with_cache = _medians_ms(
            partial(whole.run, {name: tokens}),
            partial(text.read, tokens[0, -1:]),
        )
        rows.append(
            f"| a token behind {LENGTH} others, {file_format.runtime} | {without:.1f} ms without a cache "
            f"| {with_cache:.1f} ms with it | {without / with_cache:.1f} |"
        )
    return rows


def _in_litert_lm(folder: Path, work: Path) -> list[str]:
    """Return a row: tokens per second in float32 and in 8 bits."""
    bundles = []
    for scheme in (FLOAT32, INT8_DYNAMIC):
        packed = pack(read(folder), find("litert-lm"), scheme.name, work / f"packed-{scheme}", Quiet())
        bundles.append(str(next(packed.folder.glob("*.litertlm"))))
    python = environment.interpreter("runtimes", ROOT / "build" / "runtimes")
    script = Path(__file__).with_name("decoding_speed.py")
    command = [str(python), str(script), str(TOKENS), str(ROUNDS), *bundles]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    slow, fast = json.loads(done.stdout.strip().splitlines()[-1])
    return [f"| LiteRT-LM | {slow:.0f} tokens/s in float32 | {fast:.0f} tokens/s in 8 bits | {fast / slow:.1f} |"]


def _medians_ms(*calls: Callable[[], object]) -> list[float]:
    """Return the median milliseconds of each function, called in turn."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, found in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            found.append((time.perf_counter() - start) * 1e3)
    return [float(np.median(found)) for found in times]
