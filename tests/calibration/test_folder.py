from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from calibration.inputs import InputSpec
from calibration.photo_file import BadPhotoError, read_photo
from calibration.samples import Samples
from calibration.store import Draw
from zoo.errors import UsageProblemError
from zoo.preprocessing import Preprocessing

Pull = Callable[..., Draw]
MakePhotos = Callable[..., Path]


def numbers(samples: Samples, folder: Path, preprocessing: Preprocessing) -> list[int]:
    """Return the index of each sample's photo among the sorted files of `folder`."""
    files = [preprocessing.photo(Image.open(path)).tobytes() for path in sorted(folder.glob("*.png"))]
    assert samples.photos is not None
    return [files.index(np.asarray(photo).tobytes()) for photo in samples.photos]


def test_no_file_is_in_both_sets(pull: Pull, make_photos: MakePhotos, preprocessing: Preprocessing) -> None:
    folder = make_photos(30)
    drawn = pull(folder, calibration_count=15, probe_count=10)
    one, two = (numbers(samples, folder, preprocessing) for samples in (drawn.calibration, drawn.probe))
    assert (len(one), len(two)) == (15, 10)
    assert len({*one, *two}) == 25
    assert one != sorted(one), "the order must come from the seed"


def test_photos_are_found_in_subfolders_and_with_every_supported_suffix(pull: Pull, make_photos: MakePhotos) -> None:
    suffixes = (".jpg", ".JPEG", ".png", ".bmp", ".webp", ".tif", ".TIFF", ".gif")
    for index, suffix in enumerate(suffixes):
        make_photos(1, folder=f"all/deep{index}", suffix=suffix, seed=index)
    drawn = pull(make_photos(0, folder="all"), calibration_count=9, probe_count=9)
    assert len(drawn.calibration) + len(drawn.probe) == len(suffixes)


@pytest.mark.parametrize(("photos", "expected"), [(2, (1, 1)), (3, (2, 1)), (5, (3, 2)), (9, (6, 3))])
def test_too_few_photos_are_split_in_proportion_to_the_counts(
    pull: Pull, make_photos: MakePhotos, photos: int, expected: tuple[int, int]
) -> None:
    drawn = pull(make_photos(photos), calibration_count=100, probe_count=60)
    assert (len(drawn.calibration), len(drawn.probe)) == expected


def test_one_photo_is_refused(pull: Pull, make_photos: MakePhotos) -> None:
    with pytest.raises(UsageProblemError, match=r"1 usable sample;.*at least 2"):
        pull(make_photos(1))


def test_a_copied_photo_is_left_out_of_the_other_set(pull: Pull, make_photos: MakePhotos) -> None:
    folder = make_photos(4)
    for path in list(folder.iterdir()):
        shutil.copy(path, path.with_name("copy-" + path.name))
    for seed in range(6):
        drawn = pull(folder, calibration_count=4, probe_count=4, seed=seed)
        assert not set(drawn.calibration.digests) & set(drawn.probe.digests)
        assert len(drawn.probe) >= 1


def test_copies_of_a_single_photo_are_refused(pull: Pull, make_photos: MakePhotos) -> None:
    folder = make_photos(1)
    shutil.copy(folder / "000.png", folder / "001.png")
    with pytest.raises(UsageProblemError, match="different samples"):
        pull(folder)


def test_broken_photos_are_skipped_and_reported(pull: Pull, make_photos: MakePhotos) -> None:
    folder = make_photos(6)
    (folder / "text.jpg").write_text("no photo")
    whole = (folder / "000.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").write_bytes(b"")
    drawn = pull(folder, calibration_count=100, probe_count=100)
    assert len(drawn.calibration) + len(drawn.probe) == 6
    (warning,) = drawn.probe.warnings
    assert warning.startswith("3 unreadable images skipped")
    assert all(name in warning for name in ("text.jpg", "cut.png", "empty.png"))
    assert drawn.calibration.record()["warnings"] == [warning]


def test_a_folder_of_broken_photos_is_refused(pull: Pull, make_photos: MakePhotos) -> None:
    folder = make_photos(0)
    for index in range(3):
        (folder / f"{index}.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    with pytest.raises(UsageProblemError, match="0 usable samples"):
        pull(folder)


def test_a_folder_without_images_is_refused(pull: Pull, make_photos: MakePhotos) -> None:
    folder = make_photos(0)
    (folder / "notes.txt").write_text("nothing")
    with pytest.raises(UsageProblemError, match="no image in"):
        pull(folder)


def test_a_decompression_bomb_is_a_broken_photo(
    pull: Pull, make_photos: MakePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_photos(4)
    Image.new("RGB", (120, 100)).save(folder / "warns.png")
    Image.new("RGB", (400, 100)).save(folder / "fails.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    drawn = pull(folder, calibration_count=100, probe_count=100)
    assert len(drawn.calibration) + len(drawn.probe) == 4
    assert "warns.png" in drawn.probe.warnings[0]
    assert "fails.png" in drawn.probe.warnings[0]


def test_photos_are_rotated_by_their_exif_orientation(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to the right
    Image.new("RGB", (30, 10)).save(tmp_path / "a.jpg", exif=exif)
    assert read_photo(tmp_path / "a.jpg").size == (10, 30)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_16_bit_photo_is_as_bright_as_its_8_bit_version(tmp_path: Path, suffix: str) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (9, 11), np.uint8)
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / f"deep{suffix}")
    np.testing.assert_array_equal(np.asarray(read_photo(tmp_path / f"deep{suffix}")), grey)
    steps = np.arange(0, 65536, 13, np.uint16)[None]
    Image.fromarray(steps).save(tmp_path / f"steps{suffix}")
    np.testing.assert_array_equal(np.asarray(read_photo(tmp_path / f"steps{suffix}")), np.round(steps / 257))


@pytest.mark.parametrize("numbers", [np.float32, np.int32])
def test_a_photo_with_32_bit_pixels_is_refused(tmp_path: Path, numbers: type[np.generic]) -> None:
    Image.fromarray(np.full((9, 9), 70_000, numbers)).save(tmp_path / "a.tif")
    with pytest.raises(BadPhotoError, match="save it with 8 or 16 bits"):
        read_photo(tmp_path / "a.tif")


def test_the_refusal_of_a_too_large_photo_gives_its_size(tmp_path: Path) -> None:
    Image.new("1", (20_000, 12_000)).save(tmp_path / "huge.png")
    with pytest.raises(BadPhotoError, match=r"^it is too large \(240 megapixels\); shrink it$"):
        read_photo(tmp_path / "huge.png")


def test_an_animation_is_read_as_its_first_frame(tmp_path: Path) -> None:
    white, black = (Image.new("L", (9, 9), value) for value in (255, 0))
    white.save(tmp_path / "a.gif", save_all=True, append_images=[black])
    assert np.asarray(read_photo(tmp_path / "a.gif").convert("L")).min() == 255


def test_a_model_that_takes_no_photo_is_refused(
    pull: Pull, make_photos: MakePhotos, two_inputs: dict[str, InputSpec]
) -> None:
    with pytest.raises(UsageProblemError, match=r"npz.*tokens: int32 \(N, 5\)"):
        pull(make_photos(3), inputs=two_inputs)


def test_a_missing_path_is_refused(pull: Pull, tmp_path: Path) -> None:
    with pytest.raises(UsageProblemError, match="no such file"):
        pull(tmp_path / "nowhere")
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(UsageProblemError, match=r"is not a folder of images or sounds, an \.npz"):
        pull(tmp_path / "a.txt")
