"""What a file says about itself is right, and changes nothing else."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from keras import layers

from calibration.ranges import Ranges
from export.formats import FORMATS, QuantizationPlan
from export.formats.tflite import flatbuffer
from export.model.description import Description, OutputDescription, Scores
from export.recipe import Io
from export.scheme import INT8
from tests import float_files
from tests.formats import metadata_reader as reader
from zoo.preprocessing import Preprocessing, conventions

NAMES = ("cat, tabby", "dog", "größer", "other")
SIDE = 8


def network(channels: int = 3) -> keras.Model:
    keras.utils.set_random_seed(0)
    image = keras.Input((SIDE, SIDE, channels), name="image")
    x = layers.Conv2D(6, 3, activation="relu")(image)
    return keras.Model(image, layers.Dense(len(NAMES), name="logits")(layers.Flatten()(x)), name="net")


def description(preprocessing: Preprocessing | None = None, **changes: Any) -> Description:
    scores = OutputDescription(text="scores of 4 classes", scores=Scores.SOFTMAX, has_labels=True)
    facts: dict[str, Any] = {
        "name": "net",
        "text": "A network (Somebody, 2020).",
        "task": "classification",
        "precision": "float32",
        "licence": "Apache-2.0",
        "version": "0123456789ab",
        "labels": NAMES,
        "preprocessing": preprocessing or conventions.preprocessing("tf", (SIDE, SIDE, 3)),
        "photo_input": "image",
        "inputs": {"image": "a photo"},
        "outputs": {"logits": scores},
    }
    return Description(**(facts | changes))


def described(content: bytes, kind: str, found: Description) -> bytes:
    enclosure = FORMATS[kind].describe(content, found)
    return enclosure.before + content + enclosure.behind


@pytest.fixture(scope="module")
def contents() -> dict[str, bytes]:
    return {kind: float_files.converted(network(), kind) for kind in FORMATS}


@pytest.fixture(scope="module")
def int8(contents: dict[str, bytes]) -> bytes:
    """A .tflite in int8 that takes the bytes of photos."""
    activations = flatbuffer.activations(flatbuffer.read(contents["tflite"])).values()
    ranges = Ranges(by_tensor=dict.fromkeys(activations, (-4.0, 4.0)), observer="tests")
    camera = {"image": (-1.0, 1.0)}
    plan = QuantizationPlan(scheme=INT8, io=Io.UINT8, ranges=ranges, input_ranges=camera)
    return FORMATS["tflite"].quantize(contents["tflite"], plan, {})


@pytest.mark.parametrize("kind", FORMATS)
def test_a_described_file_computes_the_same_bit_for_bit(kind: str, contents: dict[str, bytes], tmp_path: Path) -> None:
    image = {"image": np.random.default_rng(0).normal(size=(1, SIDE, SIDE, 3)).astype(np.float32)}
    outputs = []
    for name, content in (("plain", contents[kind]), ("described", described(contents[kind], kind, description()))):
        path = tmp_path / f"{name}.{kind}"
        path.write_bytes(content)
        session = FORMATS[kind].open(path)
        outputs.append((session.inputs, session.outputs, session.run(image)["logits"].tobytes()))
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize("kind", FORMATS)
def test_equal_descriptions_give_equal_bytes_around_those_of_the_file(kind: str, contents: dict[str, bytes]) -> None:
    first, second = (described(contents[kind], kind, description()) for _ in range(2))
    assert first == second
    assert contents[kind] in first
    assert len(first) > len(contents[kind])


def test_buffers_stay_where_a_runtime_may_map_them(contents: dict[str, bytes]) -> None:
    content = described(contents["tflite"], "tflite", description())
    before, after = reader.buffers(contents["tflite"]), reader.buffers(content)
    assert [data for _, data in before] == [data for _, data in after[:-1]]
    assert [place % 16 for place, data in after if len(data) >= 16] == [0] * sum(len(data) >= 16 for _, data in after)


def test_texts_and_labels_can_be_read_by_others(contents: dict[str, bytes]) -> None:
    content = described(contents["tflite"], "tflite", description())
    root = reader.model_metadata(content)
    assert [root.text(slot) for slot in (0, 1, 2, 5)] == [
        "net",
        "A network (Somebody, 2020).",
        "0123456789ab",
        "Apache-2.0",
    ]
    (image,), (logits,) = reader.graph(content).tables(2), reader.graph(content).tables(3)
    assert (image.text(0), image.text(1), logits.text(0)) == ("image", "a photo", "logits")
    (file,) = logits.tables(6)
    assert (file.text(0), file.byte(2)) == ("labels.txt", 2)  # TENSOR_AXIS_LABELS
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (entry,) = archive.infolist()
        assert (entry.filename, entry.date_time[0], entry.compress_type) == ("labels.txt", 1980, zipfile.ZIP_STORED)
        assert archive.read("labels.txt").decode() == "".join(f"{name}\n" for name in NAMES)
    # Positions count from the start of the file: those of the directory, in the last 22 bytes, and of the entry in it.
    directory = int.from_bytes(content[-6:-2], "little")
    assert content[directory:].startswith(b"PK\x01\x02")
    assert content[int.from_bytes(content[directory + 42 : directory + 46], "little") :].startswith(b"PK\x03\x04")


@pytest.mark.parametrize("name", conventions.CONVENTIONS)
def test_normalization_turns_bytes_into_what_the_network_takes(name: str, contents: dict[str, bytes]) -> None:
    preprocessing = conventions.preprocessing(name, (SIDE, SIDE, 3))
    (image,) = reader.graph(described(contents["tflite"], "tflite", description(preprocessing))).tables(2)
    mean, deviation = reader.normalization(image)
    photo = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    ordered = photo[..., ::-1] if preprocessing.colours == "BGR" else photo
    values = (ordered - np.float32(mean)) / np.float32(deviation)
    np.testing.assert_allclose(values, preprocessing.normalise(photo), atol=2e-4)
    ends = [image.table(5).floats(slot) for slot in (1, 0)]
    pixels = np.repeat(np.uint8([[[0]], [[255]]]), 3, -1)
    np.testing.assert_allclose(
        np.broadcast_to(np.float32(ends), (2, 3)) if len(ends[0]) == 1 else ends,
        preprocessing.normalise(pixels)[:, 0],
        atol=2e-4,
    )
    # A reader that feeds RGB is refused what it would get wrong.
    assert reader.colours(image) == (0 if name == "caffe" else 1)
    assert ("blue, green, red" in image.text(1)) == (name == "caffe")
    size = image.table(3).table(1).table(1)
    assert (size.uint(0), size.uint(1)) == (SIDE, SIDE)


def test_grey_pictures_are_called_grey() -> None:
    content = float_files.converted(network(1), "tflite")
    grey = conventions.preprocessing("unit", (SIDE, SIDE, 1))
    (image,) = reader.graph(described(content, "tflite", description(grey))).tables(2)
    assert reader.colours(image) == 2
    assert reader.normalization(image) == ([0.0], [255.0])


def test_bytes_of_photos_need_no_normalization(int8: bytes) -> None:
    (image,) = reader.graph(described(int8, "tflite", description())).tables(2)
    assert reader.normalization(image) == ([0.0], [1.0])
    assert reader.colours(image) == 1
    assert (image.table(5).floats(0), image.table(5).floats(1)) == ([255.0], [0.0])


@pytest.mark.parametrize("name", ["unit", "torch"])
def test_bytes_on_another_grid_than_a_photo_s_are_not_called_a_photo(name: str, int8: bytes) -> None:
    other = description(conventions.preprocessing(name, (SIDE, SIDE, 3)))
    (image,) = reader.graph(described(int8, "tflite", other)).tables(2)
    assert reader.colours(image) == 0
    assert reader.normalization(image) != ([0.0], [1.0])


@pytest.mark.parametrize(("scores", "activation"), [(Scores.SOFTMAX, 2), (Scores.PROBABILITIES, 0), (Scores.NONE, 0)])
def test_a_segmenter_is_told_which_activation_is_missing(
    scores: Scores, activation: int, contents: dict[str, bytes]
) -> None:
    outputs = {"logits": OutputDescription(text="", scores=scores, has_labels=True)}
    content = described(contents["tflite"], "tflite", description(task="segmentation", outputs=outputs))
    (custom,) = reader.graph(content).tables(9)
    assert custom.text(0) == "SEGMENTER_METADATA"
    options = custom.data(1)
    assert options[4:8] == b"V001"
    assert reader.Fields.root(options).byte(0) == activation
    assert reader.model_metadata(content).text(7) == "1.5.0"


def test_the_names_of_a_detector_s_classes_belong_to_no_axis(contents: dict[str, bytes]) -> None:
    content = described(contents["tflite"], "tflite", description(outputs={"logits": OutputDescription(text="boxes")}))
    (logits,) = reader.graph(content).tables(3)
    assert logits.tables(6) == []
    assert [file.text(0) for file in reader.model_metadata(content).tables(6)] == ["labels.txt"]


def test_a_vocabulary_has_a_line_for_each_number() -> None:
    ids = keras.Input((4,), dtype="int32", name="ids")
    model = keras.Model(ids, layers.Flatten(name="out")(layers.Embedding(3, 2)(ids)))
    facts: dict[str, Any] = {"labels": (), "preprocessing": None, "photo_input": "", "outputs": {}}
    content = described(
        float_files.converted(model, "tflite"), "tflite", description(word_pieces=("[CLS]", "a", "##b"), **facts)
    )
    (unit,) = reader.graph(content).tables(5)
    assert unit.byte(0) == 4  # BertTokenizerOptions
    (file,) = unit.table(1).tables(0)
    assert (file.text(0), file.byte(2)) == ("vocab.txt", 5)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("vocab.txt") == b"[CLS]\na\n##b\n"


def test_other_metadata_of_a_tflite_stay(contents: dict[str, bytes]) -> None:
    model = flatbuffer.read(contents["tflite"])
    flatbuffer.add_metadata(model, "zoo.length", b"12")
    before = reader.entries(flatbuffer.write(model))
    after = reader.entries(described(flatbuffer.write(model), "tflite", description()))
    assert before.items() < after.items()
    assert after.keys() - before.keys() == {"TFLITE_METADATA"}


def test_an_onnx_states_its_facts_beside_those_it_had(contents: dict[str, bytes], tmp_path: Path) -> None:
    proto: Any = onnx.load_from_string(contents["onnx"])
    proto.metadata_props.add(key="zoo.length", value="12")
    path = tmp_path / "net.onnx"
    path.write_bytes(described(proto.SerializeToString(), "onnx", description(producer_version="0.1.0")))
    found: Any = onnx.load(str(path))
    onnx.checker.check_model(found)
    assert (found.producer_name, found.producer_version) == ("zoo-export", "0.1.0")
    facts = onnxruntime.InferenceSession(str(path)).get_modelmeta()
    assert facts.description == "A network (Somebody, 2020)."
    stored = facts.custom_metadata_map
    assert stored["zoo.length"] == "12"
    assert json.loads(stored["zoo.labels"]) == list(NAMES)
    assert (stored["zoo.task"], stored["model_license"]) == ("classification", "Apache-2.0")
    assert Preprocessing.from_record(
        {key: value for key, value in json.loads(stored["zoo.preprocessing"]).items() if key != "input"}
    ) == conventions.preprocessing("tf", (SIDE, SIDE, 3))
    assert (stored["Image.BitmapPixelFormat"], stored["Image.NominalPixelRange"]) == ("Rgb8", "Normalized_1_1")


@pytest.mark.parametrize(
    ("name", "stated"), [("raw", "NominalRange_0_255"), ("unit", "Normalized_0_1"), ("torch", None)]
)
def test_the_range_of_pixels_is_stated_where_onnx_has_a_word_for_it(name: str, stated: str | None) -> None:
    found = description(conventions.preprocessing(name, (SIDE, SIDE, 3)))
    proto = onnx.ModelProto.FromString(FORMATS["onnx"].describe(b"", found).behind)
    assert {one.key: one.value for one in proto.metadata_props}.get("Image.NominalPixelRange") == stated
    assert len({one.key for one in proto.metadata_props}) == len(proto.metadata_props)


@pytest.mark.parametrize("kind", FORMATS)
def test_what_a_file_says_is_read_back(kind: str, contents: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / f"net.{kind}"
    path.write_bytes(described(contents[kind], kind, description()))
    facts = FORMATS[kind].metadata(path)
    assert facts["description"] == "A network (Somebody, 2020)."
    assert (facts["licence"], facts["version"]) == ("Apache-2.0", "0123456789ab")
    assert facts["labels"] == list(NAMES)
    path.write_bytes(contents[kind])
    assert "labels" not in FORMATS[kind].metadata(path)
