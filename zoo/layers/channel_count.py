"""The number of channels of a layer when a network is scaled in width."""

from __future__ import annotations


def rounded(channels: float) -> int:
    """Return the nearest multiple of 8 that is at least 90 % of `channels`; at least 8.

    As in Google's MobileNet v2 and EfficientNet (tensorflow/models: slim/nets/mobilenet/mobilenet.py).
    """
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest
