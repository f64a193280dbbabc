"""Trained weights of the variational autoencoder: by this project, on Fashion-MNIST, Apache-2.0."""

from __future__ import annotations

from zoo.pretrained import shipped

FASHION_MNIST = shipped.fashion_mnist(
    "vae-fashion_mnist.npz", "e3b0d1485897b7024134445830f73c47bc529076b7c9ccad52ba69606a138267"
)
TINY = shipped.as_tiny(FASHION_MNIST)
