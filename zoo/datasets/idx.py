"""Files of the IDX format, that of MNIST: a big-endian header of the sizes, then bytes.

http://yann.lecun.com/exdb/mnist/ describes it. Each file is verified by the digest of its content, compressed or not.
"""

from __future__ import annotations

import gzip
import hashlib
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.datasets.data_set import Split
from zoo.errors import OutsideError
from zoo.pinned import Source
from zoo.weights import sources

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, kw_only=True)
class IdxFile:
    """One file of a data set.

    Attributes:
        name: as published, "train-images-idx3-ubyte.gz".
        sha256: of the uncompressed content.
        sources: in the order in which they are tried.
    """

    name: str
    sha256: str
    sources: tuple[Source, ...]


def reader(
    files: Mapping[tuple[str, str], IdxFile], usual: Path | None = None
) -> Callable[[Split, Path | None], tuple[NDArray[np.uint8], NDArray[Any]]]:
    """Return the `read` function of a `DataSet` of these files.

    Args:
        files: by split and "images" or "labels".
        usual: folder in which a package of a distribution installs them.
    """

    def read(split: Split, folder: Path | None) -> tuple[NDArray[np.uint8], NDArray[Any]]:
        images = _array(files[split, "images"], folder, usual, 3)
        return images[..., None], _array(files[split, "labels"], folder, usual, 1)

    return read


def _array(file: IdxFile, folder: Path | None, usual: Path | None, dimensions: int) -> NDArray[np.uint8]:
    import numpy as np

    content = _located(file, folder, usual).read_bytes()
    try:
        content = gzip.decompress(content) if content.startswith(_GZIP) else content
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise OutsideError(f"{file.name} is damaged: {error}") from error
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise OutsideError(f"{file.name} is not the file that its authors published: wrong sha256 inside")
    sizes = struct.unpack_from(f">{dimensions}I", content, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(sizes)


def _located(file: IdxFile, folder: Path | None, usual: Path | None) -> Path:
    """Return the local path of `file`, after a download if necessary."""
    here = folder or usual
    if here and (here / file.name).is_file():
        return here / file.name
    if folder:
        raise OutsideError(f"{folder} does not hold {file.name}")
    failures = []
    for source in sorted(file.sources, key=lambda source: not sources.is_local(source)):
        try:
            return next(path for path in sources.fetch(source) if path.stem == Path(file.name).stem)
        except OutsideError as error:
            failures.append(str(error))
    raise OutsideError(f"no source of {file.name} answered: {'; '.join(failures)}")
