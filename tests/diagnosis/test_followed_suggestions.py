"""Following the first suggestion improves the file, measured on trained networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from export.analysis.diagnosis.exporting import diagnosed
from export.formats import FORMATS, PRIMARY, Format
from export.metrics import compare
from export.proof.artifact import Artifact
from export.proof.prove import measured_on_probe
from export.quantization.build import MadeFile, bases_of, float_files, quantized_files
from export.quantization.export_run import ExportRun
from export.quantization.integer_base import IntegerBase
from export.quantization.requested import Key
from export.recipe import Recipe, Width
from export.scheme import INT8
from tests.faults.networks import Network, int8_base

WEIGHTED = ("c1", "c3", "c5", "f6", "logits")  # the layers of LeNet-5
GAIN_DB = 0.1


@dataclass(frozen=True, kw_only=True)
class Remade:
    """A repeated export with a changed recipe: its run, files and base."""

    run: ExportRun
    files: Mapping[Key, MadeFile]
    base: IntegerBase


def remade(one: Network, work: Path, **changes: Any) -> Remade:
    work.mkdir()
    recipe = replace(one.right.recipe, schemes=(INT8,), **changes)
    run = replace(one.right, recipe=recipe, work=work)
    floats = float_files(run)
    bases = bases_of(run, floats)
    return Remade(run=run, files=quantized_files(run, floats, bases), base=int8_base(bases))


def sqnr_db(one: Network, made: Remade) -> float:
    file = made.files[PRIMARY.name, INT8]
    assert not file.trouble
    measured = measured_on_probe(made.run, file)
    return compare(reference=one.expected["logits"], actual=measured.real["logits"]).sqnr_db


def followed(recipe: Recipe, options: tuple[str, ...]) -> Mapping[str, Any]:
    """Return the changes to the recipe that suggested options make."""
    match options:
        case ("--raise", word):
            layer, _, width = word.partition("=")
            return {"raised": {**recipe.raised, layer: Width(width)}}
        case ("--reconstruct",):
            return {"reconstruct": True}
        case ("--observer", name):
            return {"observer": name}
    raise AssertionError(options)


def diagnosis(made: Remade, file_format: Format) -> Mapping[str, Any]:
    file = made.files[file_format.name, INT8]
    assert not file.trouble
    artifact = Artifact(
        name=made.run.subject.name,
        format=file_format.name,
        scheme=INT8,
        suffix=file_format.suffix,
        content=file.content,
        takes_camera_bytes=made.run.takes_camera_bytes(INT8),
    )
    (examined,) = diagnosed([artifact], made.run, made.files, made.base)
    assert examined.diagnosis is not None, examined.notes
    return examined.diagnosis


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("lenet5", {}),
        pytest.param("lenet5", {"observer": "min-max"}, marks=pytest.mark.large),
        pytest.param("lenet5", {"reconstruct": False}, marks=pytest.mark.large),
        pytest.param("mobilenet_v2_tiny", {}, marks=pytest.mark.large),
    ],
)
def test_following_the_first_suggestion_improves_the_file(
    name: str, changes: Mapping[str, Any], network: Callable[[str], Network], tmp_path: Path
) -> None:
    one = network(name)
    made = remade(one, tmp_path / "before", **changes)
    before = sqnr_db(one, made)
    examined = diagnosis(made, PRIMARY)
    suggestion = examined["worst"][0]["suggestion"]
    after = sqnr_db(
        one, remade(one, tmp_path / "after", **{**changes, **followed(made.run.recipe, suggestion["options"])})
    )
    assert after > before + GAIN_DB, suggestion


@pytest.mark.parametrize(
    ("name", "layer", "width", "least"),
    [
        ("lenet5", "c3", Width.INT16, 4),
        pytest.param("mobilenet_v2_tiny", "Conv1", Width.FLOAT32, 15, marks=pytest.mark.large),
        pytest.param("mobilenet_v2_tiny", "block_2_add", Width.INT16, 15, marks=pytest.mark.large),
    ],
)
def test_a_file_with_a_wider_layer_has_the_same_diagnosis_in_both_formats(
    name: str, layer: str, width: Width, least: int, network: Callable[[str], Network], tmp_path: Path
) -> None:
    one = network(name)
    made = remade(one, tmp_path / "made", raised={layer: width})
    first, second = (
        {layer["layer"]: layer["share"] for layer in diagnosis(made, file_format)["layers"] if layer["share"]}
        for file_format in FORMATS.values()
    )
    assert len(first) >= least
    assert len(first.keys() ^ second.keys()) <= 2  # what is wider in one format is float in the other
    assert all(abs(share - second[name]) < 0.05 for name, share in first.items() if name in second)


def test_a_float32_layer_of_a_reconstructed_model_keeps_its_original_weights(
    network: Callable[[str], Network], tmp_path: Path
) -> None:
    one = network("lenet5")
    rounded, kept = (
        remade(one, tmp_path / str(width), raised=dict.fromkeys(WEIGHTED, width))
        for width in (Width.W8A32, Width.FLOAT32)
    )
    assert sqnr_db(one, rounded) < 50
    assert sqnr_db(one, kept) > 70
    assert kept.base.reconstruction.model is not None


def test_keeping_one_layer_in_float32_leaves_the_others_quantized(
    network: Callable[[str], Network], tmp_path: Path
) -> None:
    one = network("lenet5")
    made = remade(one, tmp_path / "one", raised={"c3": Width.FLOAT32})
    assert sqnr_db(one, made) > 0
    (record,) = (record for record in made.base.reconstruction.records if record["name"] == "reconstruct")
    assert record["parameters"]["kept"] == ["c3"]
    assert set(record["layers"]) == set(WEIGHTED)
