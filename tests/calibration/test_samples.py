from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from calibration.samples import Samples
from calibration.store import ArrayFile
from zoo.errors import OutsideError


def samples() -> Samples:
    generator = np.random.default_rng(0)
    return Samples(
        inputs={
            "a/b:0": generator.normal(size=(5, 3)).astype(np.float32),
            "../ids": np.arange(5, dtype=np.int32),
            "photo": np.zeros((5, 2, 2, 3), np.float32),
        },
        source="made here",
        seed=7,
        labels=np.arange(5),
        photo_input="photo",
        photos=generator.integers(0, 255, (5, 2, 2, 3), np.uint8),
        preprocessing={"scale": [1.0]},
        warnings=("one file skipped",),
    )


def test_saved_samples_come_back_equal_and_mapped_read_only(tmp_path: Path) -> None:
    original = samples()
    mapped = original.save(tmp_path / "s")
    assert list(mapped.inputs) == list(original.inputs)
    for name, values in original.inputs.items():
        np.testing.assert_array_equal(mapped.inputs[name], values)
        assert isinstance(mapped.inputs[name], np.memmap)
        assert not mapped.inputs[name].flags.writeable
    assert mapped.photos is not None
    assert mapped.labels is not None
    np.testing.assert_array_equal(mapped.photos, original.photos)
    np.testing.assert_array_equal(mapped.labels, original.labels)
    assert mapped.photo_input == "photo"
    assert mapped.record() == original.record()


def test_photos_of_no_input_are_refused() -> None:
    photos = np.zeros((2, 2, 2, 3), np.uint8)
    with pytest.raises(ValueError, match="the photos belong to the input None"):
        Samples(inputs={"x": np.zeros((2, 2, 2, 3))}, photos=photos, source="plain", seed=0)


def test_input_names_cannot_write_outside_the_folder(tmp_path: Path) -> None:
    samples().save(tmp_path / "deep" / "s")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["s"]


def test_samples_can_be_saved_to_the_folder_they_are_mapped_from(tmp_path: Path) -> None:
    mapped = samples().save(tmp_path).save(tmp_path)
    assert mapped.record() == samples().record()
    np.testing.assert_array_equal(mapped.inputs["a/b:0"], samples().inputs["a/b:0"])


def test_saving_removes_samples_of_an_earlier_run(tmp_path: Path) -> None:
    samples().save(tmp_path)
    plain = Samples(inputs={"x": np.zeros((2, 1))}, source="plain", seed=0).save(tmp_path)
    assert plain.photos is None
    assert plain.labels is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["input-0.npy", "samples.json"]


def test_digests_are_sha256_of_the_bytes_in_order() -> None:
    one = samples()
    expected = tuple(
        hashlib.sha256(b"".join(one.inputs[name][i].tobytes() for name in ("a/b:0", "../ids", "photo"))).hexdigest()
        for i in range(5)
    )
    assert one.digests == expected
    assert one.digest == hashlib.sha256("".join(expected).encode()).hexdigest()


def test_a_changed_sample_changes_the_digest() -> None:
    one = samples()
    ids = one.inputs["../ids"].copy()
    ids[3] += 1
    two = one.with_inputs({**one.inputs, "../ids": ids})
    assert [index for index in range(5) if one.digests[index] != two.digests[index]] == [3]
    assert one.digest != two.digest


def test_samples_at_other_positions_have_their_own_digests() -> None:
    taken = samples().take(np.array([4, 1]))
    assert taken.digests == (samples().digests[4], samples().digests[1])
    assert taken.digests == Samples(inputs=taken.inputs, source="computed", seed=0).digests


def test_a_pickle_in_place_of_an_array_is_not_loaded(tmp_path: Path) -> None:
    samples().save(tmp_path)
    np.save(tmp_path / "input-0.npy", np.array([{"a": 1}] * 5), allow_pickle=True)
    with pytest.raises(ValueError, match=r"[Pp]ickle|[Pp]ython objects"):
        Samples.load(tmp_path)


def test_a_child_process_loads_samples_without_tensorflow_and_image_libraries(tmp_path: Path) -> None:
    original = samples().save(tmp_path)
    program = (
        "import json, sys; from pathlib import Path; from calibration.samples import Samples\n"
        "s = Samples.load(Path(sys.argv[1]))\n"
        "loaded = {'tensorflow', 'keras', 'skimage', 'PIL', 'export'} & set(sys.modules)\n"
        "print(json.dumps([s.record(), sorted(loaded)]))"
    )
    root = Path(__file__).parents[2]
    child = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], check=True, capture_output=True, text=True, cwd=root
    )
    record, loaded = json.loads(child.stdout)
    assert record == original.record()
    assert loaded == []


@pytest.mark.parametrize("rows", [1, 9, 10, 12345])
@pytest.mark.parametrize("shape", [(), (3,), (1, 2, 2)])
def test_an_array_written_row_by_row_is_read_back_equal(tmp_path: Path, rows: int, shape: tuple[int, ...]) -> None:
    expected = np.arange(rows * int(np.prod(shape)), dtype=np.float32).reshape(rows, *shape)
    file = ArrayFile(tmp_path / "a.npy", shape, "float32")
    for row in expected:
        file.append(row)
    file.close()
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), expected)


@pytest.mark.parametrize("rows", [1, 5000])
def test_a_full_disk_raises_outside_error(rows: int) -> None:
    def write() -> None:
        file = ArrayFile(Path("/dev/full"), (1000,), "float32")
        for _ in range(rows):
            file.append(np.zeros(1000, np.float32))
        file.close()

    with pytest.raises(OutsideError, match="No space left"):
        write()


def test_a_row_of_another_shape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="shape"):
        ArrayFile(tmp_path / "a.npy", (2, 3), "float32").append(np.zeros((3, 2), np.float32))
