"""The layers and operators of the tiny networks, and the few networks that together have all: those of the quick tests.

Converting all of them takes minutes, so what they hold is recorded (`python -m tests.zoo.contents` writes it anew), and
`tests/zoo/test_contents.py` holds the record against the networks.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import zoo
from tests.zoo.families import families
from tests.zoo.residual_network import residual_network
from zoo import weights

if TYPE_CHECKING:
    import keras

# The task of the small network that is not of the zoo; the quick tests export it whatever the cover is.
OWN = "own model"
RECORD = Path(__file__).parents[1] / "data" / "zoo_contents.json"


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a tiny network holds.

    Attributes:
        task: of its architecture, or "own model".
        layers: the classes of its layers.
        activations: the names of their activation functions.
        operators: by format, those of the float file.
        structure: a digest of all layers with their options, without names: with it the operators change.
    """

    task: str
    layers: list[str]
    activations: list[str]
    operators: Mapping[str, list[str]]
    structure: str

    def parts(self) -> frozenset[tuple[str, str]]:
        """Return everything that a quick test has to meet once, as pairs of kind and name."""
        kinds = {"task": (self.task,), "layer": self.layers, "activation": self.activations, **self.operators}
        return frozenset((kind, name) for kind, names in kinds.items() for name in names)


@cache
def recorded() -> Mapping[str, Contents]:
    """Return the record by name: one architecture of each family, and the small network under "own model"."""
    rows = json.loads(RECORD.read_text(encoding="utf-8"))
    return {name: Contents(**row) for name, row in rows.items()}


@cache
def cover() -> list[str]:
    """Return few architectures that, with the small network, hold every part of the zoo.

    Those that alone hold a part, then what adds most.
    """
    own = recorded()[OWN].parts()
    parts = {name: contents.parts() - own for name, contents in recorded().items() if name != OWN}
    holders = Counter(part for held in parts.values() for part in held)
    chosen = [name for name, held in parts.items() if any(holders[part] == 1 for part in held)]
    missing = holders.keys() - set().union(*(parts[name] for name in chosen))
    while missing:
        chosen.append(min(parts, key=lambda name: (-len(parts[name] & missing), len(parts[name]), name)))
        missing -= parts[chosen[-1]]
    return sorted(chosen)


def quick(names: Iterable[str]) -> list[Any]:
    """Return test parameters: the names of the cover are for the quick tests, the others for `make large`."""
    return [pytest.param(name, marks=large_beyond_cover(name)) for name in names]


def large_beyond_cover(name: str) -> list[pytest.MarkDecorator]:
    """Return the marks of a test of that architecture."""
    return [] if name in cover() else [pytest.mark.large]


def tiny(name: str) -> keras.Model:
    """Build the tiny network of an architecture, with its trained weights, or the small network."""
    if name == OWN:
        return residual_network()
    architecture = zoo.find(name)
    model = architecture.build(**architecture.tiny)
    assert weights.load(model, architecture, "tiny").trained
    return model


def structure(model: keras.Model) -> dict[str, Any]:
    """Return the fields of `Contents` that need no conversion."""
    configs = [(type(layer).__name__, _options(layer.get_config())) for layer in model.layers]
    text = json.dumps(configs, sort_keys=True, default=str)
    return {
        "layers": sorted({kind for kind, _ in configs}),
        "activations": sorted({name for kind, options in configs for name in _activations(kind, options)}),
        "structure": hashlib.sha256(text.encode()).hexdigest(),
    }


def operators(content: bytes, format_name: str) -> list[str]:
    """Return the names of the operators of a float file."""
    if format_name == "tflite":
        from export.formats.tflite import flatbuffer

        model = flatbuffer.read(content)
        return sorted({flatbuffer.op_name(model, one) for graph in model.subgraphs for one in graph.operators})
    import onnx

    return sorted({node.op_type for node in onnx.load_from_string(content).graph.node})


def _activations(kind: str, options: Mapping[str, Any]) -> Iterator[str]:
    if "activation" in options:
        yield str(options["activation"])
    if kind == "ReLU":
        yield f"relu up to {options['max_value']}"


def _options(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in ("name", "build_config")}


def write() -> None:
    """Record what the networks hold now."""
    from export.formats import FORMATS

    rows = {}
    for name in (*families(), OWN):
        model = tiny(name)
        found = {format_name: operators(one.convert(model), format_name) for format_name, one in FORMATS.items()}
        rows[name] = asdict(
            Contents(task=OWN if name == OWN else zoo.find(name).task, operators=found, **structure(model))
        )
    RECORD.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
