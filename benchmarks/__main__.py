"""`python -m benchmarks [NAME ...]`: run the measurements and print their tables."""

from __future__ import annotations

import argparse
import importlib
import sys

BENCHMARKS = {
    "startup": "zoo --help and zoo list",
    "accuracy": "top-1 and agreement on labelled ImageNet photos (ZOO_IMAGENET_SAMPLE)",
    "cost": "seconds and memory of an export, compared with the converters of the libraries",
    "latency": "speed of the int8 files, compared with those of the converters of the libraries",
    "many_exports": "8 exports by one `zoo sweep`, compared with 8 commands one after the other",
    "sparse": "size, memory and speed of files that encode their zeros",
    "avx2": "int8 .onnx on an emulated CPU without VNNI (needs qemu-user)",
}

# These have options of their own and take long: each runs only when named.
ALONE = {
    "cards": (
        "benchmarks.cards",
        "writes the output of the Python on the cards of the zoo, and draws their diagrams",
    ),
    "compression": (
        "benchmarks.compression",
        "pruning, clustering and quantization-aware training of one network, for docs/pruning.md; an hour",
    ),
    "decoders": (
        "benchmarks.decoders",
        "speed of stories15m with and without a cache, in 8 bits and float32, into docs/decoders.md; five minutes",
    ),
    "devices": (
        "benchmarks.devices",
        "every architecture checked on emulated devices, into docs/devices.md; two hours",
    ),
    "features": (
        "benchmarks.mlperf_tiny.features",
        "the built-in samples of networks that read features, into calibration/features; needs espeak-ng",
    ),
    "layers": (
        "benchmarks.layers",
        "every layer of keras.layers in a network of its own, exported in both formats, into docs/layers.md",
    ),
    "mlperf_tiny": (
        "benchmarks.mlperf_tiny.__main__",
        "MLPerf Tiny's networks beside MLPerf's own int8 files, into docs/mlperf_tiny.md; five minutes",
    ),
    "peers": (
        "benchmarks.peers.__main__",
        "accuracy of the int8 files compared with those of other tools, into docs/int8_accuracy.md",
    ),
    "pictures": (
        "benchmarks.pictures",
        "the pictures of the README from a real export of MobileNet, into docs/pictures; two minutes, needs Chromium",
    ),
    "profile": (
        "benchmarks.profile",
        "where time and memory of an export go, by step, function and library",
    ),
    "recurrent": (
        "benchmarks.recurrent",
        "an LSTM of 16, 64 and 256 steps, fused, unrolled and as a loop, into docs/recurrent.md; half an hour",
    ),
    "runtime_versions": (
        "benchmarks.runtime_versions",
        "which versions of operators the releases of the runtimes accept, into the tables of the formats; ten minutes",
    ),
    "same_files": (
        "benchmarks.same_files",
        "the exports of this checkout and those of a base commit, compared byte for byte",
    ),
    "spoken_words": (
        "benchmarks.spoken_words",
        "a folder of words that espeak-ng speaks, for `zoo train` on sounds; needs espeak-ng",
    ),
    "sweep": (
        "benchmarks.sweep",
        "every architecture exported at full size, every tiny variant proven, into docs/zoo.md",
    ),
    "text_peers": (
        "benchmarks.text_peers",
        "minilm and stories15m compared with the files of the runtimes' own tools, into docs/texts.md; fifteen minutes",
    ),
    "translations": (
        "benchmarks.translations",
        "speed of encoder-decoders with and without caches, into docs/decoders.md; five minutes",
    ),
}


def main() -> int:
    """Run the benchmarks that the command line names, all of them if it names none."""
    if sys.argv[1:2] and sys.argv[1] in ALONE:
        code: int = importlib.import_module(ALONE[sys.argv[1]][0]).main(sys.argv[2:])
        return code
    listing = "; ".join(f"{name}: {what}" for name, what in BENCHMARKS.items())
    listing += "".join(f"; {name}: {what} (alone)" for name, (_, what) in ALONE.items())
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
