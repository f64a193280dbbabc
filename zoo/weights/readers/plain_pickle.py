"""What a pickle describes, as plain data: opcodes are interpreted here, and none of them can import or call anything.

Opcodes: https://github.com/python/cpython/blob/3.12/Lib/pickletools.py. Only those that PyTorch needs to
write a state dict (pickle protocol 2) are supported.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, BinaryIO


@dataclass(frozen=True)
class Name:
    """A class or function that the pickle names, "torch FloatStorage"; it is never looked up."""

    words: str


@dataclass(frozen=True)
class Call:
    """A call that the pickle requests; it is never made."""

    name: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Outside:
    """A reference to something stored outside the pickle."""

    identity: Any


_ORDERED_DICT = "collections OrderedDict"
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_ARGUMENTS = ("BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE")
_EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_TUPLE": tuple, "EMPTY_LIST": list, "EMPTY_DICT": dict}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_KNOWN = {
    *(*_CONSTANTS, *_ARGUMENTS, *_EMPTY, *_TUPLES),
    *("PROTO", "STOP", "MARK", "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET", "TUPLE", "APPENDS"),
    *("SETITEM", "SETITEMS", "GLOBAL", "BINPERSID", "REDUCE", "BUILD"),
}
_OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes if opcode.name in _KNOWN}
_MARK = object()


def read(stream: BinaryIO, names: Collection[str] = ()) -> Any:
    """Return what the next pickle in `stream` describes, and leave the stream after it.

    Args:
        stream: a BytesIO, so that a false length cannot read more than there is.
        names: globals that the pickle may refer to; an OrderedDict becomes a dict in any case, attributes are dropped.

    Raises:
        ValueError: an opcode or a name that is not known here, or a damaged pickle.
    """
    machine = _Machine({*names, _ORDERED_DICT})
    try:
        while (opcode := _next_opcode(stream)).name != "STOP":
            machine.step(opcode.name, opcode.arg.reader(stream) if opcode.arg else None)
        (result,) = machine.stack
    except (IndexError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a pickle that makes no sense: {error!r}") from error
    return result


def _next_opcode(stream: BinaryIO) -> pickletools.OpcodeInfo:
    code = stream.read(1)
    if code not in _OPCODES:
        raise ValueError(f"a pickle with the opcode {code!r}, which a state dict does not need")
    return _OPCODES[code]


class _Machine:
    """The stack and the memo of a pickle."""

    def __init__(self, names: Collection[str]) -> None:
        self.stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._names = names

    def step(self, opcode: str, argument: Any) -> None:
        """Execute `opcode`, on the stack and the memo only."""
        stack = self.stack
        if opcode in _ARGUMENTS:
            stack.append(argument)
        elif opcode in _CONSTANTS:
            stack.append(_CONSTANTS[opcode])
        elif opcode in _EMPTY:
            stack.append(_EMPTY[opcode]())
        elif opcode in _TUPLES:
            stack.append(tuple(self._pop(_TUPLES[opcode])))
        elif opcode in ("BINPUT", "LONG_BINPUT"):
            self._memo[argument] = stack[-1]
        elif opcode in ("BINGET", "LONG_BINGET"):
            stack.append(self._memo[argument])
        elif opcode == "MARK":
            stack.append(_MARK)
        elif opcode == "TUPLE":
            stack.append(tuple(self._pop_to_mark()))
        elif opcode == "APPENDS":
            items = self._pop_to_mark()
            _of_kind(stack[-1], list).extend(items)
        elif opcode in ("SETITEM", "SETITEMS"):
            items = self._pop(2) if opcode == "SETITEM" else self._pop_to_mark()
            # Only strings as keys: hashing nested tuples could take for ever.
            keys = [_of_kind(key, str) for key in items[::2]]
            _of_kind(stack[-1], dict).update(zip(keys, items[1::2], strict=True))
        elif opcode == "GLOBAL":
            stack.append(self._named(argument))
        elif opcode == "BINPERSID":
            stack.append(Outside(stack.pop()))
        elif opcode == "REDUCE":
            name, arguments = self._pop(2)
            stack.append(_call(_of_kind(name, Name).words, _of_kind(arguments, tuple)))
        elif opcode == "BUILD":
            stack.pop()

    def _named(self, words: str) -> Name:
        if words not in self._names:
            raise ValueError(f"a pickle that names {words.replace(' ', '.')}, which a state dict does not need")
        return Name(words)

    def _pop(self, count: int) -> list[Any]:
        return [self.stack.pop() for _ in range(count)][::-1]

    def _pop_to_mark(self) -> list[Any]:
        items: list[Any] = []
        while (item := self.stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]


def _call(name: str, arguments: tuple[Any, ...]) -> Any:
    if name != _ORDERED_DICT:
        return Call(name, arguments)
    if arguments:
        raise ValueError("a pickle that fills an OrderedDict at once")
    return {}


def _of_kind(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{type(value).__name__} where {kind.__name__} belongs")
    return value
