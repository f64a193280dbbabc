"""The families of faults that the sweep counts, and the files that each is planted into."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from export.formats import PRIMARY
from export.formats.tflite import flatbuffer
from export.quantization.requested import Key
from export.scheme import FLOAT16, FLOAT32, INT8
from tests.faults.edited_bytes import edited
from tests.faults.float_faults import float_variants
from tests.faults.integer_faults import INTEGER_FAULTS
from tests.faults.networks import Network, Planted
from tests.faults.onnx_faults import variants
from tests.faults.requantized import Requantizer, faulty_floats

TFLITE, ONNX = ("tflite", INT8), ("onnx", INT8)


@dataclass(frozen=True, kw_only=True)
class Faulty:
    """One faulty file.

    Attributes:
        kind: of the fault.
        place: where it is.
        planted: the export that it is judged in.
        content: the file's bytes.
    """

    kind: str
    place: str
    planted: Planted
    content: bytes


@dataclass(frozen=True)
class Family:
    """Faults of one kind of mistake.

    Attributes:
        keys: the files that they are planted into.
        places: in how many places each kind is planted at most.
        faulty: yields the faulty files of a network, each kind at up to so many places.
    """

    keys: tuple[Key, ...]
    places: int
    faulty: Callable[[Network, Key, int], Iterator[Faulty]]


def alone(key: Key, found: tuple[str, str, bytes]) -> Faulty:
    """Return a faulty file among right ones."""
    kind, place, content = found
    return Faulty(kind=kind, place=place, planted=Planted(contents={key: content}), content=content)


def written_wrongly(network: Network, key: Key, per_kind: int) -> Iterator[Faulty]:
    """Yield files whose graph, grids or constants a wrong writer would have changed."""
    content = network.content(key)
    if key[0] != PRIMARY.name:
        yield from (alone(key, one) for one in variants(content, per_kind))
    elif key[1] == INT8:
        for fault, edit in INTEGER_FAULTS.items():
            model = flatbuffer.read(content)
            if edit(model) and (broken := flatbuffer.write(model)) != content:
                yield alone(key, (fault, "the graph", broken))
    else:
        yield from (alone(key, one) for one in float_variants(content, per_kind))


def random_edits(network: Network, key: Key, per_kind: int) -> Iterator[Faulty]:
    """Yield files with one edited number."""
    yield from (alone(key, one) for one in edited(key[0], network.content(key), per_kind))


@dataclass(frozen=True, kw_only=True)
class Quantized:
    """An int8 .tflite quantized from faulty floats.

    Attributes:
        kind: of the fault.
        place: where it is.
        content: the file's bytes.
        has_own_ranges: whether its ranges are its own; otherwise the right file's.
        make: quantizes it.
    """

    kind: str
    place: str
    content: bytes
    has_own_ranges: bool
    make: Requantizer

    @property
    def words(self) -> str:
        return f"{self.place} with {'its own' if self.has_own_ranges else 'the right'} ranges"


def quantized_floats(network: Network, per_kind: int) -> Iterator[Quantized]:
    """Yield int8 .tflite files quantized from faulty floats, with their own ranges and with the right file's."""
    make = Requantizer(network, f"requantized-{len(list(network.work.iterdir()))}")
    for kind, place, floats in faulty_floats(network, per_kind):
        for own in (True, False):
            content = make(floats, own_ranges=own)
            if content is not None and content != network.content(TFLITE):
                yield Quantized(kind=kind, place=place, content=content, has_own_ranges=own, make=make)


def requantized(network: Network, key: Key, per_kind: int) -> Iterator[Faulty]:
    """Yield int8 files quantized from faulty float files."""
    for one in quantized_floats(network, per_kind):
        yield alone(key, (one.kind, one.words, one.content))


def from_a_faulty_sibling(network: Network, key: Key, per_kind: int) -> Iterator[Faulty]:
    """Yield files derived from these, beside the right sibling, and with ranges of their own beside the faulty one."""
    for one in quantized_floats(network, per_kind):
        content = one.make.derived(one.content)
        if content is None or content == network.content(key):
            continue
        yield alone(key, (one.kind, f"{one.words}, beside the right sibling", content))
        if one.has_own_ranges:
            both = Planted(contents={TFLITE: one.content, key: content})
            yield Faulty(kind=one.kind, place=f"{one.words}, beside the faulty one", planted=both, content=content)


FAMILIES: Mapping[str, Family] = {
    "written wrongly": Family(
        (TFLITE, ONNX, ("tflite", FLOAT32), ("onnx", FLOAT32), ("onnx", FLOAT16)), 4, written_wrongly
    ),
    "requantized from floats": Family((TFLITE,), 2, requantized),
    "derived from a faulty sibling": Family((ONNX,), 2, from_a_faulty_sibling),
    "edited bytes": Family(
        (TFLITE, ONNX, ("tflite", FLOAT32), ("onnx", FLOAT32), ("tflite", FLOAT16), ("onnx", FLOAT16)), 4, random_edits
    ),
}
