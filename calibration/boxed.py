"""Photos with boxes for `--evaluate`: FOLDER/images and FOLDER/instances.json in COCO format.

Format: https://cocodataset.org/#format-data. Fields read from annotations: image_id, category_id, bbox, iscrowd.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from calibration.inputs import InputSpec, photo_sample
from calibration.left_out import LeftOut
from calibration.photo_file import BadPhotoError, file_key, read_photo
from calibration.samples import Samples, sample_digest
from calibration.store import SetWriter
from zoo.detection.truth import Truth
from zoo.errors import UsageProblemError
from zoo.preprocessing import Preprocessing

IMAGES, ANNOTATIONS = "images", "instances.json"


@dataclass(frozen=True, kw_only=True)
class BoxedPhotos:
    """Photo files with the objects to detect.

    Attributes:
        files: (photo, (width, height) in pixels, ground truth) triples in a fixed order.
        source: description of the data for the manifest.
    """

    files: tuple[tuple[Path, tuple[int, int], Truth], ...]
    source: str

    def __len__(self) -> int:
        return len(self.files)

    def part(self, start: int, stop: int) -> BoxedPhotos:
        """Return some of the files."""
        return replace(self, files=self.files[start:stop])

    def key(self) -> str:
        """Return what decides the samples: names, sizes and times of the files, and their boxes."""
        digest = hashlib.sha256()
        for path, _, truth in self.files:
            digest.update(file_key(path).encode())
            for values in (truth.boxes, truth.classes, truth.crowds):
                digest.update(np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()


def find_boxed(spec: str | Path, *, labels: Sequence[str]) -> BoxedPhotos:
    """Return the photos with boxes in the folder `spec`.

    Args:
        spec: folder with the subfolder `images` and the file `instances.json`.
        labels: class names of the model by index; the categories of the JSON file are matched by name.

    Raises:
        UsageProblemError: a file is missing, the JSON file is not in COCO format, or the model lacks a category.
    """
    folder = Path(spec).expanduser()
    if not (folder / IMAGES).is_dir() or not (folder / ANNOTATIONS).is_file():
        raise UsageProblemError(
            f"{str(spec)!r} has no boxes; give a folder with {IMAGES}/photo.jpg and {ANNOTATIONS} in COCO format"
        )
    try:
        record = json.loads((folder / ANNOTATIONS).read_text(encoding="utf-8"))
        classes = _classes(record["categories"], labels)
        found = tuple(_files(record, classes, folder / IMAGES))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
        words = f"{type(error).__name__}: {error}"
        raise UsageProblemError(
            f"{folder.name}/{ANNOTATIONS} is not in COCO format ({words}): it needs images, annotations and categories"
        ) from error
    if not has_objects([truth for _, _, truth in found]):
        raise UsageProblemError(f"{folder.name}/{ANNOTATIONS} has no box to detect (iscrowd boxes do not count)")
    return BoxedPhotos(files=found, source=f"{folder.name}, {len(found)} photos with boxes")


def boxed_samples(
    photos: BoxedPhotos,
    *,
    name: str,
    preprocessing: Preprocessing,
    seed: int,
    work: Path,
    exclude: Collection[str] = (),
) -> tuple[Samples, tuple[Truth, ...]]:
    """Write the photos to `work` one by one; return them memory-mapped, with the ground truth of each.

    Args:
        photos: the result of `find_boxed`.
        name: name of the model's input.
        preprocessing: how a photo becomes the model's input; it must stretch, which keeps relative box coordinates.
        seed: stored in the manifest.
        work: folder that receives the sample files.
        exclude: digests of the calibration samples, which are left out of the evaluation.

    Raises:
        UsageProblemError: no photo can be used, or a photo's size differs from its annotations.
    """
    samples, truth, left_out = boxed_part(
        photos, name=name, preprocessing=preprocessing, seed=seed, work=work, exclude=exclude
    )
    if samples is None or not has_objects(truth):
        raise UsageProblemError(none_left(photos.source))
    return replace(samples, warnings=left_out.notes), truth


def has_objects(truth: Sequence[Truth]) -> bool:
    """Return whether there is a box to detect."""
    return any((~one.crowds).any() for one in truth)


def none_left(source: str) -> str:
    """Return the sentence about photos with boxes of which none can be used."""
    return f"{source}: none can be used; give readable photos with boxes that calibration did not use"


def boxed_part(
    photos: BoxedPhotos,
    *,
    name: str,
    preprocessing: Preprocessing,
    seed: int,
    work: Path,
    exclude: Collection[str] = (),
) -> tuple[Samples | None, tuple[Truth, ...], LeftOut]:
    """Return the samples, None if no photo can be used, their boxes, and what is left out; see `boxed_samples`."""
    if preprocessing.fit != "stretch":
        raise ValueError("boxes are relative to the whole photo; a preprocessing that crops would move them")
    shape, unreadable, known, excluded = preprocessing.shape, list[str](), frozenset(exclude), 0
    truth: list[Truth] = []
    with SetWriter(work, {name: InputSpec(shape=shape)}, name) as writer:
        for path, size, one in photos.files:
            try:
                photo = read_photo(path)
            except BadPhotoError:
                unreadable.append(path.name)
                continue
            if photo.size != size:
                raise UsageProblemError(f"{path.name} has {photo.size} pixels, but {ANNOTATIONS} says {size}")
            sample = photo_sample(name, preprocessing.photo(photo), preprocessing)
            digest = sample_digest(sample.inputs)
            if digest in known:
                excluded += 1
                continue
            writer.append(sample, digest)
            truth.append(one)
    left_out = LeftOut(unreadable=tuple(unreadable), excluded=excluded)
    if not len(writer):
        return None, (), left_out
    samples = writer.samples(source=photos.source, seed=seed, preprocessing=preprocessing.record())
    return samples, tuple(truth), left_out


def _classes(categories: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> dict[int, int]:
    """Return the model's class index by category id."""
    indices = {label: index for index, label in enumerate(labels)}
    if strangers := [str(one["name"]) for one in categories if one["name"] not in indices]:
        known = ", ".join(labels[:3])
        raise UsageProblemError(
            f"{ANNOTATIONS} has the category {strangers[0]!r}, which is no class of the model ({known} ...)"
        )
    return {int(one["id"]): indices[one["name"]] for one in categories}


def _files(
    record: Mapping[str, Any], classes: Mapping[int, int], folder: Path
) -> list[tuple[Path, tuple[int, int], Truth]]:
    """Return each photo with its annotated size and its ground truth, in coordinates relative to the photo."""
    of_image: dict[Any, list[Mapping[str, Any]]] = {image["id"]: [] for image in record["images"]}
    for annotation in record["annotations"]:
        of_image[annotation["image_id"]].append(annotation)
    found = []
    for image in sorted(record["images"], key=lambda image: str(image["file_name"])):
        path, size = folder / str(image["file_name"]), (int(image["width"]), int(image["height"]))
        if min(size) < 1:
            raise UsageProblemError(f"{ANNOTATIONS}: {path.name} has {size} pixels; width and height must be positive")
        if not path.is_file():
            raise UsageProblemError(f"{ANNOTATIONS} names {path.name}, which is not in {IMAGES}")
        own = of_image[image["id"]]
        corners = np.array([_bbox(one) for one in own], np.float64).reshape(-1, 4)
        boxes = np.concatenate([corners[:, :2], corners[:, :2] + corners[:, 2:]], axis=1) / (*size, *size)
        truth = Truth(
            boxes=boxes,
            classes=np.array([classes[one["category_id"]] for one in own], np.int64),
            crowds=np.array([bool(one.get("iscrowd", 0)) for one in own], bool),
        )
        found.append((path, size, truth))
    return found


def _bbox(annotation: Mapping[str, Any]) -> list[float]:
    """Return x, y, width and height in pixels.

    Raises:
        UsageProblemError: a value is negative or not finite; NaN would make every prediction count as correct.
    """
    found = [float(number) for number in annotation["bbox"]]
    if len(found) != 4 or not np.isfinite(found).all() or min(found[2:]) < 0:
        raise UsageProblemError(
            f"{ANNOTATIONS}: annotation {annotation.get('id')} has the bbox {annotation['bbox']}; it must be x, y, "
            "width and height in pixels, the last two not below 0"
        )
    return found
