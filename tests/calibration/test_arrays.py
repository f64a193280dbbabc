from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.inputs import InputSpec
from calibration.sources import array_rows
from calibration.sources.arrays import row_count
from calibration.store import Draw
from zoo.errors import UsageProblemError
from zoo.inputs import Photo
from zoo.preprocessing import Preprocessing

Pull = Callable[..., Draw]
Array = NDArray[Any]


def floats(count: int = 12, channels: int = 3, seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(-1, 1, (count, 16, 16, channels)).astype(np.float32)


def texts(count: int = 20) -> dict[str, Array]:
    generator = np.random.default_rng(0)
    return {"tokens": generator.integers(0, 999, (count, 5)), "mask": generator.random((count, 5))}


def test_rows_are_distributed_to_both_sets_unchanged(pull: Pull, tmp_path: Path) -> None:
    values = floats()
    np.save(tmp_path / "a.npy", values)
    drawn = pull(tmp_path / "a.npy")
    assert (len(drawn.calibration), len(drawn.probe)) == (6, 4)
    rows = {row.tobytes() for row in values}
    taken = [row.tobytes() for s in (drawn.calibration, drawn.probe) for row in np.asarray(s.inputs["image"])]
    assert len(set(taken)) == 10
    assert set(taken) <= rows
    assert drawn.probe.photos is None


def test_the_seed_selects_rows_of_a_large_array(pull: Pull, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", floats(300))
    one, same, other = (pull(tmp_path / "a.npy", seed=seed, work=tmp_path / str(i)) for i, seed in enumerate((1, 1, 2)))
    assert one.calibration.digest == same.calibration.digest != other.calibration.digest


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_several_inputs_stay_aligned(
    pull: Pull, tmp_path: Path, two_inputs: dict[str, InputSpec], save: Callable[..., None]
) -> None:
    arrays = texts()
    save(tmp_path / "a.npz", **arrays, more=np.zeros(3))
    drawn = pull(tmp_path / "a.npz", inputs=two_inputs, contracts={})
    assert list(drawn.probe.inputs) == ["tokens", "mask"]
    assert drawn.probe.inputs["tokens"].dtype == np.int32
    for samples in (drawn.calibration, drawn.probe):
        for sample in samples:
            (row,) = np.flatnonzero((arrays["tokens"] == sample["tokens"][0]).all(axis=1))
            np.testing.assert_array_equal(sample["mask"][0], arrays["mask"][row].astype(np.float32))


@pytest.mark.parametrize("save", [np.save, np.savez])
def test_rows_of_an_array_stored_by_columns_are_the_same(pull: Pull, tmp_path: Path, save: Callable[..., None]) -> None:
    drawn = []
    for name, values in {"rows": floats(), "columns": np.asfortranarray(floats())}.items():
        path = tmp_path / f"{name}.{'npy' if save is np.save else 'npz'}"
        save(path, values)
        drawn.append(pull(path, work=tmp_path / name))
    assert drawn[0].calibration.digest == drawn[1].calibration.digest
    assert drawn[0].probe.digest == drawn[1].probe.digest


def test_a_large_array_stored_by_columns_is_refused(
    pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(array_rows, "MAX_COLUMN_BYTES", floats().nbytes - 1)
    np.save(tmp_path / "a.npy", np.asfortranarray(floats()))
    with pytest.raises(UsageProblemError, match="ascontiguousarray"):
        pull(tmp_path / "a.npy")


def test_the_only_array_may_have_any_name(pull: Pull, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=floats())
    assert len(pull(tmp_path / "a.npz").calibration) == 6


def test_uint8_photos_are_preprocessed(pull: Pull, tmp_path: Path, preprocessing: Preprocessing) -> None:
    photos = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3), np.uint8)
    np.save(tmp_path / "a.npy", photos)
    probe = pull(tmp_path / "a.npy").probe
    assert probe.photos is not None
    np.testing.assert_array_equal(probe.inputs["image"], preprocessing.normalise(np.asarray(probe.photos)))
    assert {photo.tobytes() for photo in np.asarray(probe.photos)} <= {photo.tobytes() for photo in photos}


def test_grey_photos_may_omit_the_channel_axis(pull: Pull, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.random.default_rng(0).integers(0, 256, (9, 28, 28), np.uint8))
    grey = Preprocessing(height=28, width=28, colours="GRAY", scale=(1 / 255,))
    drawn = pull(
        tmp_path / "a.npy", inputs={"x": InputSpec(shape=(28, 28, 1))}, contracts={"x": Photo(preprocessing=grey)}
    )
    assert drawn.probe.inputs["x"].shape[1:] == (28, 28, 1)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"tokens": texts()["tokens"]}, "no array named 'mask'"),
        (texts() | {"mask": np.zeros((19, 5))}, "tokens: 20, mask: 19"),
        (texts() | {"mask": np.zeros((20, 6))}, r"'mask' has the shape \(N, 6\), but .* float32 \(N, 5\)"),
        (texts() | {"mask": np.zeros(20)}, "'mask' has the shape"),
        (texts() | {"tokens": np.zeros((20, 5))}, "'tokens' is float64, but the model takes int32"),
        (texts() | {"tokens": np.full((20, 5), 2**40)}, "do not fit into int32"),
        (texts() | {"mask": np.full((20, 5), np.nan)}, "NaN"),
        (texts() | {"mask": np.zeros((20, 5), np.uint8)}, "--preprocessing"),
        (texts() | {"mask": np.full((20, 5), "x")}, "not numbers"),
        (texts() | {"mask": np.zeros((20, 5), complex)}, "not numbers"),
        ({"tokens": np.zeros((0, 5), np.int32), "mask": np.zeros((0, 5))}, "no rows"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_one_sentence(
    pull: Pull, tmp_path: Path, two_inputs: dict[str, InputSpec], arrays: dict[str, Array], message: str
) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(UsageProblemError, match=message) as caught:
        pull(tmp_path / "a.npz", inputs=two_inputs, contracts={})
    assert "\n" not in str(caught.value)


def test_an_npy_for_a_model_with_two_inputs_is_refused(
    pull: Pull, tmp_path: Path, two_inputs: dict[str, InputSpec]
) -> None:
    np.save(tmp_path / "a.npy", np.zeros((9, 5)))
    with pytest.raises(UsageProblemError, match="npz"):
        pull(tmp_path / "a.npy", inputs=two_inputs)


def test_photos_from_another_preprocessing_are_refused(pull: Pull, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", (floats() + 1) * 127.5)
    with pytest.raises(UsageProblemError, match=r"ranges from .* gives -1 to 1"):
        pull(tmp_path / "a.npy")


def test_photos_with_a_narrow_value_range_give_a_warning(pull: Pull, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", (floats(40) + 1) / 2)
    assert "another preprocessing" in pull(tmp_path / "a.npy", calibration_count=20).probe.warnings[0]
    np.save(tmp_path / "b.npy", floats(40))
    assert pull(tmp_path / "b.npy", calibration_count=20, work=tmp_path / "b").probe.warnings == ()


def test_objects_are_never_unpickled(pull: Pull, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "sprung",)

    np.save(tmp_path / "a.npy", np.array([Trap()] * 4), allow_pickle=True)
    np.savez(tmp_path / "a.npz", image=np.array([Trap()] * 4))
    for name in ("a.npy", "a.npz"):
        with pytest.raises(UsageProblemError, match="not numbers"):
            pull(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "b.npz"])
def test_a_truncated_file_is_refused(pull: Pull, tmp_path: Path, name: str) -> None:
    np.save(tmp_path / "a.npy", floats())
    np.savez(tmp_path / "a.npz", image=floats())
    np.savez_compressed(tmp_path / "b.npz", image=floats())
    content = (tmp_path / name).read_bytes()
    for kept in (0, 5, 60, 200, len(content) // 2, len(content) - 1000):
        (tmp_path / name).write_bytes(content[:kept])
        with pytest.raises(UsageProblemError, match=name):
            pull(tmp_path / name, calibration_count=100)


def test_bytes_damaged_inside_an_npz_are_refused(pull: Pull, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", image=floats())
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        middle = archive.getinfo("image.npy").header_offset + 4000
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[middle] ^= 1
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(UsageProblemError, match="damaged or truncated"):
        pull(tmp_path / "a.npz", calibration_count=100)


def test_a_repeated_row_is_never_in_both_sets(pull: Pull, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.repeat(floats(8), 3, axis=0))
    drawn = pull(tmp_path / "a.npy", calibration_count=10, probe_count=10)
    assert not set(drawn.calibration.digests) & set(drawn.probe.digests)
    assert "repeated" in drawn.probe.warnings[0]


def test_rows_that_are_all_equal_are_refused(pull: Pull, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.repeat(floats(1), 9, axis=0))
    with pytest.raises(UsageProblemError, match="different samples"):
        pull(tmp_path / "a.npy")


def test_values_without_rows_do_not_count_as_rows(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", image=np.zeros((7, 3)), seed=np.array(4), names=np.array(["a", "b"]))
    assert row_count(tmp_path / "rows.npz") == 7
    (tmp_path / "rows.npz").rename(tmp_path / "rows.NPZ")
    assert row_count(tmp_path / "rows.NPZ") == 7
