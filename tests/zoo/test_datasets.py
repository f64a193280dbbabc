"""Data sets with names: every file is believed by its digest, and two containers of the same pictures give the same."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo import class_names, datasets
from zoo.datasets import cifar
from zoo.datasets.idx import IdxFile, reader
from zoo.errors import OutsideError, UsageProblemError
from zoo.weights import sources

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("name", datasets.DATA_SETS)
def test_every_data_set_has_class_names_and_names_its_authors(name: str) -> None:
    data = datasets.find(name)
    assert len(class_names.read(data.labels)) == 10
    assert data.title
    assert data.licence


def test_an_unknown_data_set_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageProblemError, match="cifar10"):
        datasets.find("cifar")


def idx(array: np.ndarray) -> bytes:
    return struct.pack(">I", 0x800 | array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_files_are_read_packed_or_not(suffix: str, tmp_path: Path) -> None:
    import gzip

    images, labels = RNG.integers(0, 256, (5, 4, 3), np.uint8), np.arange(5, dtype=np.uint8)
    files = {}
    for kind, array in (("images", images), ("labels", labels)):
        content = idx(array)
        (tmp_path / f"{kind}{suffix}").write_bytes(gzip.compress(content) if suffix else content)
        digest = hashlib.sha256(content).hexdigest()
        files["train", kind] = IdxFile(name=f"{kind}{suffix}", sha256=digest, sources=())
    found, classes = reader(files)("train", tmp_path)
    assert np.array_equal(found, images[..., None])
    assert np.array_equal(classes, labels)


def test_idx_files_with_other_bytes_or_damage_or_missing_are_refused(tmp_path: Path) -> None:
    import gzip

    content = idx(np.arange(4, dtype=np.uint8).reshape(1, 2, 2))
    digest = hashlib.sha256(content).hexdigest()
    read = reader({("train", kind): IdxFile(name=kind, sha256=digest, sources=()) for kind in ("images", "labels")})
    for written, words in (
        (content[:-1] + b"\7", "wrong sha256 inside"),
        (gzip.compress(content)[:-9], "images is damaged"),
        (None, "does not hold images"),
    ):
        (tmp_path / "images").unlink(missing_ok=True)
        if written is not None:
            (tmp_path / "images").write_bytes(written)
        with pytest.raises(OutsideError, match=words):
            read("train", tmp_path)


def test_idx_files_are_found_where_a_package_puts_them(tmp_path: Path) -> None:
    images, labels = np.zeros((1, 2, 2), np.uint8), np.ones(1, np.uint8)
    files = {}
    for kind, array in (("images", images), ("labels", labels)):
        (tmp_path / kind).write_bytes(idx(array))
        files["test", kind] = IdxFile(name=kind, sha256=hashlib.sha256(idx(array)).hexdigest(), sources=())
    assert np.array_equal(reader(files, tmp_path)("test", None)[1], labels)


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[np.ndarray, np.ndarray]:
    """CIFAR-10 with two photos in each batch, in both containers, in the cache."""
    monkeypatch.setenv("ZOO_EXPORT_CACHE", str(tmp_path))
    images, labels = RNG.integers(0, 256, (12, 32, 32, 3), np.uint8), RNG.integers(0, 10, 12).astype(np.uint8)
    binary, pictures = tmp_path / "binary", tmp_path / "pictures"
    for folder in (binary, pictures):
        folder.mkdir()
    for index, name in enumerate(cifar._ALL):
        some, classes = images[2 * index : 2 * index + 2], labels[2 * index : 2 * index + 2]
        planes = some.transpose(0, 3, 1, 2).reshape(2, -1)
        (binary / f"{name}.bin").write_bytes(np.concatenate([classes[:, None], planes], axis=1).tobytes())
        Image.fromarray(some.reshape(2, 1024, 3)).save(pictures / f"{name}.png")
    (pictures / "train_lables.json").write_text(json.dumps(labels[:10].tolist()))
    (pictures / "test_lables.json").write_text(json.dumps(labels[10:].tolist()))
    for attribute, folder in (("_AUTHOR", binary), ("_NPM", pictures)):
        source = getattr(cifar, attribute)
        files = [folder / Path(member).name for member in source.members]
        pinned = replace(source, sha256=sources.digest(files, "sha256"))
        folder.rename(tmp_path / pinned.sha256)
        monkeypatch.setattr(cifar, attribute, pinned)
    return images, labels


@pytest.mark.parametrize("missing", ["_AUTHOR", "_NPM"])
def test_cifar_is_the_same_from_either_source(
    missing: str, photos: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    images, labels = photos
    (tmp_path / getattr(cifar, missing).sha256).rename(tmp_path / "away")
    for split, rows in (("train", slice(0, 10)), ("test", slice(10, 12))):
        found, classes = datasets.load("cifar10", split)
        assert np.array_equal(found, images[rows])
        assert np.array_equal(classes, labels[rows])


def test_cifar_in_a_folder_with_other_bytes_is_refused(photos: object, tmp_path: Path) -> None:
    folder = tmp_path / cifar._AUTHOR.sha256
    assert len(datasets.load("cifar10", "train", folder)[0]) == 10
    (folder / "test_batch.bin").write_bytes(b"\0" * 6146)
    with pytest.raises(OutsideError, match="as their author published them"):
        datasets.load("cifar10", "train", folder)
