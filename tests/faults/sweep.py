"""Count the faults that the proof catches, and what the missed ones do to real photos.

`python -m tests.faults.sweep` plants every kind of fault at several places of the tiny networks and prints the table of
docs/proof.md. A missed fault has an effect if it costs more than 1 dB, or changes more than 1 % of the predictions, on
500 photos.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import zoo
import zoo_export
from calibration.samples import Array
from export.formats import FORMATS
from export.formats.tflite import flatbuffer
from export.metrics import compare
from export.scheme import FLOAT16, FLOAT32, INT8, Scheme
from tests.faults.integer_faults import INTEGER_FAULTS
from tests.faults.networks import DATA, Network, Planted, fashion, networks
from tests.faults.onnx_faults import variants
from zoo import weights

if TYPE_CHECKING:
    import keras

PLACES = 4
PREDICTIONS, DECIBELS = 0.01, 1.0
MORE = ("efficientnet_b0", "googlenet", "mobilenet_v3_large")
FILES = (("tflite", INT8), ("onnx", INT8), ("onnx", FLOAT32), ("onnx", FLOAT16))
CAUGHT, WITHOUT, WITH = "caught", "missed without effect", "missed with effect"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        known = networks(Path(folder))
        chosen = [known["lenet5"], known["mobilenet_v2_tiny"], *(tiny(name, Path(folder)) for name in MORE)]
        print(f"| network | file | faults | {CAUGHT} | {WITHOUT} | {WITH} |\n|---|---|---|---|---|---|")
        for network in chosen:
            photos = real_photos(network)
            for name, scheme in FILES:
                found = counted(network, name, scheme, photos)
                counts = [found.total(), *(found[one] for one in (CAUGHT, WITHOUT, WITH))]
                print(f"| {network.name} | {scheme} .{name} | {' | '.join(map(str, counts))} |", flush=True)


def counted(network: Network, name: str, scheme: Scheme, photos: Array) -> Counter[str]:
    """Return how many faults of one file were caught, and how many of the others have an effect."""
    key, found = (name, scheme), Counter[str]()
    healthy = outputs(network, name, network.content(key), photos)
    model = np.asarray(network.model.predict(photos, verbose=0)).reshape(len(photos), -1)
    for number, (fault, place, content) in enumerate(faulty(name, network.content(key))):
        file = network.judged(key, Planted(contents={key: content}), f"sweep-{name}-{scheme}-{number}")
        if file.failures:
            found[CAUGHT] += 1
            continue
        broken = outputs(network, name, content, photos)
        has_effect = is_worse(model, healthy, broken)
        found[WITH if has_effect else WITHOUT] += 1
        if has_effect:
            print(f"missed: {fault} at {place} of the {scheme} .{name} of {network.name}", file=sys.stderr, flush=True)
    return found


def faulty(name: str, content: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Yield kind, place and content of the faulty files."""
    if name == "onnx":
        yield from variants(content, PLACES)
        return
    for fault, edit in INTEGER_FAULTS.items():
        model = flatbuffer.read(content)
        if edit(model) and (broken := flatbuffer.write(model)) != content:
            yield fault, "the graph", broken


def is_worse(model: Array, healthy: Array, broken: Array) -> bool:
    if not np.isfinite(broken).all():
        return True
    changed = float((healthy.argmax(axis=1) != broken.argmax(axis=1)).mean())
    sqnr_db = [compare(reference=model, actual=one).sqnr_db for one in (healthy, broken)]
    return changed > PREDICTIONS or sqnr_db[0] - sqnr_db[1] > DECIBELS


def outputs(network: Network, name: str, content: bytes, photos: Array) -> Array:
    """Return the real outputs (N, classes) of a file."""
    path = network.work / f"sweep{FORMATS[name].suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    session = zoo_export.open_file(path)
    (taken,), (given,) = session.inputs, session.outputs
    rows = (session.run({taken.name: taken.quantize(photo[None])})[given.name] for photo in photos)
    return np.stack([given.dequantize(row).reshape(-1) for row in rows])


def real_photos(network: Network) -> Array:
    """Return 500 preprocessed photos, in colour with a tint each."""
    with np.load(DATA / "fashion_mnist_500.npz") as arrays:
        photos = arrays["photos"]
    if network.preprocessing.colours != "GRAY":
        tints = np.random.default_rng(1).uniform(0.3, 1, (len(photos), 1, 1, 3))
        photos = np.rint(photos * tints).astype(np.uint8)
    return np.asarray(network.preprocessing.normalise(photos))


def tiny(name: str, folder: Path) -> Network:
    """Return the tiny network of an architecture with its trained weights."""
    architecture = zoo.find(name)

    def build() -> keras.Model:
        model = architecture.build(**architecture.tiny)
        assert weights.load(model, architecture, "tiny").trained
        return model

    return Network(name, build, architecture.preprocess(**architecture.tiny), fashion, folder / name)


if __name__ == "__main__":
    main()
