"""MediaPipe Tasks read the metadata of exported files: they name the classes that `zoo run` names."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops
from PIL import Image
from tokenizers import BertWordPieceTokenizer

from benchmarks.peers import environment
from export.bundle.read import Delivered, read
from export.cli.main import main
from export.formats import FORMATS
from export.formats.enclosure import Enclosure
from export.model.description import Description
from export.pipeline import run
from export.recipe import Io, Recipe
from export.scheme import FLOAT32, INT8
from zoo.language.tokenizer import Tokenizer

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parents[1] / "build" / "runtimes"
PHOTOS = HERE.parent / "data" / "fashion_mnist_500.npz"
COUNT = 20
PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "cat", "sat", "on", "mat", "##s", "##ting", ",", "!", "dog", "a")
TEXTS = ("The cat sat on the mat!", "cats, sitting dogs", "A dog on a zebra")
LENGTH = 12


def mediapipe(task: str, path: Path, *given: str | Path) -> Any:
    """Return what MediaPipe finds, in its own environment."""
    python = environment.interpreter("mediapipe", ENVIRONMENTS)
    command = [str(word) for word in (python, HERE / "run_mediapipe.py", task, path, *given)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def exported(tmp_path: Path, model: str, **settings: Any) -> Delivered:
    delivery = run(Recipe(model=model, formats=("tflite",), out=tmp_path / "artifacts", **settings))
    assert delivery.passed
    assert delivery.folder is not None
    return read(delivery.folder)


def clothes(folder: Path) -> list[Path]:
    """Write photos of clothes that no weights were trained on."""
    paths = [folder / f"{number}.png" for number in range(COUNT)]
    with np.load(PHOTOS) as arrays:
        for path, photo in zip(paths, arrays["photos"], strict=False):
            Image.fromarray(photo[..., 0]).convert("RGB").save(path)
    return paths


def fitted(delivered: Delivered, photos: list[Path]) -> list[Path]:
    """Write photos as large as the input, so that no two ways of resizing are compared."""
    assert delivered.preprocessing is not None
    paths = [delivered.folder.parent / f"fitted-{path.stem}.png" for path in photos]
    for path, photo in zip(paths, photos, strict=True):
        Image.fromarray(delivered.preprocessing.photo(Image.open(photo))).save(path)
    return paths


def named(delivered: Delivered, file: Path, photos: list[Path], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the classes that `zoo run` names."""
    capsys.readouterr()
    given = [str(photo) for photo in photos]
    assert main(["run", str(delivered.folder), *given, "--file", file.name, "--top", "1", "--json"]) == 0
    return [one["guesses"][0]["name"] for one in json.loads(capsys.readouterr().out)["answers"]]


@pytest.mark.large
@pytest.mark.parametrize("model", ["mobilenet", "mlperf_resnet8", "mlperf_vww"])
def test_mediapipe_names_the_classes_that_zoo_run_names(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    delivered = exported(tmp_path, model, weights="tiny", schemes=(FLOAT32, INT8))
    photos = clothes(tmp_path)
    assert [file.takes_camera_bytes for file in delivered.files] == [False, True]
    for file in delivered.files:
        expected = named(delivered, file.path, photos, capsys)
        assert len(set(expected)) > 3
        found = mediapipe("classify", file.path, *fitted(delivered, photos))
        assert [one["name"] for one in found] == expected


REFUSED = [
    ("resnet50", "BGR", "Only RGB color space is supported"),
    ("mobilenet_v2", "RGB", "Per-channel image normalization is not available"),
    ("lenet5", "GRAY", "Expect .*channels = 3|Only RGB color space is supported"),
]


@pytest.mark.large
@pytest.mark.parametrize(("model", "colours", "reason"), REFUSED)
def test_mediapipe_refuses_what_it_cannot_feed(model: str, colours: str, reason: str, tmp_path: Path) -> None:
    delivered = exported(tmp_path, model, weights="tiny", schemes=(FLOAT32,))
    assert delivered.preprocessing is not None
    assert delivered.preprocessing.colours == colours
    with pytest.raises(AssertionError, match=reason):
        mediapipe("classify", delivered.files[0].path, *clothes(tmp_path))


@pytest.mark.large
def test_mediapipe_segments_as_the_file_does(tmp_path: Path) -> None:
    options = {"channels": 3, "resolution": 64, "width": 8}
    delivered = exported(tmp_path, "unet", weights="random", options=options, schemes=(FLOAT32,))
    (file,), preprocessing = delivered.files, delivered.preprocessing
    assert preprocessing is not None
    (photo,) = fitted(delivered, clothes(tmp_path)[:1])
    logits = (
        FORMATS["tflite"]
        .open(file.path)
        .run({"image": preprocessing.normalise(np.asarray(Image.open(photo))[None])})["logits"][0]
    )
    found = mediapipe("segment", file.path, photo)
    assert found["labels"] == ["background", "cell"]
    assert len(np.unique(found["masks"][0])) == 2
    np.testing.assert_array_equal(found["masks"][0], logits.argmax(-1))
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(np.moveaxis(found["confidences"][0], 0, -1), shares, atol=1e-5)


@pytest.mark.large
def test_mediapipe_embeds_texts_as_the_tokenizer_and_the_file_do(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    names = ("ids", "mask", "segment_ids")
    given = {name: keras.Input((LENGTH,), dtype="int32", name=name) for name in names}
    pieces = layers.Embedding(len(PIECES), 6)(given["ids"]) + layers.Embedding(2, 6)(given["segment_ids"])
    pieces *= ops.cast(given["mask"], "float32")[..., None] * ops.arange(1.0, LENGTH + 1)[:, None]
    model = keras.Model(list(given.values()), layers.Identity(name="features")(ops.sum(pieces, axis=1)), name="texts")
    content = FORMATS["tflite"].convert(model)
    found: Enclosure = FORMATS["tflite"].describe(content, Description(name="texts", text="Texts.", word_pieces=PIECES))
    path = tmp_path / "texts.tflite"
    path.write_bytes(found.before + content + found.behind)
    wordpiece = BertWordPieceTokenizer(vocab={piece: number for number, piece in enumerate(PIECES)}, lowercase=True)
    tokenizer, session = Tokenizer(wordpiece.to_str().encode()), FORMATS["tflite"].open(path)
    expected = []
    for text in TEXTS:
        encoded = tokenizer.encode(text, LENGTH)
        assert len(set(encoded.ids.tolist())) > 5
        values = (encoded.ids, encoded.mask, encoded.segments)
        inputs = {name: value[None].astype(np.int32) for name, value in zip(names, values, strict=True)}
        expected.append(session.run(inputs)["features"][0])
    np.testing.assert_allclose(mediapipe("embed", path, *TEXTS), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.imagenet
def test_mediapipe_names_twenty_photos_of_imagenet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if "ZOO_IMAGENET_SAMPLE" not in os.environ:
        pytest.fail("set ZOO_IMAGENET_SAMPLE to a folder with labels.csv and images/")
    photos = sorted((Path(os.environ["ZOO_IMAGENET_SAMPLE"]) / "images").iterdir())
    photos = photos[:: len(photos) // COUNT][:COUNT]
    delivered = exported(tmp_path, "mobilenet", schemes=(FLOAT32, INT8), io=Io.UINT8)
    ways = {
        "whole photos": ("classify", photos),
        "squares in the middle": ("crop", photos),
        "resized as zoo run does": ("classify", fitted(delivered, photos)),
    }
    for file in delivered.files:
        expected = named(delivered, file.path, photos, capsys)
        found = {way: mediapipe(task, file.path, *given) for way, (task, given) in ways.items()}
        same = {
            way: sum(one["name"] == name for one, name in zip(classes, expected, strict=True))
            for way, classes in found.items()
        }
        with capsys.disabled():
            print(f"\n{file.path.name}: of {COUNT} photos the same class: {same}")
        assert same["resized as zoo run does"] == COUNT
