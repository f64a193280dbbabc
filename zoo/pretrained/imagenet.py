"""Weights trained on ImageNet-1k, and the files of them that keras.applications downloads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.pinned import Source, Weights

if TYPE_CHECKING:
    from zoo.pinned import Adapt


def imagenet(licence: str, *sources: Source) -> Weights:
    """Return one set of ImageNet weights of the default build, with the sources to try in this order."""
    return Weights(tag="imagenet", licence=licence, trained_on="ImageNet-1k (ILSVRC 2012)", sources=sources)


def from_keras(path: str, md5: str, adapt: Adapt) -> Source:
    """Return the file at `path` of Google's storage that keras.applications downloads.

    Keras publishes only the md5 of these files: in keras/src/applications, in the module of each network.
    """
    return Source(
        kind="url",
        location=f"https://storage.googleapis.com/{path}",
        md5=md5,
        reader="keras_h5",
        adapt=adapt,
    )
