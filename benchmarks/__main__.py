"""`python -m benchmarks [NAME ...]`: run the measurements and print their tables."""

from __future__ import annotations

import argparse
import importlib
import sys

BENCHMARKS = {
    "startup": "zoo --help and zoo list",
    "accuracy": "top-1 and agreement on labelled ImageNet photos (ZOO_IMAGENET_SAMPLE)",
    "cost": "seconds and memory of an export, beside the plain way",
    "latency": "speed of the int8 files, beside the plain way's",
    "avx2": "int8 .onnx on an emulated CPU without VNNI (needs qemu-user)",
}

# It has options of its own, takes long, and installs other tools: it runs only when named.
PEERS = "accuracy of the int8 files beside those of other tools, into docs/int8_accuracy.md"


def main() -> int:
    """Run the benchmarks that the command line names, all of them if it names none."""
    if sys.argv[1:2] == ["peers"]:
        from benchmarks.peers.__main__ import main as compare

        return compare(sys.argv[2:])
    listing = "; ".join(f"{name}: {what}" for name, what in BENCHMARKS.items())
    listing += f"; peers: {PEERS} (alone: python -m benchmarks peers --help)"
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=listing)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--models", default="mobilenet,resnet50", help="architectures to measure")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHMARKS):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    for name in arguments.names or BENCHMARKS:
        importlib.import_module(f"benchmarks.{name}").run(arguments.models.split(","))
    return 0


if __name__ == "__main__":
    sys.exit(main())
