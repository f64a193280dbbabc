"""Who follows the first cure gets a better file: measured on trained networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from export.analysis.diagnosis.exporting import diagnosed
from export.formats import FORMATS, PRIMARY, Format
from export.metrics import compare
from export.passes.integer_model import Reconstruction
from export.progress import Quiet
from export.proof.artifact import Artifact
from export.quantization.build import Making
from export.recipe import Precision, Recipe, Width
from export.runtime.run_file import measure
from tests.faults.networks import Network

WEIGHTED = ("c1", "c3", "c5", "f6", "logits")  # the layers of LeNet-5
GAIN_DB = 0.1


def remade(one: Network, work: Path, **changes: Any) -> Making:
    work.mkdir()
    right = one.right.making
    recipe = replace(right.recipe, precisions=(Precision.INT8,), **changes)
    return Making(right.subject, recipe, right.samples, work, Quiet())


def sqnr_db(one: Network, making: Making) -> float:
    content = making.content(PRIMARY, Precision.INT8)
    assert content is not None, making.troubles
    path = making.path(PRIMARY, Precision.INT8, content)
    camera_bytes = making.takes_camera_bytes(Precision.INT8)
    measured = measure(path, making.samples.probe_folder, camera_bytes=camera_bytes)
    return compare(reference=one.expected["logits"], actual=measured.real["logits"]).sqnr_db


def followed(recipe: Recipe, options: tuple[str, ...]) -> Mapping[str, Any]:
    """Return what the options of a cure change."""
    match options:
        case ("--raise", word):
            layer, _, width = word.partition("=")
            return {"raised": {**recipe.raised, layer: Width(width)}}
        case ("--reconstruct",):
            return {"reconstruct": True}
        case ("--observer", name):
            return {"observer": name}
    raise AssertionError(options)


def diagnosis(one: Network, making: Making, file_format: Format) -> Mapping[str, Any]:
    content = making.content(file_format, Precision.INT8)
    assert content is not None, making.troubles
    artifact = Artifact(
        name=one.name,
        format=file_format.name,
        precision=Precision.INT8,
        suffix=file_format.suffix,
        content=content,
        takes_camera_bytes=making.takes_camera_bytes(Precision.INT8),
    )
    (examined,) = diagnosed([artifact], making)
    assert examined.diagnosis is not None, examined.notes
    return examined.diagnosis


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("lenet5", {}),
        ("lenet5", {"observer": "min-max"}),
        ("lenet5", {"reconstruct": False}),
        ("mobilenet_v2_tiny", {}),
    ],
)
def test_the_first_cure_makes_the_file_better(
    name: str, changes: Mapping[str, Any], network: Callable[[str], Network], tmp_path: Path
) -> None:
    one = network(name)
    making = remade(one, tmp_path / "before", **changes)
    before = sqnr_db(one, making)
    examined = diagnosis(one, making, PRIMARY)
    cure = examined["worst"][0]["cure"]
    after = sqnr_db(one, remade(one, tmp_path / "after", **{**changes, **followed(making.recipe, cure["options"])}))
    assert after > before + GAIN_DB, cure


@pytest.mark.parametrize(("layer", "width"), [("Conv1", Width.FLOAT32), ("block_2_add", Width.INT16)])
def test_a_file_with_a_wider_layer_is_diagnosed_alike_in_both_formats(
    layer: str, width: Width, network: Callable[[str], Network], tmp_path: Path
) -> None:
    one = network("mobilenet_v2_tiny")
    making = remade(one, tmp_path / "made", raised={layer: width})
    first, second = (
        {layer["layer"]: layer["share"] for layer in diagnosis(one, making, file_format)["layers"] if layer["share"]}
        for file_format in FORMATS.values()
    )
    assert len(first) > 15
    assert len(first.keys() ^ second.keys()) <= 2  # what is wider in one format is float in the other
    assert all(abs(share - second[name]) < 0.05 for name, share in first.items() if name in second)


def test_a_float32_layer_of_a_reconstructed_model_has_weights_that_were_never_rounded(
    network: Callable[[str], Network], tmp_path: Path
) -> None:
    one = network("lenet5")
    rounded, kept = (
        remade(one, tmp_path / str(width), raised=dict.fromkeys(WEIGHTED, width))
        for width in (Width.W8A32, Width.FLOAT32)
    )
    assert sqnr_db(one, rounded) < 50
    assert sqnr_db(one, kept) > 70
    assert isinstance(kept.reconstruction, Reconstruction)
    assert kept.reconstruction.model is not None


def test_raising_one_layer_to_float32_leaves_the_others_rounded(
    network: Callable[[str], Network], tmp_path: Path
) -> None:
    one = network("lenet5")
    making = remade(one, tmp_path / "one", raised={"c3": Width.FLOAT32})
    assert sqnr_db(one, making) > 0
    assert making.reconstruction is not None
    (record,) = (record for record in making.reconstruction.records if record["name"] == "reconstruct")
    assert record["parameters"]["kept"] == ["c3"]
    assert set(record["layers"]) == set(WEIGHTED)
