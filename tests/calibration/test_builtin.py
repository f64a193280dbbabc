from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from calibration.inputs import InputSpec
from calibration.sources import builtin
from calibration.sources.request import Request
from calibration.store import Draw
from zoo.errors import OutsideError, UsageProblemError
from zoo.inputs import Photo
from zoo.preprocessing import Preprocessing

Pull = Callable[..., Draw]
REQUEST = Request(
    inputs={"image": InputSpec(shape=(16, 16, 3))},
    contracts={"image": Photo(preprocessing=Preprocessing(height=16, width=16))},
    counts=(30, 30),
    seed=0,
)


def test_the_built_in_photos_give_both_sets_for_an_image_model(pull: Pull, preprocessing: Preprocessing) -> None:
    drawn = pull(None, calibration_count=20, probe_count=10)
    assert (len(drawn.calibration), len(drawn.probe)) == (20, 10)
    for samples in (drawn.calibration, drawn.probe):
        assert samples.photos is not None
        assert samples.photos.dtype == np.uint8
        assert samples.photos.shape[1:] == (16, 16, 3)
        np.testing.assert_array_equal(samples.inputs["image"], preprocessing.normalise(np.asarray(samples.photos)))
        assert samples.real
        assert samples.preprocessing is not None
        assert Preprocessing.from_record(samples.preprocessing) == preprocessing
        assert builtin.SOURCE in samples.source


def test_crops_depend_only_on_the_seed(pull: Pull, tmp_path: Path) -> None:
    one, same, other = (pull(None, seed=seed, work=tmp_path / str(i)) for i, seed in enumerate((1, 1, 2)))
    assert one.calibration.digest == same.calibration.digest
    assert one.probe.digest == same.probe.digest
    assert not set(one.calibration.digests) & set(other.calibration.digests)


def test_no_photo_is_in_both_sets_or_without_a_free_licence() -> None:
    with builtin.TABLE.open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert {row["file"] for row in rows} == {path.name for path in builtin.FOLDER.iterdir()} - {builtin.TABLE.name}
    assert (
        len({row["source"] for row in rows if "scikit-image" not in row["source"]} | {"scikit-image"}) >= len(rows) - 4
    )
    assert {row["licence"] for row in rows} == {"CC0-1.0", "Public domain"}
    assert all(row["author"] and row["source"].startswith("https://") for row in rows)
    used = [set(builtin.files(use)) for use in builtin.SETS]
    assert not used[0] & used[1]
    assert sum(map(len, used)) == len(rows)


def test_the_photos_are_large_enough_and_all_different() -> None:
    paths = [path for use in builtin.SETS for path in builtin.files(use)]
    small = [np.asarray(photo.convert("L").resize((16, 16)), np.float64) for photo in builtin.photos(paths)]
    assert min(min(Image.open(path).size) for path in paths) >= 150
    for index, one in enumerate(small):
        for other in small[:index]:
            assert np.abs(one - other).mean() > 8  # of 255; two photos of one scene have less


def test_crops_come_from_all_photos_of_their_set(monkeypatch: pytest.MonkeyPatch) -> None:
    order = [path for use in builtin.SETS for path in builtin.files(use)]
    plain = {path: Image.new("RGB", (60, 100), (2 * index,) * 3) for index, path in enumerate(order)}
    monkeypatch.setattr(builtin, "photos", lambda paths: [plain[path] for path in paths])
    crops = builtin.open_builtin(REQUEST).samples
    assert isinstance(crops, tuple)
    for side, use in enumerate(builtin.SETS):
        paths = builtin.files(use)
        found = [sample.photo for sample in islice(crops[side], len(paths))]
        shades = {2 * order.index(path) for path in paths}
        assert {int(value) for photo in found for value in np.unique(photo)} == shades


@pytest.mark.parametrize("shape", [(224, 224), (64, 16), (16, 64)])
def test_crop_boxes_lie_inside_the_photo_and_have_the_input_aspect_ratio(shape: tuple[int, int]) -> None:
    generator = np.random.default_rng(0)
    sizes = []
    for _ in range(300):
        left, top, right, bottom = builtin._box((600, 400), shape, generator, 0.5)
        assert 0 <= left < right <= 600
        assert 0 <= top < bottom <= 400
        np.testing.assert_allclose((right - left) / (bottom - top), shape[0] / shape[1], rtol=0.03)
        sizes.append(max(right - left, bottom - top))
    assert 200 <= min(sizes) < 220
    assert 380 < max(sizes) <= 400


def test_grey_models_get_grey_photos(pull: Pull) -> None:
    grey = Preprocessing(height=28, width=28, colours="GRAY", scale=(1 / 255,), crop_fraction=1.0)
    drawn = pull(None, inputs={"x": InputSpec(shape=(28, 28, 1))}, contracts={"x": Photo(preprocessing=grey)})
    assert drawn.calibration.inputs["x"].shape == (6, 28, 28, 1)
    assert drawn.calibration.photos is not None
    assert drawn.calibration.photos.shape == (6, 28, 28, 1)


def test_an_upright_input_gets_upright_crops(pull: Pull) -> None:
    tall = Preprocessing(height=64, width=16)
    drawn = pull(None, inputs={"x": InputSpec(shape=(64, 16, 3))}, contracts={"x": Photo(preprocessing=tall)})
    assert drawn.probe.inputs["x"].shape == (4, 64, 16, 3)


def test_the_refusal_of_other_models_describes_the_npz_to_give(pull: Pull, two_inputs: dict[str, InputSpec]) -> None:
    arrays = r"--calibration samples\.npz .*tokens: int32 \(N, 5\); mask: float32 \(N, 5\)"
    with pytest.raises(UsageProblemError, match=f"takes no photos.*{arrays}; or add --random-calibration"):
        pull(None, inputs=two_inputs, contracts={})
    with pytest.raises(UsageProblemError, match=r"add --preprocessing raw, .*, or give --calibration samples\.npz"):
        pull(None, contracts={})
    with pytest.raises(UsageProblemError, match="npz"):
        pull(None, inputs={"spectrum": InputSpec(shape=(99, 40, 1))})


@pytest.mark.parametrize("kept", ["nothing", "the table"])
def test_missing_photos_raise_outside_error(
    kept: str, pull: Pull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builtin, "FOLDER", tmp_path / "gone")
    if kept == "nothing":
        monkeypatch.setattr(builtin, "TABLE", tmp_path / "gone" / "photos.csv")
    with pytest.raises(OutsideError, match="install zoo-export again"):
        pull(None)


def test_drawing_loads_neither_tensorflow_nor_scikit_image(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from calibration.inputs import InputSpec\n"
        "from calibration.sources import draw; from zoo.preprocessing import Preprocessing\n"
        "from zoo.inputs import Photo\n"
        "draw(None, inputs={'x': InputSpec(shape=(8, 8, 3))}, work=Path(sys.argv[1]),\n"
        "     contracts={'x': Photo(preprocessing=Preprocessing(height=8, width=8))},\n"
        "     calibration_count=2, probe_count=2, seed=0)\n"
        "assert not {'tensorflow', 'keras', 'skimage', 'export'} & set(sys.modules)"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, cwd=root)


def test_random_noise_is_recorded_as_not_real(pull: Pull, tmp_path: Path, two_inputs: dict[str, InputSpec]) -> None:
    drawn = pull(None, random_calibration=True)
    assert not drawn.calibration.real
    assert not drawn.probe.real
    assert drawn.calibration.source == "random noise: sizes and speed only"
    assert drawn.calibration.inputs["image"].min() < -0.9
    assert drawn.calibration.inputs["image"].max() > 0.9
    other = pull(None, random_calibration=True, inputs=two_inputs, contracts={}, work=tmp_path / "two")
    assert other.calibration.inputs["tokens"].dtype == np.int32
    assert other.probe.photos is None
