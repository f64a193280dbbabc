"""How many channels a layer has when a network is made wider or narrower."""

from __future__ import annotations


def rounded(channels: float) -> int:
    """Return the nearest multiple of 8 that takes no more than a tenth away; at least 8.

    So did Google's MobileNet v2 and EfficientNet (tensorflow/models: slim/nets/mobilenet/mobilenet.py).
    """
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest
