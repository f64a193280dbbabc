"""Photos with segmentation masks for `--evaluate`: FOLDER/images and FOLDER/masks hold files of equal names."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from calibration.inputs import InputSpec, photo_sample
from calibration.left_out import LeftOut
from calibration.photo_file import BadPhotoError, file_key, read_photo
from calibration.samples import Array, Samples, sample_digest
from calibration.sources.folder import image_paths
from calibration.store import ArrayFile, SetWriter
from zoo.errors import UsageProblemError
from zoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    from PIL import Image

IMAGES, MASKS = "images", "masks"
UNJUDGED = 255  # mask value of pixels without a class, which metrics ignore; as in Pascal VOC


@dataclass(frozen=True, kw_only=True)
class MaskedPhotos:
    """Photo files with their mask files.

    Attributes:
        files: (photo, mask) pairs in a fixed order.
        classes: number of classes.
        source: description of the data for the manifest.
    """

    files: tuple[tuple[Path, Path], ...]
    classes: int
    source: str

    def __len__(self) -> int:
        return len(self.files)

    def part(self, start: int, stop: int) -> MaskedPhotos:
        """Return some of the files."""
        return replace(self, files=self.files[start:stop])

    def key(self) -> str:
        """Return what decides the samples: names, sizes and times of the files."""
        return " ".join(file_key(path) for pair in self.files for path in pair)


def find_masked(spec: str | Path, *, classes: int) -> MaskedPhotos:
    """Return the photos with masks in the folder `spec`.

    Args:
        spec: folder with the subfolders `images` and `masks`; a photo and its mask have the same name up to the suffix.
        classes: number of classes of the model.

    Raises:
        UsageProblemError: a subfolder is missing, a photo has no mask or a mask has no photo.
    """
    folder = Path(spec).expanduser()
    if not all((folder / name).is_dir() for name in (IMAGES, MASKS)):
        raise UsageProblemError(
            f"{str(spec)!r} has no masks; give a folder with {IMAGES}/NAME.png and {MASKS}/NAME.png, "
            "with class indices as the grey values of the masks"
        )
    photos, masks = ({path.stem: path for path in image_paths(folder / name)} for name in (IMAGES, MASKS))
    if lonely := sorted(photos.keys() ^ masks.keys()):
        where, other = (IMAGES, MASKS) if lonely[0] in photos else (MASKS, IMAGES)
        raise UsageProblemError(f"{folder.name}/{where} holds {lonely[0]!r}, but {other} has no file of that name")
    files = tuple((photos[stem], masks[stem]) for stem in sorted(photos))
    return MaskedPhotos(files=files, classes=classes, source=f"{folder.name}, {len(files)} photos with masks")


def masked_samples(
    photos: MaskedPhotos,
    *,
    name: str,
    preprocessing: Preprocessing,
    seed: int,
    work: Path,
    exclude: Collection[str] = (),
) -> tuple[Samples, Array]:
    """Write the photos to `work` one by one; return them memory-mapped, with their masks (N, height, width).

    Args:
        photos: the result of `find_masked`.
        name: name of the model's input.
        preprocessing: how a photo becomes the model's input; masks are cropped alike and resized with "nearest".
        seed: stored in the manifest.
        work: folder that receives the sample files.
        exclude: digests of the calibration samples, which are left out of the evaluation.

    Raises:
        UsageProblemError: no photo can be used, or a mask is invalid.
    """
    samples, masks, left_out = masked_part(
        photos, name=name, preprocessing=preprocessing, seed=seed, work=work, exclude=exclude
    )
    if samples is None:
        raise UsageProblemError(none_left(photos.source))
    if not (masks != UNJUDGED).any():
        raise UsageProblemError(without_classes(photos.source))
    return replace(samples, warnings=left_out.notes), masks


def none_left(source: str) -> str:
    """Return the sentence about photos with masks of which none can be used."""
    return f"{source}: none can be used; give readable photos with masks that calibration did not use"


def without_classes(source: str) -> str:
    """Return the sentence about masks without a class."""
    return f"{source}: every mask pixel is {UNJUDGED} (no class); give masks with class indices"


def masked_part(
    photos: MaskedPhotos,
    *,
    name: str,
    preprocessing: Preprocessing,
    seed: int,
    work: Path,
    exclude: Collection[str] = (),
) -> tuple[Samples | None, Array, LeftOut]:
    """Return the samples, None if no photo can be used, their masks, and what is left out; see `masked_samples`."""
    shape, unreadable, known, excluded = preprocessing.shape, list[str](), frozenset(exclude), 0
    with SetWriter(work, {name: InputSpec(shape=shape)}, name) as writer:
        masks = ArrayFile(work / "masks.npy", shape[:2], "uint8")
        for photo, mask in read_masked(photos, preprocessing, unreadable):
            sample = photo_sample(name, photo, preprocessing)
            digest = sample_digest(sample.inputs)
            if digest in known:
                excluded += 1
                continue
            writer.append(sample, digest)
            masks.append(mask)
        masks.close()
    left_out = LeftOut(unreadable=tuple(unreadable), excluded=excluded)
    if not len(writer):
        return None, np.zeros((0, *shape[:2]), np.uint8), left_out
    samples = writer.samples(source=photos.source, seed=seed, preprocessing=preprocessing.record())
    return samples, np.load(work / "masks.npy", mmap_mode="r", allow_pickle=False), left_out


def read_masked(
    photos: MaskedPhotos, preprocessing: Preprocessing, unreadable: list[str]
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Yield the bytes (height, width, channels) and the mask (height, width) of every readable photo.

    The names of the other photos are appended to `unreadable`.
    """
    like_photo = replace(preprocessing, resize="nearest", colours="GRAY")
    for path, mask_path in photos.files:
        try:
            photo = read_photo(path)
        except BadPhotoError:
            unreadable.append(path.name)
            continue
        mask = _mask(mask_path, photos.classes)
        if mask.size != photo.size:
            raise UsageProblemError(f"the mask {mask_path.name} has {mask.size} pixels, but its photo has {photo.size}")
        yield preprocessing.photo(photo), like_photo.photo(mask)[..., 0]


def _mask(path: Path, classes: int) -> Image.Image:
    """Return the class index of every pixel as a grey image.

    `read_photo` does not fit: in a PNG with a palette (Pascal VOC) the palette indices are the classes.
    """
    from PIL import Image

    try:
        with Image.open(path) as opened:
            indices = np.asarray(opened)
    except (OSError, SyntaxError, ValueError) as error:
        raise UsageProblemError(f"the mask {path.name} cannot be read: {error}") from error
    if indices.ndim != 2 or indices.dtype != np.uint8:
        raise UsageProblemError(f"the mask {path.name} has colours; give a PNG whose grey values are class indices")
    if strangers := sorted(set(np.unique(indices).tolist()) - {*range(classes), UNJUDGED}):
        raise UsageProblemError(
            f"the mask {path.name} contains the class {strangers[0]}; the model has classes 0 to {classes - 1}, "
            f"and {UNJUDGED} marks pixels without a class"
        )
    return Image.fromarray(indices)
