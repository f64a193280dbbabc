"""Exports of healthy networks that the sweep of `tests/faults/healthy.py` makes: nothing is broken in any of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import zoo
from export.passes.prune import Prune
from export.passes.prune_channels import PruneChannels
from export.recipe import Io, Width
from export.scheme import INT4, INT8, SCHEMES, W8A16, W8A32
from tests.faults.networks import DATA
from zoo import weights
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras

SEEDS = 5
ALL = tuple(scheme for scheme in SCHEMES.values() if scheme != INT4)  # which is for networks that read text
INTEGER = (INT8, W8A16)
COMPUTES_NOTHING = ("Dropout", "Flatten", "InputLayer", "Reshape")
LARGER = 1.5  # times the size that the network was trained at

Fields = Mapping[str, Any]
# As many samples of the proof as the tolerances were measured for. With 32 samples for the ranges instead of 100 the
# int8 file of the autoencoder loses 18 % of the variation of an output, and is refused with reason.
FEW: Fields = {"probe_count": 32}
DEFAULT: Fields = {"probe_count": None}
# The settings of the recipe that change the files, by the name of their row in the table of docs/proof.md.
OPTIONS: Mapping[str, Fields] = {
    **{f"--io {io}": {"schemes": INTEGER, "io": io} for io in Io},
    **{f"--observer {name}": {"schemes": INTEGER, "observer": name} for name in ("min-max", "percentile", "mse")},
    "--no-reconstruct": {"schemes": (*INTEGER, W8A32), "reconstruct": False},
    "--prune 0.5": {"schemes": ALL, "passes": (Prune(share=0.5),)},
    "--prune-channels 0.25": {"schemes": ALL, "passes": (PruneChannels(share=0.25),)},
    "--format onnx": {"schemes": ALL, "formats": ("onnx",)},
    "few samples": {"schemes": ALL, "probe_count": 8},
    "synthetic calibration": {"schemes": INTEGER, "calibration": "synthetic"},
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One export.

    Attributes:
        network: its name.
        option: for the table.
        seed: of the recipe, and of random weights.
        fields: of its recipe.
        prepare: folder -> more fields, of what it writes there.
    """

    network: str
    option: str
    seed: int
    fields: Fields = field(default_factory=dict)
    prepare: Callable[[Path], Fields] | None = None

    @property
    def title(self) -> str:
        raised = "".join(f" {layer}={width}" for layer, width in self.fields.get("raised", {}).items())
        return f"{self.network}, {self.option}{raised}, seed {self.seed}"


def cases(name: str, number: int = 0) -> Iterator[Case]:
    """Yield the exports of the tiny network of an architecture; `number` moves the seeds of the options."""
    for seed in range(SEEDS):
        counts = DEFAULT if seed == number % SEEDS else {}
        yield Case(network=name, option="all precisions", seed=seed, fields={"schemes": ALL, **counts})
    for place, (option, fields) in enumerate(OPTIONS.items()):
        yield Case(network=name, option=option, seed=(number + place) % SEEDS, fields=fields)
    yield from raised_cases(name, number)
    made: dict[str, Callable[[str, int, Path], Fields]] = {
        "real rows": rows,
        "own file": own_file,
        "own file at another size": larger_file,
        "random weights": random_file,
    }
    for place, (option, prepare) in enumerate(made.items()):
        seed = (number + place) % SEEDS
        bound = _bound(prepare, name, seed)
        yield Case(network=name, option=option, seed=seed, fields={"schemes": ALL}, prepare=bound)


def raised_cases(name: str, number: int = 0) -> Iterator[Case]:
    """Yield an export for one layer of each kind, drawn by the seed; widths take turns."""
    widths = tuple(Width)
    kinds = sorted((type(layer).__name__, layer.name) for layer in tiny(name).layers)
    for place, (kind, pairs) in enumerate(groupby(kinds, lambda pair: pair[0])):
        if kind in COMPUTES_NOTHING:
            continue
        layers, seed = [layer for _, layer in pairs], (number + place) % SEEDS
        layer = layers[int(np.random.default_rng([number, place]).integers(len(layers)))]
        width = widths[(number + place) % len(widths)]
        yield Case(
            network=name, option=f"--raise {width}", seed=seed, fields={"schemes": (INT8,), "raised": {layer: width}}
        )


def tiny(name: str) -> keras.Model:
    """Return the tiny network with its trained weights."""
    architecture = zoo.find(name)
    model: keras.Model = architecture.build(**architecture.tiny)
    assert weights.load(model, architecture, "tiny").trained
    return model


def _bound(prepare: Callable[[str, int, Path], Fields], name: str, seed: int) -> Callable[[Path], Fields]:
    return lambda folder: prepare(name, seed, folder)


def rows(name: str, seed: int, folder: Path) -> Fields:
    """Calibrate on Fashion-MNIST photos in the size of the network, in colour with a tint each."""
    architecture = zoo.find(name)
    preprocessing = architecture.preprocess(**architecture.tiny)
    with np.load(DATA / "fashion_mnist_500.npz") as arrays:
        photos = arrays["calibration_photos"]
    times = [preprocessing.height // photos.shape[1], preprocessing.width // photos.shape[2]]
    photos = photos.repeat(times[0], axis=1).repeat(times[1], axis=2)
    if preprocessing.colours != "GRAY":
        tints = np.random.default_rng(seed).uniform(0.3, 1, (len(photos), 1, 1, 3))
        photos = np.rint(photos * tints).astype(np.uint8)
    np.savez(folder / "rows.npz", **{photo_input(name): photos})
    return {"calibration": str(folder / "rows.npz")}


def photo_input(name: str) -> str:
    architecture = zoo.find(name)
    contracts = architecture.inputs(**architecture.tiny)
    (found,) = (key for key in contracts if key not in architecture.made_up_inputs)
    return found


def own_file(name: str, seed: int, folder: Path) -> Fields:
    """Export the network from a file, as a user's own model, calibrated on its preprocessed inputs."""
    return saved(name, tiny(name), seed, folder)


def larger_file(name: str, seed: int, folder: Path) -> Fields:
    """The same, at a larger size than it was trained at."""
    architecture = zoo.find(name)
    size = int(LARGER * architecture.preprocess(**architecture.tiny).height)
    if "resolution" not in architecture.tiny:
        raise UsageProblemError(f"{name} has one size")
    model, trained = architecture.build(**{**architecture.tiny, "resolution": size}), tiny(name).get_weights()
    if [one.shape for one in model.get_weights()] != [one.shape for one in trained]:
        raise UsageProblemError(f"the weights of {name} depend on its size")
    model.set_weights(trained)
    return saved(name, model, seed, folder)


def random_file(name: str, seed: int, folder: Path) -> Fields:
    """The same with weights of this seed."""
    import keras

    keras.utils.set_random_seed(seed)
    architecture = zoo.find(name)
    return saved(name, architecture.build(**architecture.tiny), seed, folder)


def saved(name: str, model: keras.Model, seed: int, folder: Path) -> Fields:
    """Save a network as a user's file, with rows of its inputs: preprocessed photos, normal numbers elsewhere."""
    architecture, photo = zoo.find(name), photo_input(name)
    with np.load(DATA / "fashion_mnist_500.npz") as arrays:
        photos = arrays["calibration_photos"]
    generator = np.random.default_rng(seed)
    given = {}
    for tensor in model.inputs:
        shape = tuple(tensor.shape[1:])
        if tensor.name != photo:
            given[tensor.name] = generator.normal(size=(len(photos), *shape)).astype(np.float32)
            continue
        tiles = np.tile(photos, (1, -(-shape[0] // photos.shape[1]), -(-shape[1] // photos.shape[2]), 1))
        tints = generator.uniform(0.3, 1, (len(photos), 1, 1, shape[2])) if shape[2] > 1 else 1
        coloured = np.rint(tiles[:, : shape[0], : shape[1]] * tints).astype(np.uint8)
        given[photo] = np.asarray(architecture.preprocess(**architecture.tiny).normalise(coloured), np.float32)
    model.save(folder / f"{name}.keras")
    np.savez(folder / "rows.npz", **given)
    return {"model": str(folder / f"{name}.keras"), "weights": None, "calibration": str(folder / "rows.npz")}
