"""Small trained twins: variants of the zoo's networks that anybody can train in minutes, shipped with the zoo.

A twin has every operator of its architecture, and weights that have learned something: without a download it shows
what an export keeps of a trained network. `--weights tiny` builds and exports it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from zoo.pinned import Source, Weights

TAG = "tiny"


def fashion_mnist(file: str, sha256: str, options: Mapping[str, Any]) -> Weights:
    """Return the weights of a twin that knows ten kinds of clothes.

    Args:
        file: in `zoo/pretrained`, made by `python -m zoo.training NAME --tiny`.
        sha256: of that file.
        options: of the small build.
    """
    return _of_clothes(file, sha256, options, trained_on="Fashion-MNIST, 60,000 training images")


def scenes(file: str, sha256: str, options: Mapping[str, Any]) -> Weights:
    """Return the weights of a twin that finds ten kinds of clothes.

    Args:
        file: in `zoo/pretrained`, made by `python -m zoo.detection.training NAME`.
        sha256: of that file.
        options: of the small build.
    """
    return _of_clothes(
        file, sha256, options, trained_on="8,000 scenes: clothes of Fashion-MNIST on photos of scikit-image"
    )


def itself(weights: Weights) -> Weights:
    """Return the weights of a network that is small enough to be its own twin."""
    return replace(weights, tag=TAG)


def _of_clothes(file: str, sha256: str, options: Mapping[str, Any], *, trained_on: str) -> Weights:
    return Weights(
        tag=TAG,
        licence="Apache-2.0",
        trained_on=trained_on,
        sources=(Source(kind="shipped", location=file, sha256=sha256, reader="npz"),),
        options=options,
        labels="fashion_mnist",
    )
