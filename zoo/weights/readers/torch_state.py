"""Arrays of a PyTorch state dict (.pth), without PyTorch, and without running the pickle inside.

Both formats of torch.save: a zip of one pickle and one file per storage (since PyTorch 1.6), and the older sequence of
pickles followed by the storages. https://github.com/pytorch/pytorch/blob/main/torch/serialization.py
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.weights.readers import plain_pickle
from zoo.weights.readers.damage import refused
from zoo.weights.readers.plain_pickle import Call, Name, Outside

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TENSOR = "torch._utils _rebuild_tensor_v2"
_DTYPES = {
    "torch FloatStorage": "<f4",
    "torch HalfStorage": "<f2",
    "torch DoubleStorage": "<f8",
    "torch LongStorage": "<i8",
}
_NAMES = (_TENSOR, *_DTYPES)
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001


@dataclass(frozen=True)
class _Storage:
    """A block of values that tensors are views of."""

    key: str
    dtype: str
    count: int

    @property
    def byte_count(self) -> int:
        return self.count * int(self.dtype[-1])


@dataclass(frozen=True)
class _Tensor:
    """Position of a tensor in its storage, counted in elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@refused
def read(files: Sequence[Path]) -> dict[str, NDArray[Any]]:
    """Return the tensors by their stored names, shaped as stored, read-only.

    Raises:
        ValueError: not a state dict, or one that refers to anything but tensors, or with tensors beyond their storages.
    """
    (path,) = files
    content = path.read_bytes()
    try:
        if content.startswith(b"PK"):
            tensors, storages = _read_zip(content)
        else:
            tensors, storages = _read_legacy(io.BytesIO(content))
        return {name: _view(tensor, storages[tensor.storage.key]) for name, tensor in tensors.items()}
    except (ValueError, zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise ValueError(f"{path.name} is not a PyTorch state dict that can be read safely: {error}") from error


def _read_zip(content: bytes) -> tuple[dict[str, _Tensor], dict[str, bytes]]:
    """Return the tensors, and each storage's bytes; entries are read by name and never unpacked."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}

        def take(name: str) -> bytes:
            entry = entries.get(name)
            # torch.save compresses nothing; a compressed entry could grow without bound.
            if entry is None or entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
                raise ValueError(f"the archive holds no plain {name}")
            return archive.read(entry)

        pickles = [name for name in entries if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise ValueError(f"the archive holds {len(pickles)} files data.pkl")
        folder = pickles[0].removesuffix("data.pkl")
        if f"{folder}byteorder" in entries and take(f"{folder}byteorder") != b"little":
            raise ValueError("its numbers are not little-endian")
        tensors = _tensors(plain_pickle.read(io.BytesIO(take(pickles[0])), _NAMES))
        declared = _storages(tensors, len(content))
        return tensors, {key: take(f"{folder}data/{key}") for key in declared}


def _read_legacy(stream: io.BytesIO) -> tuple[dict[str, _Tensor], dict[str, bytes]]:
    """Return the tensors, and each storage's bytes: a length in numbers, then the numbers, in the order of the keys."""
    if plain_pickle.read(stream) != _LEGACY_MAGIC or plain_pickle.read(stream) != _LEGACY_PROTOCOL:
        raise ValueError("another beginning")
    system = plain_pickle.read(stream)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise ValueError("its numbers are not little-endian")
    tensors = _tensors(plain_pickle.read(stream, _NAMES))
    declared = _storages(tensors, stream.getbuffer().nbytes)
    keys = plain_pickle.read(stream)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or sorted(keys) != sorted(declared):
        raise ValueError("the list of its storages is not that of its tensors")
    storages = {}
    for key in keys:
        if int.from_bytes(stream.read(8), "little") != declared[key].count:
            raise ValueError(f"storage {key} has another length than its tensors state")
        storages[key] = stream.read(declared[key].byte_count)
    return tensors, storages


def _tensors(root: Any) -> dict[str, _Tensor]:
    """Return the tensors of the dict that a pickle described."""
    if not isinstance(root, dict) or not root:
        raise ValueError("it holds no dict of tensors")
    return {name: _tensor(name, described) for name, described in root.items()}


def _tensor(name: str, described: Any) -> _Tensor:
    """Return the tensor that a call of torch._utils._rebuild_tensor_v2 describes."""
    match described:
        case Call(
            words,
            (Outside(("storage", Name(kind), str(key), str(), count, *view)), offset, tuple(shape), tuple(strides), *_),
        ) if words == _TENSOR and kind in _DTYPES and view in ([], [None]) and len(shape) == len(strides):
            pass
        case _:
            raise ValueError(f"{name} is no tensor")
    if any(type(number) is not int or number < 0 for number in (count, offset, *shape, *strides)):
        raise ValueError(f"{name} has no valid position")
    furthest = offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
    if 0 in shape or math.prod(shape) > count or furthest >= count:
        raise ValueError(f"{name} exceeds its storage")
    return _Tensor(_Storage(key, _DTYPES[kind], count), offset, shape, strides)


def _storages(tensors: Mapping[str, _Tensor], file_bytes: int) -> dict[str, _Storage]:
    """Return the storages of `tensors` by their keys; all of them fit into the file."""
    storages: dict[str, _Storage] = {}
    for name, tensor in tensors.items():
        if storages.setdefault(tensor.storage.key, tensor.storage) != tensor.storage:
            raise ValueError(f"{name} describes its storage differently than another tensor")
    if sum(storage.byte_count for storage in storages.values()) > file_bytes:
        raise ValueError("its storages are longer than the file")
    return storages


def _view(tensor: _Tensor, content: bytes) -> NDArray[Any]:
    """Return the tensor's numbers."""
    import numpy as np

    if len(content) != tensor.storage.byte_count:
        raise ValueError(f"storage {tensor.storage.key} has {len(content)} bytes, not {tensor.storage.byte_count}")
    numbers = np.frombuffer(content, tensor.storage.dtype)[tensor.offset :]
    strides = [stride * numbers.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(numbers, tensor.shape, strides, writeable=False)
