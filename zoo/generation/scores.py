"""How good an autoencoder is: how near its pictures come, and the bound that it was trained for. In float64."""

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
        logits: of their reconstructions, likewise.

    Raises:
        ValueError: the shapes differ.
    """
    import numpy as np

    true, exact = _pair(pictures, logits)
    error = float(((true - 1 / (1 + np.exp(-exact))) ** 2).mean())
    return min(EQUAL_PSNR_DB, -10 * float(np.log10(error))) if error else EQUAL_PSNR_DB


def elbo(pictures: NDArray[Any], logits: NDArray[Any], mean: NDArray[Any], log_variance: NDArray[Any]) -> float:
    """Return the evidence lower bound in nats, the mean over the pictures; 0 is the best there is.

    Kingma, Welling 2013, equation 10 with one sample a picture: what the reconstruction is worth, with a Bernoulli
    likelihood whose grey levels count as probabilities (appendix C.1), less how far the latent point's distribution is
    from the standard normal one (appendix B).

    Args:
        pictures: (N, height, width, channels) in [0, 1].
        logits: of the reconstructions of points that were drawn, likewise.
        mean: of the latent points' distributions, (N, latent).
        log_variance: likewise.

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
