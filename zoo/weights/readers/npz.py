"""Arrays of an .npz of this project: by weight path, float16 or float32."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.weights.readers.damage import refused

if TYPE_CHECKING:
    from numpy.typing import NDArray


@refused
def read(files: Sequence[Path]) -> dict[str, NDArray[Any]]:
    """Return the arrays as float32, by weight path.

    Raises:
        ValueError: not an .npz, or one with Python objects inside, which are not loaded.
    """
    import zipfile

    import numpy as np

    (path,) = files
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name].astype(np.float32) for name in stored.files}
    except (zipfile.BadZipFile, AttributeError, EOFError) as error:
        raise ValueError(f"{path.name} is not an .npz file") from error


def write(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write float arrays as float16, with a relative error of 2^-11; arrays that would overflow keep their type.

    The variance of a first layer that reads unscaled bytes overflows. Compressed as far as zip can, because the files
    are shipped.
    """
    import zipfile

    import numpy as np

    largest = np.finfo(np.float16).max
    halves: dict[str, Any] = {
        name: array if np.abs(array).max(initial=0) > largest else array.astype(np.float16)
        for name, array in arrays.items()
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in halves.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
