"""The training loss of a head.

Redmon, Farhadi 2018, https://arxiv.org/abs/1804.02767, sections 2.1 and 2.2: squared errors of the box, and
cross-entropy for whether there is an object, and for each class on its own.
"""

from __future__ import annotations

from typing import Any

from zoo.detection.heads import Detection, Head
from zoo.detection.targets import BOX_WEIGHT, CLASSES, OBJECT


class HeadLoss:
    """The loss of one head: the sum over cells and anchors, of each photo."""

    def __init__(self, head: Head, detection: Detection) -> None:
        self.head = head
        self.detection = detection

    def __call__(self, target: Any, raw: Any) -> Any:
        """Return the loss (N,).

        Args:
            target: (N, rows, columns, anchors, 6 + classes), see `zoo.detection.targets`.
            raw: (N, rows, columns, anchors * (5 + classes)), the head's output.
        """
        from keras import ops

        numbers = 5 + self.detection.classes
        values = ops.reshape(raw, (-1, *ops.shape(raw)[1:3], len(self.head.anchors), numbers))
        is_object = target[..., OBJECT]
        place = self.detection.scale_x_y * (ops.sigmoid(values[..., :2]) - 0.5) + 0.5
        box = ops.concatenate([place, values[..., 2:4]], axis=-1)
        boxes = ops.sum(ops.square(box - target[..., :4]), axis=-1) * target[..., BOX_WEIGHT]
        confidence = _cross_entropy(is_object, values[..., 4])
        classes = ops.sum(_cross_entropy(target[..., CLASSES:], values[..., 5:]), axis=-1)
        return ops.sum(is_object * (boxes + classes) + confidence, axis=(1, 2, 3))


def _cross_entropy(truth: Any, raw: Any) -> Any:
    """Return -log of the probability that sigmoid(raw) gives to `truth`, 0 or 1: softplus does not overflow."""
    from keras import ops

    return ops.softplus(raw) - truth * raw
