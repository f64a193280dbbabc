"""Count the faults that the proof catches, and what the missed ones do to real photos.

`python -m tests.faults.sweep` plants every kind of fault at several places of the tiny networks and prints the table of
docs/proof.md; with words, such as `edited`, only the families whose names contain one. A missed fault has an effect if
it costs more than 1 dB, or changes more than 1 % of the predictions, on 500 photos.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import zoo
import zoo_export
from calibration.samples import Array
from export.formats import FORMATS
from export.metrics import compare
from export.quantization.requested import Key
from tests.faults.families import FAMILIES
from tests.faults.networks import DATA, Network, fashion, lenet, networks
from zoo import weights

if TYPE_CHECKING:
    import keras

PREDICTIONS, DECIBELS = 0.01, 1.0
MORE = ("efficientnet_b0", "googlenet", "mobilenet_v3_large")
CAUGHT, WITHOUT, WITH = "caught", "missed without effect", "missed with effect"
NOT_RUN = "does not run"  # No runtime takes the file, which proves nothing about the checks.
COLUMNS = (CAUGHT, WITHOUT, WITH, NOT_RUN)
HEADER = f"| family | file | faults | {' | '.join(COLUMNS)} |\n|---|---|---|---|---|---|---|"


def main(words: Sequence[str]) -> None:
    chosen = {name: one for name, one in FAMILIES.items() if not words or any(word in name for word in words)}
    totals: dict[tuple[str, str], Counter[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        print(f"| network {HEADER}", flush=True)
        for network in swept(Path(folder)):
            photos = real_photos(network)
            for family, one in chosen.items():
                for key in one.keys:
                    found = counted(network, family, key, photos)
                    totals[family, named(key)] = totals.get((family, named(key)), Counter()) + found
                    print(row(network.name, family, named(key), found=found), flush=True)
    print(f"\n{HEADER}", *(row(*names, found=found) for names, found in totals.items()), sep="\n")
    print(row("all", "all", found=sum(totals.values(), Counter())))


def swept(folder: Path) -> list[Network]:
    """Return the networks into which faults are planted."""
    known = networks(folder)
    gray = zoo.find("lenet5").preprocess()
    leaky = Network("leaky LeNet-5", leaky_lenet, gray, fashion, folder / "leaky")
    return [known["lenet5"], leaky, known["mobilenet_v2_tiny"], *(tiny(name, folder) for name in MORE)]


def row(*names: str, found: Counter[str]) -> str:
    counts = (found.total(), *(found[one] for one in COLUMNS))
    return f"| {' | '.join((*names, *map(str, counts)))} |"


def named(key: Key) -> str:
    return f"{key[1]} .{key[0]}"


def counted(network: Network, family: str, key: Key, photos: Array) -> Counter[str]:
    """Return how many faults of one file were caught, and how many of the others have an effect."""
    found = Counter[str]()
    healthy = outputs(network, key[0], network.content(key), photos)
    model = np.asarray(network.model.predict(photos, verbose=0)).reshape(len(photos), -1)
    chosen = FAMILIES[family]
    for number, one in enumerate(chosen.faulty(network, key, chosen.places)):
        file = network.judged(key, one.planted, f"sweep-{family}-{key[0]}-{key[1]}-{number}")
        if file.failures:
            found[NOT_RUN if file.trouble else CAUGHT] += 1
            continue
        has_effect = is_worse(model, healthy, outputs(network, key[0], one.content, photos))
        found[WITH if has_effect else WITHOUT] += 1
        missed = f"missed {'with' if has_effect else 'without'} effect: {family}: {one.kind} at {one.place}"
        print(f"{missed} of the {named(key)} of {network.name}", file=sys.stderr, flush=True)
    return found


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


def leaky_lenet() -> keras.Model:
    """Return LeNet-5 with leaky slopes in place of its activations, and the same weights."""
    import keras

    def leaky(layer: keras.Layer) -> keras.Layer:
        config = layer.get_config()
        if config.get("activation") == "relu":
            config["activation"] = {
                "module": "keras.layers",
                "class_name": "LeakyReLU",
                "config": {"negative_slope": 0.1},
            }
        return type(layer).from_config(config)

    model = lenet()
    changed = keras.models.clone_model(model, clone_function=leaky)
    changed.set_weights(model.get_weights())
    return changed


if __name__ == "__main__":
    main(sys.argv[1:])
