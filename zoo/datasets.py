"""Fashion-MNIST: the data that the zoo's own weights are trained on.

Xiao, Rasul, Vollgraf 2017, https://arxiv.org/abs/1708.07747; MIT licence. 60,000 training and 10,000 test
images, 28 x 28 grey, ten kinds of clothes. From a folder of yours, Debian's package dataset-fashion-mnist, or
the URLs of keras.datasets; each file is believed by its digest alone.
"""

from __future__ import annotations

import gzip
import hashlib
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from zoo import sources
from zoo.errors import OutsideError
from zoo.pinned import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_DEBIAN = Path("/usr/share/datasets/fashion-mnist")


@dataclass(frozen=True)
class _File:
    """One file of the data set: md5 of the .gz as its authors publish it, sha256 of what is inside."""

    name: str
    md5: str
    sha256: str


_FILES = {
    ("train", "images"): _File(
        "train-images-idx3-ubyte.gz",
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    ("train", "labels"): _File(
        "train-labels-idx1-ubyte.gz",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    ("test", "images"): _File(
        "t10k-images-idx3-ubyte.gz",
        "bef4ecab320f06d8554ea6380940ec79",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    ("test", "labels"): _File(
        "t10k-labels-idx1-ubyte.gz",
        "bb300cfdad3c16e7a12a480ee83cd310",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}


def fashion_mnist(
    split: Literal["train", "test"], folder: Path | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the images (N, 28, 28) and the labels (N,) of one split.

    Args:
        split: 60,000 images to train on, or 10,000 to test on.
        folder: holds the four .gz files; None looks for Debian's package, then downloads.

    Raises:
        OutsideError: no source has the files.
    """
    return _read(_FILES[split, "images"], folder, 3), _read(_FILES[split, "labels"], folder, 1)


def _read(file: _File, folder: Path | None, dimensions: int) -> NDArray[np.uint8]:
    """Return the array of one IDX file: a big-endian header of the sizes, then bytes."""
    import numpy as np

    try:
        content = gzip.decompress(_locate(file, folder).read_bytes())
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise OutsideError(f"{file.name} is damaged: {error}") from error
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise OutsideError(f"{file.name} is not the file of Fashion-MNIST: wrong sha256 inside")
    sizes = struct.unpack_from(f">{dimensions}I", content, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(sizes)


def _locate(file: _File, folder: Path | None) -> Path:
    """Return where `file` lies on this machine, after a download if need be."""
    here = (folder or _DEBIAN) / file.name
    if here.is_file():
        return here
    if folder:
        raise OutsideError(f"{folder} does not hold {file.name}")
    return sources.fetch(Source(kind="url", location=_URL + file.name, md5=file.md5, reader="npz"))[0]
