"""The libraries of a page: fetched from npm once, pinned by a digest, and copied into the folder of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from zoo.errors import OutsideError
from zoo.pinned import Source
from zoo.weights import sources

FOLDER = "runtimes"


@dataclass(frozen=True, kw_only=True)
class WebLibrary:
    """A library that a page loads: a runtime as WebAssembly, or plain JavaScript.

    Attributes:
        title: its name and version.
        folder: its folder below `FOLDER`.
        sources: what is fetched, with the names of its files in the folder.
        edits: the name of a file -> what is changed in its text.
        notice: licence and copyright, which travel along.
    """

    title: str
    folder: str
    sources: tuple[tuple[Source, tuple[str, ...]], ...]
    notice: str
    edits: Mapping[str, Callable[[str], str]]

    def files(self) -> dict[str, bytes | Path]:
        """Return the library's files by their paths in the folder of a page.

        Raises:
            OutsideError: they are not in the cache, and cannot be fetched.
        """
        found: dict[str, bytes | Path] = {}
        for source, names in self.sources:
            for name, path in zip(names, self._fetched(source), strict=True):
                edit = self.edits.get(name)
                place = str(PurePosixPath(FOLDER, self.folder, name))
                found[place] = path if edit is None else edit(path.read_text(encoding="utf-8")).encode()
        found[str(PurePosixPath(FOLDER, self.folder, "NOTICE.txt"))] = self.notice.encode()
        return found

    def _fetched(self, source: Source) -> list[Path]:
        try:
            return sources.fetch(source)
        except OutsideError as error:
            hint = "it needs a network and npm once; on Debian type: apt-get install npm"
            raise OutsideError(f"{self.title} cannot be fetched: {error}; {hint}") from error


def _replaced(text: str, old: str, new: str) -> str:
    """Return the text with its only occurrence of `old` replaced."""
    assert text.count(old) == 1, f"{text.count(old)} x {old!r}"  # The digest pins the text.
    return text.replace(old, new)


def _all_types(text: str) -> str:
    """Return LiteRT.js with the types of tensors that its WebAssembly has, and its table of three lacks.

    Of LiteRT.js 2.5.3: "Element type INT8 is not supported", although memory is all that such a tensor needs.
    Ends with a LiteRT.js that takes int8 tensors.
    """
    last = "    typedArrayConstructor: Uint8Array,\n    elementType: ElementType.UINT8\n  }\n"
    types = {"int8": "Int8Array", "int16": "Int16Array", "int64": "BigInt64Array", "bool": "Uint8Array"}
    rows = [
        f'  {{ dtype: "{name}", typedArrayConstructor: {array}, elementType: ElementType.{name.upper()} }}'
        for name, array in types.items()
    ]
    text = _replaced(text, last, last.rstrip() + ",\n" + ",\n".join(rows) + "\n")
    # A browser finds a module by its place, not by the name of its package.
    return _replaced(text, '"@litertjs/wasm-utils"', '"./wasm-utils.js"')


_APACHE = """\
{title}, {places}
Copyright Google LLC. Licensed under the Apache License, Version 2.0: https://www.apache.org/licenses/LICENSE-2.0
litert.js was changed: it takes int8, int16, int64 and bool tensors, and finds wasm-utils.js beside it.
"""

_MIT = """\
{title}, {places}

MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""

# "compat" is for browsers without relaxed SIMD instructions; a browser loads one of the two.
_LITERT_WASM = tuple(
    f"litert_wasm_{variant}.{suffix}" for variant in ("internal", "compat_internal") for suffix in ("js", "wasm")
)
LITERT_JS = WebLibrary(
    title="LiteRT.js 2.5.3",
    folder="litert",
    sources=(
        (
            Source(
                kind="npm",
                location="@litertjs/core@2.5.3",
                sha256="9aebc4209aa7b20f2a3da53de28caf649b8211c9f9ca0dbcf2ad10fe464697e9",
                members=("package/dist/index.js", *(f"package/wasm/{name}" for name in _LITERT_WASM)),
            ),
            ("litert.js", *_LITERT_WASM),
        ),
        (
            Source(
                kind="npm",
                location="@litertjs/wasm-utils@2.5.3",
                sha256="c9c6c95a4e8692dd8a01f5d2d19dbe741b59c95c29d51bed19a22496760a9c62",
                members=("package/dist/bundle.js",),
            ),
            ("wasm-utils.js",),
        ),
    ),
    notice=_APACHE.format(title="LiteRT.js 2.5.3", places="npm packages @litertjs/core and @litertjs/wasm-utils"),
    edits={"litert.js": _all_types},
)

_ORT_NAMES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
ONNXRUNTIME_WEB = WebLibrary(
    title="ONNX Runtime Web 1.30.0",
    folder="onnxruntime",
    sources=(
        (
            Source(
                kind="npm",
                location="onnxruntime-web@1.30.0",
                sha256="a14b58a071caa054f51192af2ef3920ac65f3f348993ea8bce60648c32f87653",
                members=tuple(f"package/dist/{name}" for name in _ORT_NAMES),
            ),
            _ORT_NAMES,
        ),
    ),
    notice=_MIT.format(title="ONNX Runtime Web 1.30.0", places="npm package onnxruntime-web"),
    edits={},
)

TOKENIZERS_JS = WebLibrary(
    title="Tokenizers.js 0.2.0",
    folder="tokenizers",
    sources=(
        (
            Source(
                kind="npm",
                location="@huggingface/tokenizers@0.2.0",
                sha256="01329841a3017be55fcb7f67c9e97973a2b7fbeba46b6187bd00aa06f550b6ff",
                members=("package/dist/tokenizers.min.mjs", "package/LICENSE"),
            ),
            ("tokenizers.min.mjs", "LICENSE.txt"),
        ),
    ),
    notice="Tokenizers.js 0.2.0, npm package @huggingface/tokenizers. Apache License, Version 2.0: see LICENSE.txt\n",
    edits={},
)

# By the name of the runtime that `export.formats` gives a format.
RUNTIMES: Mapping[str, WebLibrary] = {"ai-edge-litert": LITERT_JS, "onnxruntime": ONNXRUNTIME_WEB}
