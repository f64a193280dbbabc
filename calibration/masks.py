"""Photos with masks for `--evaluate`: FOLDER/images and FOLDER/masks, files of the same names."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from calibration.inputs import InputSpec, photo_sample
from calibration.photo_file import BadPhotoError, read_photo
from calibration.samples import Array, Samples, sample_digest
from calibration.sources.folder import image_paths, skipped
from calibration.store import ArrayFile, SetWriter
from zoo.errors import UsageProblemError
from zoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    from PIL import Image

IMAGES, MASKS = "images", "masks"
UNJUDGED = 255  # a pixel of a mask that is of no class, as in Pascal VOC


@dataclass(frozen=True, kw_only=True)
class MaskedPhotos:
    """Files of photos, each with the file of its mask.

    Attributes:
        files: (photo, mask), in a fixed order.
        classes: how many there are.
        source: a sentence for the record.
    """

    files: tuple[tuple[Path, Path], ...]
    classes: int
    source: str


def find_masked(spec: str | Path, *, classes: int) -> MaskedPhotos:
    """Return the photos with masks in the folder `spec`.

    Args:
        spec: holds the folders `images` and `masks`, whose files have the same names but for the suffix.
        classes: how many the model tells apart.

    Raises:
        UsageProblemError: no such folders, or a file without its partner.
    """
    folder = Path(spec).expanduser()
    if not all((folder / name).is_dir() for name in (IMAGES, MASKS)):
        raise UsageProblemError(
            f"{str(spec)!r} has no masks; give a folder with {IMAGES}/NAME.png and {MASKS}/NAME.png, "
            "the masks with class indices as grey values"
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
    """Write the photos to `work`, one by one, and return them mapped, with masks (N, height, width) of their size.

    Args:
        photos: what `find_masked` found.
        name: of the model's input.
        preprocessing: of the photos; a mask is cut as its photo is, and takes the class of the nearest pixel.
        seed: for the record.
        work: a folder.
        exclude: digests of the calibration samples: what calibrated the file must not judge it.

    Raises:
        UsageProblemError: not one photo can be used, or a mask that is none.
    """
    shape, unreadable, known, excluded = preprocessing.shape, list[str](), frozenset(exclude), 0
    is_judged = False
    with SetWriter(work, {name: InputSpec(shape=shape)}, shape) as writer:
        masks = ArrayFile(work / "masks.npy", shape[:2], "uint8")
        for photo, mask in read_masked(photos, preprocessing, unreadable):
            sample = photo_sample(name, photo, preprocessing)
            digest = sample_digest(sample.inputs)
            if digest in known:
                excluded += 1
                continue
            writer.append(sample, digest)
            masks.append(mask)
            is_judged = is_judged or bool((mask != UNJUDGED).any())
        masks.close()
    if not len(writer):
        raise UsageProblemError(f"{photos.source}: none can be used; give photos with masks that did not calibrate")
    if not is_judged:
        raise UsageProblemError(f"{photos.source}: every pixel is {UNJUDGED}, of no class; nothing can be compared")
    notes = [skipped(unreadable)] if unreadable else []
    notes += [f"{excluded} calibration photos left out of the evaluation"] if excluded else []
    samples = writer.samples(
        source=photos.source, seed=seed, preprocessing=preprocessing.record(), warnings=tuple(notes)
    )
    return samples, np.load(work / "masks.npy", mmap_mode="r", allow_pickle=False)


def read_masked(
    photos: MaskedPhotos, preprocessing: Preprocessing, unreadable: list[str]
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Yield the bytes (height, width, channels) of every photo that can be read, and its mask (height, width)."""
    like_photo = replace(preprocessing, resize="nearest", colours="GRAY")
    for path, mask_path in photos.files:
        try:
            photo = read_photo(path)
        except BadPhotoError:
            unreadable.append(path.name)
            continue
        mask = _mask(mask_path, photos.classes)
        if mask.size != photo.size:
            raise UsageProblemError(f"the mask {mask_path.name} is of {mask.size} pixels, its photo of {photo.size}")
        yield preprocessing.photo(photo), like_photo.photo(mask)[..., 0]


def _mask(path: Path, classes: int) -> Image.Image:
    """Return the class of every pixel as a grey picture.

    Not by `read_photo`: a PNG with a palette, as those of Pascal VOC, holds class indices, and not the colours' grey.
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
            f"the mask {path.name} holds {strangers[0]}: the model has classes 0 to {classes - 1}, and {UNJUDGED} is "
            "for pixels of no class"
        )
    return Image.fromarray(indices)
