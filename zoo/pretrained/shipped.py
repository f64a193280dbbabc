"""Weights in `zoo/pretrained/files`: of tiny variants, which have every operator of their architecture.

A tiny variant trains in minutes on a CPU. Its weights have learned something, so without a download it shows what an
export keeps of a trained network: `--weights tiny` builds and exports it. `python -m zoo.pretraining` trained them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from zoo.pinned import Source, Weights

TAG = "tiny"
_SHAKESPEARE = "33 plays of Shakespeare, in the public domain"
_FASHION_MNIST = "Fashion-MNIST, 60,000 training images"


def fashion_mnist(file: str, sha256: str) -> Weights:
    """Return weights of a default build that was trained on ten kinds of clothes."""
    return _shipped("fashion_mnist", file, sha256, _FASHION_MNIST)


def tiny_fashion_mnist(file: str, sha256: str, options: Mapping[str, Any]) -> Weights:
    """Return weights of a tiny variant, built with `options`, that classifies ten kinds of clothes."""
    return _shipped(TAG, file, sha256, _FASHION_MNIST, options, labels="fashion_mnist")


def tiny_scenes(file: str, sha256: str, options: Mapping[str, Any]) -> Weights:
    """Return weights of a tiny variant, built with `options`, that detects ten kinds of clothes."""
    trained_on = "8,000 scenes: clothes of Fashion-MNIST on photos of scikit-image"
    return _shipped(TAG, file, sha256, trained_on, options, labels="fashion_mnist")


def tiny_canvases(file: str, sha256: str, options: Mapping[str, Any]) -> Weights:
    """Return weights of a tiny variant, built with `options`, that segments five groups of clothes."""
    trained_on = "12,000 canvases: clothes of Fashion-MNIST on photos of scikit-image"
    return _shipped(TAG, file, sha256, trained_on, options, labels="clothes_groups")


def shakespeare(file: str, sha256: str) -> Weights:
    """Return weights of a default build that continues texts."""
    return _shipped("shakespeare", file, sha256, _SHAKESPEARE)


def tiny_shakespeare(file: str, sha256: str, options: Mapping[str, Any]) -> Weights:
    """Return weights of a tiny variant, built with `options`, that fills in hidden tokens."""
    return _shipped(TAG, file, sha256, _SHAKESPEARE, options)


def dates(file: str, sha256: str) -> Weights:
    """Return weights of a default build that writes spoken dates as ISO 8601 does."""
    return _shipped("dates", file, sha256, "40,000 generated dates of 1800 to 2099")


def as_tiny(weights: Weights) -> Weights:
    """Return the weights of a network that is small enough to be its own tiny variant."""
    return replace(weights, tag=TAG)


def _shipped(
    tag: str, file: str, sha256: str, trained_on: str, options: Mapping[str, Any] | None = None, labels: str = ""
) -> Weights:
    return Weights(
        tag=tag,
        licence="Apache-2.0",
        trained_on=trained_on,
        sources=(Source(kind="shipped", location=file, sha256=sha256, reader="npz"),),
        options=options or {},
        labels=labels,
    )
