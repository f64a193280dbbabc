"""What the authors' .cfg files and Darknet set of YOLO, number by number, as no other test depends on each.

yolov3-tiny.cfg: https://github.com/pjreddie/darknet/blob/master/cfg/yolov3-tiny.cfg
yolov4-tiny.cfg: https://github.com/AlexeyAB/darknet/blob/master/cfg/yolov4-tiny.cfg
"""

from __future__ import annotations

import numpy as np
import pytest

import zoo
from zoo import yolo_v3_tiny, yolo_v4_tiny
from zoo.detection.decoding import Candidates, decode
from zoo.detection.heads import Detection, Head
from zoo.detection.suppression import detect, suppress
from zoo.detection.targets import HEIGHT, OBJECT, WIDTH, encode
from zoo.detection.truth import Truth

RNG = np.random.default_rng(7)
ONE_ANCHOR = Detection(heads=(Head(output="grid", stride=32, anchors=((20, 30),)),), classes=1)
# Both files say: anchors = 10,14,  23,27,  37,58,  81,82,  135,169,  344,319
COARSE = ((81, 82), (135, 169), (344, 319))  # mask = 3,4,5
FINE = ((23, 27), (37, 58), (81, 82))  # mask = 1,2,3


def test_yolo_v4_tiny_has_the_anchors_masks_and_scale_of_its_cfg() -> None:
    found = yolo_v4_tiny.detection()
    assert [(head.stride, head.anchors) for head in found.heads] == [(32, COARSE), (16, FINE)]
    assert found.scale_x_y == 1.05  # scale_x_y = 1.05, for both heads
    assert found.classes == 80


def test_yolo_v3_tiny_has_the_anchors_of_its_cfg_and_the_mask_of_its_weights() -> None:
    """The .cfg says mask = 0,1,2 for the fine grid; `yolo_v3_tiny.detection` says why 1,2,3 is right."""
    found = yolo_v3_tiny.detection()
    assert [(head.stride, head.anchors) for head in found.heads] == [(32, COARSE), (16, FINE)]
    assert found.scale_x_y == 1.0  # the .cfg sets none
    assert found.classes == 80


def joined(name: str, *parts: str) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Return what the layer `name` of a tiny model with random weights reads and returns, and what `parts` return."""
    import keras

    from zoo.weights import random_weights

    architecture = zoo.find("yolo_v3_tiny" if "conv_5_leaky" in parts else "yolo_v4_tiny")
    model = architecture.build(**architecture.tiny)
    random_weights.fill(model, architecture.preprocess(**architecture.tiny), seed=3)
    layer = model.get_layer(name)
    read = layer.input if not isinstance(layer.input, list) else layer.output
    watched = keras.Model(model.input, [read, layer.output, *(model.get_layer(part).output for part in parts)])
    first, second, *others = watched(RNG.normal(size=(1, 64, 64, 3)).astype(np.float32))
    return np.asarray(first), np.asarray(second), [np.asarray(one) for one in others]


@pytest.mark.parametrize("block", [1, 2, 3])
def test_the_second_half_of_the_channels_goes_through_a_block(block: int) -> None:
    """[route] layers=-1, groups=2, group_id=1."""
    read, _, (whole,) = joined(f"csp_{block}_first", f"csp_{block}_in_leaky")
    first, second = np.split(whole, 2, axis=-1)
    assert np.array_equal(read, second)
    assert not np.allclose(first, second)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        *((f"csp_{block}_both", (f"csp_{block}_second_leaky", f"csp_{block}_first_leaky")) for block in (1, 2, 3)),
        *((f"csp_{block}_out", (f"csp_{block}_in_leaky", f"csp_{block}_merge_leaky")) for block in (1, 2, 3)),
        ("fuse", ("upsample", "csp_3_merge_leaky")),
        ("fuse", ("upsample", "conv_5_leaky")),
    ],
)
def test_layers_are_joined_in_the_order_of_the_cfg(name: str, parts: tuple[str, ...]) -> None:
    """[route] layers = -1,-2, then -6,-1, then -1, 23; in yolov3-tiny.cfg -1, 8."""
    _, whole, found = joined(name, *parts)
    assert np.array_equal(whole, np.concatenate(found, axis=-1))


def test_cells_of_an_oblong_grid_go_column_by_column_within_their_row() -> None:
    boxes = decode({"grid": np.zeros((2, 3, 6))}, ONE_ANCHOR).boxes * (3 * 32, 2 * 32, 3 * 32, 2 * 32)
    centres = [(16, 16), (48, 16), (80, 16), (16, 48), (48, 48), (80, 48)]
    assert ((boxes[:, :2] + boxes[:, 2:]) / 2).tolist() == [pytest.approx(centre) for centre in centres]
    assert boxes[:, 2:] - boxes[:, :2] == pytest.approx(np.tile((20, 30), (6, 1)))


def test_the_power_of_a_size_is_limited_only_where_no_box_is_so_large() -> None:
    def size(power: float) -> np.ndarray:
        raw = np.zeros((1, 1, 6))
        raw[..., 2:4] = power
        box = decode({"grid": raw}, ONE_ANCHOR).boxes[0]
        return (box[2:] - box[:2]) * 32

    # An anchor of 10 x 14 as large as an input of 608 pixels wants log(60.8) = 4.1.
    for power in (-3.0, 3.0, 4.5):
        assert size(power) == pytest.approx(np.array([20, 30]) * np.exp(power))
    assert size(51) == pytest.approx(size(50))


def test_an_object_is_the_target_of_all_similar_anchors_and_of_no_other() -> None:
    detection = Detection(heads=(Head(output="grid", stride=32, anchors=((20, 30), (40, 24), (8, 12))),), classes=1)

    def target(width: float, height: float) -> np.ndarray:
        corners = np.array([[10, 10, 10 + width, 10 + height]]) / 64
        truth = Truth(boxes=corners, classes=np.array([0]), crowds=np.array([False]))
        return encode([truth], detection, 64)[0][0, 0, 0]

    both = target(28, 27)  # overlaps .66, .64 and .13
    assert both[:, OBJECT].tolist() == [1, 1, 0]
    assert both[:2, [WIDTH, HEIGHT]] == pytest.approx(np.log([[28 / 20, 27 / 30], [28 / 40, 27 / 24]]), abs=1e-6)
    assert target(10, 14)[:, OBJECT].tolist() == [0, 0, 1]  # .23, .15 and .69


def row_of_boxes(count: int, apart: float = 1.0) -> np.ndarray:
    """Return boxes of one size in a row, each shifted by `apart` of its width from the one before."""
    left = np.arange(count) * apart / 200
    return np.stack([left, np.zeros(count), left + 1 / 200, np.ones(count)], axis=1)


def test_detections_for_a_measurement_follow_the_rules_of_darknet() -> None:
    """Scores above .001, and of two boxes that share more than .45 the better one: -thresh and -nms of Darknet."""
    faint = suppress(Candidates(boxes=row_of_boxes(2), scores=np.array([[0.0009], [0.0011]])))
    assert faint.scores.tolist() == [0.0011]
    # Boxes of one size, a share `apart` from one another, overlap by (1 - apart) / (1 + apart).
    for overlap, kept in ((0.44, 2), (0.46, 1)):
        boxes = row_of_boxes(2, apart=(1 - overlap) / (1 + overlap))
        assert len(suppress(Candidates(boxes=boxes, scores=np.array([[0.9], [0.8]]))).scores) == kept


def test_a_photo_has_at_most_the_hundred_objects_that_coco_counts() -> None:
    scores = np.linspace(0.1, 0.9, 120)[:, None]
    found = suppress(Candidates(boxes=row_of_boxes(120), scores=scores))
    assert found.scores.tolist() == scores[:19:-1, 0].tolist()
    small = Detection(heads=(Head(output="grid", stride=32, anchors=((20, 30),)),), classes=1)
    assert len(detect({"grid": np.zeros((12, 12, 6))}, small).scores) == 100
