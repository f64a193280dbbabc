"""A target: a runtime with conventions of its own about the files beside a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from export.scheme import Scheme
from zoo.language.decoder import CacheSize


@dataclass(frozen=True, kw_only=True)
class LanguageModel:
    """A delivered file that continues texts, with what a runtime must know about it.

    Attributes:
        name: of the model.
        file: the model file.
        scheme: its precision.
        tokenizer: the file of its tokenizer.
        vocabulary: number of tokens.
        cache: sizes of its cache.
        begin: number of the token in front of every text; None if texts begin without one.
        end: number of the token that ends a text, or of one that no text contains.
    """

    name: str
    file: Path
    scheme: Scheme
    tokenizer: Path
    vocabulary: int
    cache: CacheSize
    begin: int | None
    end: int


# Content, or a file that is copied.
Files = Mapping[str, bytes | Path]


@dataclass(frozen=True, kw_only=True)
class Target:
    """A runtime that loads a delivered file together with files of its own.

    Attributes:
        name: as typed after `--target`.
        title: of the runtime, with the version that was tried.
        format: name of the format that it loads.
        files: paths in the folder of the target -> contents.
        readme: what to install and to type, in Markdown.
    """

    name: str
    title: str
    format: str
    files: Callable[[LanguageModel], Files]
    readme: Callable[[LanguageModel], str]
