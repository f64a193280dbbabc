"""`python -m benchmarks peers`: quantize with every tool, score all files equally, write docs/int8_accuracy.md."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import zoo
from benchmarks.peers import network, page
from benchmarks.peers.judging import kept_row, our_rows, peer_row
from benchmarks.peers.registry import OURS, PEERS, tools
from benchmarks.peers.row import Row
from zoo.errors import UsageProblemError

ROOT = Path(__file__).parents[2]
PHOTOS_OF = "imagenet1k"  # the classes that the photos show


def main(words: Sequence[str] | None = None) -> int:
    """Measure what the command line names and write the page; return the exit code."""
    arguments = _parser().parse_args(words)
    chosen = arguments.tools.split(",") if arguments.tools else list(tools())
    if unknown := set(chosen) - set(tools()):
        sys.exit(f"error: no tool {', '.join(sorted(unknown))}; there are {', '.join(tools())}")
    if not arguments.photos or not (Path(arguments.photos) / "labels.csv").is_file():
        sys.exit("error: give --photos FOLDER, or set ZOO_IMAGENET_SAMPLE, to a folder with labels.csv and images/")
    models = arguments.models.split(",")
    try:
        for name in models:
            zoo.find(name)
    except UsageProblemError as error:
        sys.exit(f"error: {error}")
    for name in models:
        with tempfile.TemporaryDirectory(prefix="zoo-peers-") as work:
            subject = network.prepare(name, Path(arguments.photos).resolve(), Path(work))
            rows = _rows(subject, chosen, arguments.work, again=arguments.again)
            photos = len(np.load(subject.calibration_inputs, mmap_mode="r"))
            section = page.table(subject, rows, photos)
        text = arguments.page.read_text(encoding="utf-8") if arguments.page.exists() else ""
        arguments.page.write_text(page.replaced(text, name, section), encoding="utf-8")
        print(f"\n{section}\n")
    return 0


def trained() -> list[str]:
    """Return the architectures with trained weights; the page must show each."""
    return [name for name in zoo.names() if zoo.find(name).weights]


def _rows(subject: network.Network, chosen: Sequence[str], cache: Path, *, again: bool) -> list[Row]:
    """Return ours first, then those of the peers; of tools that are not chosen, what was measured before."""
    rows = []
    if OURS in chosen:
        print(f"{subject.name}: {OURS}", file=sys.stderr)
        rows += our_rows(subject)
    for peer in PEERS:
        row = None if again and peer.tool in chosen else kept_row(peer, subject, cache)
        if row is None and peer.tool in chosen:
            print(f"{subject.name}: {peer.title}", file=sys.stderr)
            row = peer_row(peer, subject, cache)
        rows += [row] if row else []
    return rows


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks peers", description=__doc__)
    parser.add_argument(
        "--models",
        default=",".join(name for name in trained() if zoo.find(name).labels == PHOTOS_OF),
        help="architectures, with a comma between them; all with ImageNet weights if none is given",
    )
    parser.add_argument("--tools", help=f"any of {', '.join(tools())}; all of them if none is given")
    parser.add_argument(
        "--photos",
        default=os.environ.get("ZOO_IMAGENET_SAMPLE"),
        help="folder with labels.csv and images/; ZOO_IMAGENET_SAMPLE if not given",
    )
    parser.add_argument("--again", action="store_true", help="also measure peers that were measured before")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "int8_accuracy.md", help="receives the tables")
    parser.add_argument(
        "--work", type=Path, default=ROOT / "build" / "peers", help="keeps environments and measurements of peers"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
