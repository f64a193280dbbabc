"""Spectra of toy cars that the trained autoencoder itself makes from random codes.

No registry carries ToyADMOS. The batch norm in the middle says how each of the eight numbers of a code is distributed
on the training data; the decoder turns such codes into spectra, and noise stands for what the code does not hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import zoo
from calibration.samples import Array
from zoo import weights
from zoo.mlperf_autoencoder import CODE

if TYPE_CHECKING:
    import keras

NOISE_DB = 3.0  # its square is about the error of spectra of running toy cars in MLPerf's results


def spectra(seed: int, count: int) -> Array:
    """Return log-mel spectra (count, 640) in dB."""
    model, rng = trained(), np.random.default_rng(seed)
    norm = model.get_layer(f"dense{CODE}_bn")
    codes = np.maximum(0, rng.normal(norm.beta.numpy(), np.abs(norm.gamma.numpy()), (count, *norm.beta.shape)))
    clean: Array = _decoder(model)(codes.astype(np.float32)).numpy()
    return (clean + rng.normal(0, NOISE_DB, clean.shape)).astype(np.float32)


def trained() -> keras.Model:
    """Return the autoencoder with MLPerf's weights."""
    architecture = zoo.find("mlperf_autoencoder")
    model = architecture.build()
    weights.load(model, architecture)
    return model


def _decoder(model: keras.Model) -> keras.Model:
    """Return what follows the layer in the middle."""
    import keras

    x = code = keras.Input(model.get_layer(f"dense{CODE}_relu").output.shape[1:])
    for index in range(CODE + 1, 2 * CODE):
        for part in ("", "_bn", "_relu"):
            x = model.get_layer(f"dense{index}{part}")(x)
    return keras.Model(code, model.get_layer("reconstruction")(x))
