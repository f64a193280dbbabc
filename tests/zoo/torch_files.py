"""State dicts written by hand, as torch.save writes them: with what no PyTorch would write, too."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

NUMBERS = np.arange(24, dtype=np.float32) / 7
EMPTY_DICT = b"ccollections\nOrderedDict\n)R"
TENSOR = "torch._utils _rebuild_tensor_v2"
FORMATS = ("zip", "legacy")


@dataclass(frozen=True)
class Tensor:
    """What torch.save writes of one tensor, in the pickle's own opcodes."""

    name: str = "layer.weight"
    key: str = "0"
    kind: str = "torch FloatStorage"
    count: object = 24
    offset: object = 0
    shape: object = (2, 3, 4)
    strides: object = (12, 4, 1)
    call: str = TENSOR

    def pickled(self, *, legacy: bool) -> bytes:
        storage = b"(" + plain("storage") + named(self.kind) + plain(self.key) + plain("cpu") + plain(self.count)
        storage += (b"N" if legacy else b"") + b"tQ"
        arguments = storage + plain(self.offset) + plain(self.shape) + plain(self.strides) + b"\x89" + EMPTY_DICT
        return plain(self.name) + named(self.call) + b"(" + arguments + b"tR"


def plain(value: object) -> bytes:
    match value:
        case bool():
            return b"\x88" if value else b"\x89"
        case int() if -(2**31) <= value < 2**31:
            return b"J" + struct.pack("<i", value)
        case int():
            return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)
        case str():
            return b"X" + struct.pack("<I", len(value)) + value.encode()
        case tuple():
            return b"(" + b"".join(plain(item) for item in value) + b"t"
    raise TypeError(value)


def named(words: str) -> bytes:
    return b"c" + words.replace(" ", "\n").encode() + b"\n"


def pickled(*tensors: Tensor, legacy: bool = False) -> bytes:
    items = b"".join(tensor.pickled(legacy=legacy) for tensor in tensors)
    # As a module's state dict has it: attributes, which are dropped.
    return b"\x80\x02" + EMPTY_DICT + b"(" + items + b"u}(" + plain("_metadata") + EMPTY_DICT + b"ub."


def write(
    path: Path,
    form: str,
    tensors: Sequence[Tensor] = (Tensor(),),
    storages: Sequence[tuple[str, np.ndarray]] = (("0", NUMBERS),),
    content: bytes | None = None,
) -> Path:
    """Write a state dict by hand; `content` takes the place of the pickle."""
    content = content or pickled(*tensors, legacy=form == "legacy")
    if form == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a/data.pkl", content)
            archive.writestr("a/byteorder", b"little")
            for key, numbers in storages:
                archive.writestr(f"a/data/{key}", numbers.tobytes())
        return path
    keys = b"\x80\x02](" + b"".join(plain(key) for key, _ in storages) + b"e."
    rows = b"".join(struct.pack("<q", len(numbers)) + numbers.tobytes() for _, numbers in storages)
    path.write_bytes(legacy_head() + content + keys + rows)
    return path


def legacy_head(little: bool = True) -> bytes:
    magic = b"\x80\x02\x8a\x0a" + 0x1950A86A20F9469CFC6C.to_bytes(10, "little") + b"."
    system = b"\x80\x02}(" + plain("protocol_version") + plain(1001) + plain("little_endian") + plain(little) + b"u."
    return magic + b"\x80\x02" + plain(1001) + b"." + system
