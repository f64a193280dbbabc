"""Samples from texts: each text of a file, or of the built-in sentences, becomes the tokens that a network reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path

import numpy as np

from calibration import text_files
from calibration.inputs import Sample
from calibration.samples import Array
from calibration.sources.request import Request, Stream
from zoo.errors import UsageProblemError
from zoo.inputs import (
    DATES,
    MOLECULES,
    REACTIONS,
    SENTENCES,
    SEPARATOR,
    SPEECHES,
    STORIES,
    TargetTokens,
    TokenMask,
    Tokens,
    TokenSegments,
    tokenizer_of,
)
from zoo.language.tokenizer import Tokenizer

BUILTIN = {
    SENTENCES: "200 English sentences of this project",
    STORIES: "stories that stories15m wrote",
    SPEECHES: "speeches of Shakespeare's Twelfth Night",
    DATES: "generated dates",
    REACTIONS: "generated chemical reactions",
    MOLECULES: "molecules that annalog wrote",
}


def reads_text(request: Request) -> bool:
    """Return whether the model reads text: its inputs are tokens, and their tokenizer is known."""
    return tokenizer_of(request.contracts) in request.companions


def open_builtin(request: Request) -> Stream:
    """Return the built-in texts of the model as samples."""
    name = next(one.texts for one in request.contracts.values() if isinstance(one, Tokens))
    content = resources.files("zoo.language").joinpath(name).read_text(encoding="utf-8")
    return _stream(content.splitlines(), BUILTIN[name], request)


def open_file(path: Path, request: Request) -> Stream:
    """Return the lines of a .txt, or the column `text` of a .csv, as samples.

    Raises:
        UsageProblemError: the model reads no text, or the file cannot be read.
    """
    if not reads_text(request):
        raise UsageProblemError(
            f"{path.name} holds text, but the model takes numbers whose tokenizer is not known; give an .npz"
        )
    return _stream(text_files.texts(path), path.name, request)


def _stream(found: Sequence[str], source: str, request: Request) -> Stream:
    """Return the texts as samples, in an order that follows from the seed."""
    name = tokenizer_of(request.contracts)
    encoder = TextInputs(Tokenizer(request.companions[name], name), request)
    order = np.random.default_rng(request.seed).permutation(len(found))
    if not encoder.pads:
        return Stream(source=source, samples=encoder.packed(found[index] for index in order), photos=False)
    stream = Stream(source=source, samples=iter(()), photos=False)

    def samples() -> Iterator[Sample]:
        cut = 0
        for index in order:
            inputs, is_cut = encoder.inputs(found[index])
            cut += is_cut
            yield Sample(inputs=inputs)
        if cut:
            longer = f"{cut} of {len(found)} texts are longer than {encoder.length} tokens and were cut off"
            stream.warnings.append(longer)

    stream.samples = samples()
    return stream


class TextInputs:
    """From a text to the inputs of a network: tokens, which of them are padding, and which text they belong to.

    Attributes:
        length: number of tokens that the network reads.
        pads: whether the network takes a mask, so that shorter texts can be padded.
        target: name of the input that takes the tokens of a translation; None if there is none.
    """

    def __init__(self, tokenizer: Tokenizer, request: Request) -> None:
        """Take the inputs of `request`, whose contracts are those of text."""
        self._tokenizer, self._request = tokenizer, request
        targets = [name for name, one in request.contracts.items() if isinstance(one, TargetTokens)]
        self.target = targets[0] if targets else None
        (self.length,) = {spec.shape[0] for name, spec in request.inputs.items() if name != self.target}
        self.pads = any(isinstance(one, TokenMask) for one in request.contracts.values())

    def inputs(self, text: str, pair: str | None = None) -> tuple[dict[str, Array], bool]:
        """Return the values of a text by input name, and whether it was cut off.

        Raises:
            UsageProblemError: the network translates, and the line holds no translation.
        """
        target = ""
        if self.target is not None:
            text, separator, target = text.partition(SEPARATOR)
            if not separator:
                raise UsageProblemError(f"{text[:60]!r} has no translation; write a text, a tab and its translation")
        return self.translated(text, target, pair)

    def translated(self, text: str, target: str, pair: str | None = None) -> tuple[dict[str, Array], bool]:
        """Return the values of a text and of its translation, which a network without one ignores."""
        encoded = self._tokenizer.encode(text, self.length, pair)
        parts = {Tokens.kind: encoded.ids, TokenMask.kind: encoded.mask, TokenSegments.kind: encoded.segments}
        is_cut = encoded.is_cut
        if self.target is not None:
            written = self._tokenizer.encode(target, self._request.inputs[self.target].shape[0])
            parts[TargetTokens.kind], is_cut = written.ids, is_cut or written.is_cut
        found = {
            name: parts[contract.kind].astype(self._request.inputs[name].dtype)
            for name, contract in self._request.contracts.items()
        }
        return found, is_cut

    def ids(self, text: str) -> list[int]:
        """Return the tokens of a text without padding, however long it is."""
        return self._tokenizer.ids(text)

    def packed(self, found: Iterable[str]) -> Iterator[Sample]:
        """Yield the tokens of texts one behind the other, cut into inputs; the last few are left out."""
        (name,) = self._request.inputs
        dtype, left = self._request.inputs[name].dtype, list[int]()
        for text in found:
            left += self.ids(text)
            while len(left) >= self.length:
                yield Sample(inputs={name: np.asarray(left[: self.length], dtype)})
                left = left[self.length :]
