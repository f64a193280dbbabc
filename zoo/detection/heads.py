"""What a detector's outputs mean, as data for manifests and for programs on a device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

Anchor = tuple[float, float]

# k-means over the boxes of COCO, in pixels of a 416 x 416 input: yolov3-tiny.cfg and yolov4-tiny.cfg.
COCO_ANCHORS: tuple[Anchor, ...] = ((10, 14), (23, 27), (37, 58), (81, 82), (135, 169), (344, 319))


@dataclass(frozen=True, kw_only=True)
class Head:
    """One grid of predictions.

    Attributes:
        output: name of the model's output (N, height / stride, width / stride, anchors * (5 + classes)).
        stride: pixels of the input between two cells.
        anchors: (width, height) of the reference boxes, in pixels of the input.
    """

    output: str
    stride: int
    anchors: tuple[Anchor, ...]


@dataclass(frozen=True, kw_only=True)
class Detection:
    """How raw outputs become boxes; see `zoo.detection.decoding`.

    Attributes:
        heads: the grids, in the order of the model's outputs.
        classes: number of classes of objects.
        scale_x_y: factor of the range in which a centre may move around the middle of its cell; above 1 it reaches the
            edge.
    """

    heads: tuple[Head, ...]
    classes: int
    scale_x_y: float = 1.0

    def record(self) -> dict[str, Any]:
        """Return plain data for a manifest."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return what `record()` described."""
        heads = tuple(
            Head(
                output=str(head["output"]),
                stride=int(head["stride"]),
                anchors=tuple((float(width), float(height)) for width, height in head["anchors"]),
            )
            for head in record["heads"]
        )
        return cls(heads=heads, classes=int(record["classes"]), scale_x_y=float(record["scale_x_y"]))


def choose(anchors: tuple[Anchor, ...], mask: Iterable[int]) -> tuple[Anchor, ...]:
    """Return the anchors that a .cfg gives to one `[yolo]` layer by `mask`."""
    return tuple(anchors[index] for index in mask)
