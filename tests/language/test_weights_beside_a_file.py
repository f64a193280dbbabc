"""A network that no file can hold: the weights of its .onnx lie in a second file, which is proven and verified too."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.bundle.read import read
from export.bundle.verify import verify
from export.cli.main import main
from export.errors import ConversionError
from export.formats import FORMATS
from export.formats.onnx import float_file, outside
from export.pipeline import Delivery, run
from export.progress import Quiet
from export.quantization import size_limit
from export.recipe import Recipe
from export.scheme import FLOAT16, FLOAT32, INT8_DYNAMIC
from tests.language.small_decoders import small
from zoo.errors import UsageProblemError

FILE, DATA = "gpt_small-float32.onnx", "gpt_small-float32.onnx.data"


@pytest.fixture(scope="module")
def small_limit() -> Iterator[None]:
    """Half a million weights are too many for a file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(size_limit, "LARGEST_BYTES", 1_000_000)
        patch.setattr(float_file, "PROTOBUF_LIMIT_BYTES", 1_000_000)
        patch.setattr(outside, "SMALLEST_NUMBERS", 2000)
        yield


@pytest.fixture(scope="module")
def delivery(small_limit: None, tmp_path_factory: pytest.TempPathFactory) -> Delivery:
    out = tmp_path_factory.mktemp("out")
    return run(Recipe(model="gpt_small", formats=("onnx",), schemes=(FLOAT32,), out=out))


@pytest.fixture
def folder(delivery: Delivery, tmp_path: Path) -> Path:
    """A copy of the delivered folder, to be damaged."""
    assert delivery.folder is not None
    return Path(shutil.copytree(delivery.folder, tmp_path / "gpt_small"))


def failures(folder: Path) -> str:
    verified = verify(read(folder), Quiet())
    return " ".join(str(check) for file in verified.files for check in file.checks if not check.passed)


def lists_again(folder: Path, **changes: Any) -> None:
    """Let the manifest list the files as they are, as somebody who tampers with a folder would."""
    from export.runtime.file_content import digest

    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"][0] |= {"sha256": digest(folder / FILE), **changes}
    path.write_text(json.dumps(manifest))


def refer_to(folder: Path, place: str, *, keeps: bool = False) -> None:
    """Let the graph read its weights, or with `keeps` one of them, from another place."""
    import onnx

    proto: Any = onnx.load(str(folder / FILE), load_external_data=False)
    tensors = [tensor for tensor in proto.graph.initializer if tensor.external_data]
    for tensor in tensors[:1] if keeps else tensors:
        next(entry for entry in tensor.external_data if entry.key == "location").value = place
    (folder / FILE).write_bytes(proto.SerializeToString())
    lists_again(folder)


def test_both_files_are_delivered_proven_and_listed(delivery: Delivery) -> None:
    import onnx

    assert delivery.passed
    assert delivery.folder is not None
    (record,) = delivery.manifest["files"]
    assert set(record["data"]) == {DATA}
    assert record["bytes"] == sum((delivery.folder / name).stat().st_size for name in (FILE, DATA))
    assert (delivery.folder / FILE).stat().st_size < 0.2 * record["bytes"]
    assert {check["id"] for check in record["checks"]} >= {"parity", "order"}
    assert FORMATS["onnx"].data_files(delivery.folder / FILE) == (DATA,)
    onnx.checker.check_model(str(delivery.folder / FILE))


def test_the_weights_are_those_of_a_file_that_holds_them(tmp_path: Path, small_limit: None) -> None:
    import onnx
    from onnx import numpy_helper

    decoder = small("gpt2", width=96, vocabulary=300)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(float_file, "PROTOBUF_LIMIT_BYTES", 1000)
        with pytest.raises(ConversionError, match="can hold at most 2 GB"):
            float_file.convert_decoder(decoder.decoder())
        patch.setattr(float_file, "PROTOBUF_LIMIT_BYTES", 100_000)
        content = float_file.convert_decoder(decoder.decoder(), tmp_path / "weights")
        patch.setattr(float_file, "PROTOBUF_LIMIT_BYTES", 1 << 30)
        whole: Any = onnx.load_from_string(float_file.convert_decoder(decoder.decoder()))
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    split: Any = onnx.load(str(path))
    pairs = list(zip(split.graph.initializer, whole.graph.initializer, strict=True))
    assert all(one.name == other.name for one, other in pairs)
    assert all(np.array_equal(*map(numpy_helper.to_array, pair)) for pair in pairs)
    found = FORMATS["onnx"].open(path).run({"tokens": decoder.tokens[:1]})["logits"]
    np.testing.assert_allclose(found[0], decoder.logits[0], atol=1e-4)


def test_the_folder_is_verified_and_writes_text(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert failures(folder) == ""
    assert read(folder).strangers() == []
    assert "continuation of texts" in verify(read(folder), Quiet()).not_derivable
    assert main(["verify", str(folder), "--json"]) == 0
    sizes = sum((folder / name).stat().st_size for name in (FILE, DATA))
    assert [file["bytes"] for file in json.loads(capsys.readouterr().out)["files"]] == [sizes]
    assert main(["run", str(folder), "ROMEO:", "--max-tokens", "5"]) == 0
    assert "5 tokens" in capsys.readouterr().out


def test_inspect_and_bench_count_the_weights(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = sum((folder / name).stat().st_size for name in (FILE, DATA))
    assert main(["inspect", str(folder / FILE), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["bytes"], set(found["data"])) == (sizes, {DATA})
    assert main(["bench", str(folder), "--runs", "1", "--json"]) == 0
    assert f'"bytes": {sizes}' in capsys.readouterr().out


def test_a_second_export_leaves_no_weights_behind(delivery: Delivery, small_limit: None, tmp_path: Path) -> None:
    assert delivery.folder is not None
    shutil.copytree(delivery.folder, tmp_path / "gpt_small")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(size_limit, "LARGEST_BYTES", 1 << 31)
        patch.setattr(float_file, "PROTOBUF_LIMIT_BYTES", 1 << 31)
        again = run(Recipe(model="gpt_small", formats=("onnx",), schemes=(FLOAT32,), out=tmp_path))
    assert again.folder is not None
    assert not (again.folder / DATA).exists()
    assert again.manifest["files"][0]["data"] == {}


def test_pack_leaves_both_files_to_the_user(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pack", str(folder), "--target", "onnxruntime-genai"]) == 2
    sentence = f"{FILE} keeps its weights in a second file, which zoo pack does not copy; copy both files from {folder}"
    assert sentence in capsys.readouterr().err


def test_files_that_are_derived_from_it_say_so(small_limit: None, tmp_path: Path) -> None:
    """An own model is not refused before it is built, because its size is not known."""
    import keras

    keras.utils.set_random_seed(0)
    x = keras.Input((64,), name="x")
    y = keras.layers.Dense(4, name="y")(keras.layers.Dense(4096, activation="relu")(x))
    keras.Model(x, y).save(tmp_path / "own.keras")
    np.savez(tmp_path / "own.npz", x=np.random.default_rng(0).normal(size=(128, 64)).astype(np.float32))
    own, samples = (str(tmp_path / name) for name in ("own.keras", "own.npz"))
    recipe = Recipe(model=own, calibration=samples, formats=("onnx",), schemes=(FLOAT32, FLOAT16), out=tmp_path)
    whole, half = run(recipe).artifacts
    assert whole.content.data is not None
    assert not whole.failures
    assert "keeps weights that it cannot hold in a second file" in half.trouble


def altered(folder: Path) -> None:
    content = bytearray((folder / DATA).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / DATA).write_bytes(content)


def missing(folder: Path) -> None:
    (folder / DATA).unlink()


def link(folder: Path) -> None:
    (folder / DATA).rename(folder.parent / "elsewhere")
    (folder / DATA).symlink_to(folder.parent / "elsewhere")


def above(folder: Path) -> None:
    shutil.copy(folder / DATA, folder.parent / DATA)
    refer_to(folder, f"../{DATA}")


def absolute(folder: Path) -> None:
    shutil.copy(folder / DATA, folder.parent / DATA)
    refer_to(folder, str(folder.parent / DATA))


def unlisted(folder: Path) -> None:
    shutil.copy(folder / DATA, folder / "other.data")
    refer_to(folder, "other.data", keeps=True)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (altered, "its sha256 differs"),
        (missing, "the file is missing"),
        (link, "it is a link to another file"),
        (above, f"it reads weights from '../{DATA}', which the manifest does not list"),
        (absolute, "which the manifest does not list"),
        (unlisted, "it reads weights from 'other.data', which the manifest does not list"),
    ],
)
def test_other_weights_are_refused_before_they_are_read(
    damage: Any, sentence: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(folder)
    assert sentence in failures(folder)
    assert main(["verify", str(folder)]) == 1
    capsys.readouterr()
    assert main(["run", str(folder), "ROMEO:", "--max-tokens", "5"]) == 1
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../gpt_small-float32.onnx.data", "/etc/passwd", "manifest.json", "x.onnx", ""])
def test_a_manifest_that_lists_weights_elsewhere_is_damaged(name: str, folder: Path) -> None:
    lists_again(folder, data={name: "0" * 64})
    with pytest.raises(UsageProblemError, match="is damaged"):
        read(folder)


@pytest.mark.parametrize(
    ("recipe", "typed"),
    [
        (Recipe(model="gpt_small"), "type --format onnx"),
        (Recipe(model="gpt_small", formats=("tflite",)), "type --format onnx"),
        (Recipe(model="gpt_small", formats=("onnx",), schemes=(INT8_DYNAMIC,)), "--precision float32"),
        (Recipe(model="gpt_small", schemes=(FLOAT32, INT8_DYNAMIC)), "--format onnx --precision float32"),
    ],
)
def test_files_that_cannot_hold_the_weights_are_refused(recipe: Recipe, typed: str, small_limit: None) -> None:
    with pytest.raises(UsageProblemError, match="of weights in float32") as error:
        size_limit.check_name(recipe)
    assert str(error.value).endswith(typed)


def test_places_of_weights_are_found_wherever_a_file_refers_to_them(tmp_path: Path) -> None:
    from onnx import TensorProto, helper

    def tensor(place: str) -> Any:
        found = TensorProto(name=place, dims=[1], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
        found.external_data.add(key="location", value=place)
        return found

    inner = helper.make_graph([], "inner", [], [], [tensor("in a loop")])
    nodes = [
        helper.make_node("Constant", [], ["a"], value=tensor("of a constant")),
        helper.make_node("Loop", [], ["b"], body=inner),
    ]
    inside = helper.make_node("Constant", [], ["c"], value=tensor("in a function"))
    default = helper.make_attribute("weights", tensor("of a call that leaves it out"))
    function = helper.make_function("own", "f", [], ["c"], [inside], [], attribute_protos=[default])
    graph = helper.make_graph(nodes, "g", [], [], [tensor("stored"), tensor("stored")])
    model = helper.make_model(graph, functions=[function])
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    found = FORMATS["onnx"].data_files(tmp_path / "model.onnx")
    assert set(found) == {"stored", "of a constant", "in a loop", "in a function", "of a call that leaves it out"}
    assert len(found) == 5
