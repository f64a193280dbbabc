"""Trained weights of LeNet-5: by this project, on Fashion-MNIST, Apache-2.0."""

from __future__ import annotations

from zoo.pretrained import shipped

FASHION_MNIST = shipped.fashion_mnist(
    "lenet5-fashion_mnist.npz", "b7ae7e62030faca1caf953158d862d5448e20ad55e39e5506f63a2fd40022ea5"
)
TINY = shipped.as_tiny(FASHION_MNIST)
