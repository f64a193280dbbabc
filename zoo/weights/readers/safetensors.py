"""Arrays of a .safetensors file, by the library of that name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.weights.readers.damage import refused

if TYPE_CHECKING:
    from numpy.typing import NDArray


@refused
def read(files: Sequence[Path]) -> dict[str, NDArray[Any]]:
    """Return the arrays of the first file by their stored names, as stored; a tokenizer may stand beside it.

    Raises:
        ValueError: not a .safetensors file.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = files[0]
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path.name} is not a .safetensors file: {error}") from error
