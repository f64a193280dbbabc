"""PyTorch state dicts are read as data: what is not a plain tensor in a plain storage is refused, and nothing runs."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.zoo.torch_files import FORMATS, NUMBERS, TENSOR, Tensor, legacy_head, pickled, plain, write
from zoo.weights import readers
from zoo.weights.readers import plain_pickle


def read(path: Path) -> dict[str, np.ndarray]:
    return readers.read("torch_state", [path])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.pth"


@pytest.mark.parametrize("form", FORMATS)
def test_tensors_are_read_by_name(form: str, path: Path) -> None:
    steps = np.array([7], np.int64)
    tensors = [
        Tensor(),
        Tensor(name="turned", shape=(4, 3), strides=(1, 4), offset=12),
        Tensor(name="steps", key="1", kind="torch LongStorage", count=1, shape=(), strides=()),
        Tensor(name="half", key="2", kind="torch HalfStorage", count=24, shape=(24,), strides=(1,)),
    ]
    storages = [("0", NUMBERS), ("1", steps), ("2", NUMBERS.astype(np.float16))]
    found = read(write(path, form, tensors, storages))
    assert list(found) == ["layer.weight", "turned", "steps", "half"]
    assert np.array_equal(found["layer.weight"], NUMBERS.reshape(2, 3, 4))
    assert np.array_equal(found["turned"], NUMBERS[12:].reshape(3, 4).T)
    assert (found["steps"].shape, found["steps"].dtype, int(found["steps"])) == ((), np.int64, 7)
    assert np.array_equal(found["half"], NUMBERS.astype(np.float16))


# Code that a pickle can run when it is loaded: each would leave a file behind.
ATTACKS = {
    "a call of the shell": b"cposix\nsystem\n(" + plain("touch ran") + b"tR.",
    "a call of the shell, by its other name": b"cos\nsystem\n(" + plain("touch ran") + b"tR.",
    "an evaluation": b"cbuiltins\neval\n(" + plain("open('ran', 'w')") + b"tR.",
    "an old call": b"(" + plain("touch ran") + b"ios\nsystem\n.",
    "a new object": b"csubprocess\nPopen\n(" + plain("touch ran") + b"t\x81.",
    "a name from the stack": plain("os") + plain("system") + b"\x93(" + plain("touch ran") + b"tR.",
    "an extension": b"\x82\x01(" + plain("touch ran") + b"tR.",
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("where", ["alone", "as a value", "as attributes"])
def test_a_pickle_that_would_run_something_is_refused_and_does_not_run(
    where: str, form: str, attack: str, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    good, code = pickled(Tensor(), legacy=form == "legacy"), ATTACKS[attack].removesuffix(b".")
    content = {
        "alone": b"\x80\x02" + code + b".",
        "as a value": good.removesuffix(b".") + plain("evil") + code + b"s.",
        "as attributes": good.removesuffix(b".") + code + b"b.",
    }[where]
    with pytest.raises(ValueError, match=r"state\.pth is not a PyTorch state dict that can be read safely"):
        read(write(path, form, content=content))
    assert [file.name for file in tmp_path.iterdir()] == ["state.pth"]


def test_the_error_contains_the_forbidden_name(path: Path) -> None:
    with pytest.raises(ValueError, match=r"names os\.system, which a state dict does not need"):
        read(write(path, "zip", content=b"\x80\x02" + ATTACKS["a call of the shell, by its other name"]))


OUTSIDE = {
    "offset": {"offset": 1},
    "negative offset": {"offset": -1},
    "shape": {"shape": (2, 3, 5)},
    "stride": {"strides": (12, 5, 1)},
    "negative stride": {"strides": (12, 4, -1)},
    "a number repeated without end": {"shape": (2**40,), "strides": (0,)},
    "an overflow": {"shape": (2**32, 2**32), "strides": (2**33, 1)},
    "no numbers": {"shape": (0, 3), "strides": (3, 1)},
    "fewer strides": {"strides": (12, 4)},
    "a truth as a number": {"offset": True, "shape": (2,), "strides": (1,)},
    "a text as a shape": {"shape": "222"},
    "a text as a side": {"shape": (2, 3, "4")},
    "a number of numbers that is not one": {"count": "24"},
    "another kind of storage": {"kind": TENSOR},
    "another call": {"call": "torch LongStorage"},
}


@pytest.mark.parametrize("wrong", OUTSIDE)
@pytest.mark.parametrize("form", FORMATS)
def test_a_tensor_that_exceeds_its_storage_is_refused(form: str, wrong: str, path: Path) -> None:
    with pytest.raises(ValueError, match=r"layer\.weight (is no tensor|has no valid position|exceeds its storage)"):
        read(write(path, form, [replace(Tensor(), **OUTSIDE[wrong])]))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("tensors", "storages", "words"),
    [
        ([Tensor(count=25)], [("0", NUMBERS)], "another length|has 96 bytes, not 100"),
        ([Tensor(count=20, shape=(20,), strides=(1,))], [("0", NUMBERS)], "another length|has 96 bytes, not 80"),
        ([Tensor(count=2**40)], [("0", NUMBERS)], "longer than the file"),
        ([Tensor(), Tensor(name="b", kind="torch LongStorage")], [("0", NUMBERS)], "describes its storage differently"),
        ([Tensor()], [("1", NUMBERS)], "no plain a/data/0|not that of its tensors"),
        ([Tensor(), Tensor(name="b", key="1")], [("0", NUMBERS)], "no plain a/data/1|not that of its tensors"),
    ],
    ids=["shorter", "longer", "endless", "of two kinds", "absent", "one absent"],
)
def test_a_storage_that_contradicts_its_tensors_is_refused(
    form: str, tensors: list[Tensor], storages: list[tuple[str, np.ndarray]], words: str, path: Path
) -> None:
    with pytest.raises(ValueError, match=words):
        read(write(path, form, tensors, storages))


@pytest.mark.parametrize("form", FORMATS)
def test_a_truncated_file_is_refused_wherever_it_ends(form: str, path: Path) -> None:
    whole = write(path, form).read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"state\.pth"):
            read(path)


@pytest.mark.parametrize("form", FORMATS)
def test_a_damaged_file_gives_tensors_or_is_refused(form: str, path: Path) -> None:
    whole = write(path, form).read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), rng.integers(1, 4)):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            found = read(path)
        except ValueError:
            refused += 1
        else:
            assert all(array.size <= 24 for array in found.values())
    assert refused > 30


def test_numbers_of_another_byte_order_are_refused(path: Path) -> None:
    whole = write(path, "legacy").read_bytes()
    path.write_bytes(legacy_head(little=False) + whole.removeprefix(legacy_head()))
    with pytest.raises(ValueError, match="not little-endian"):
        read(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", pickled(Tensor()))
        archive.writestr("a/byteorder", b"big")
    with pytest.raises(ValueError, match="not little-endian"):
        read(path)


def test_a_compressed_archive_is_refused(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", pickled(Tensor()))
        archive.writestr("a/data/0", bytes(96))
    with pytest.raises(ValueError, match=r"no plain a/data\.pkl"):
        read(path)


def test_a_key_with_a_path_reads_no_other_file(path: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(NUMBERS.tobytes())
    with pytest.raises(ValueError, match="no plain"):
        read(write(path, "zip", [Tensor(key="../../other")], [("0", NUMBERS)]))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["other", "state.pth"]


def test_keys_that_are_costly_to_hash_are_refused() -> None:
    nest = b")" + b"q\x00h\x00\x86" * 20  # a tuple of itself twice, 20 deep: 2^20 steps to hash
    with pytest.raises(ValueError, match="makes no sense"):
        plain_pickle.read(io.BytesIO(b"\x80\x02}" + nest + b"Ns."))
