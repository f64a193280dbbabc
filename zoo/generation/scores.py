"""Metrics of an autoencoder: the error of its reconstructions, and the bound that it was trained for. In float64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Equal pictures have no noise; the number that stands for it must fit into JSON.
EQUAL_PSNR_DB = 200.0


def psnr_db(pictures: NDArray[Any], logits: NDArray[Any]) -> float:
    """Return the peak signal-to-noise ratio of reconstructions: 10 log10(1 / mean squared error of all pixels).

    Args:
        pictures: (N, height, width, channels) in [0, 1].
        logits: of their reconstructions, of the same shape.

    Raises:
        ValueError: the shapes differ.
    """
    import numpy as np

    true, exact = _pair(pictures, logits)
    error = float(((true - 1 / (1 + np.exp(-exact))) ** 2).mean())
    return min(EQUAL_PSNR_DB, -10 * float(np.log10(error))) if error else EQUAL_PSNR_DB


def elbo(pictures: NDArray[Any], logits: NDArray[Any], mean: NDArray[Any], log_variance: NDArray[Any]) -> float:
    """Return the evidence lower bound in nats, the mean over the pictures; 0 is the best possible.

    Kingma, Welling 2013, equation 10 with one sample per picture: the log-likelihood of the reconstruction, Bernoulli
    with grey levels as probabilities (appendix C.1), minus the divergence of the latent distribution from the standard
    normal one (appendix B).

    Args:
        pictures: (N, height, width, channels) in [0, 1].
        logits: of the reconstructions of random latent points, of the same shape.
        mean: of the latent points' distributions, (N, latent).
        log_variance: of these distributions, (N, latent).

    Raises:
        ValueError: the shapes differ.
    """
    import numpy as np

    true, exact = _pair(pictures, logits)
    means, logarithms = _pair(mean, log_variance)
    pixels = (true * exact - np.logaddexp(0, exact)).reshape(len(true), -1).sum(1)
    divergence = (means**2 + np.exp(logarithms) - 1 - logarithms).sum(1) / 2
    return float((pixels - divergence).mean())


def _pair(one: NDArray[Any], other: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    import numpy as np

    if one.shape != other.shape:
        raise ValueError(f"the shapes differ: {one.shape} and {other.shape}")
    return one.astype(np.float64), other.astype(np.float64)
