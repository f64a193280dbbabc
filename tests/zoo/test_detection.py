"""Decoding of boxes, suppression and average precision, compared with computations by hand."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.detection.average_precision import average_precision
from zoo.detection.boxes import on_photo, overlap
from zoo.detection.decoding import Candidates, decode
from zoo.detection.heads import Detection, Head
from zoo.detection.scenes import scatter
from zoo.detection.suppression import Objects, detect, suppress
from zoo.detection.targets import BOX_WEIGHT, CLASSES, HEIGHT, OBJECT, WIDTH, X, Y, encode
from zoo.detection.truth import Truth
from zoo.weights import load

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(6)
DETECTORS = [name for name in zoo.names() if zoo.find(name).task == "detection"]
# Grids of 2 x 2 and 4 x 4 cells over 64 x 64 pixels; three classes.
HEADS = (
    Head(output="coarse", stride=32, anchors=((20, 30), (40, 24))),
    Head(output="fine", stride=16, anchors=((8, 12),)),
)
DETECTION = Detection(heads=HEADS, classes=3, scale_x_y=1.05)


def logit(share: float) -> float:
    return float(np.log(share / (1 - share)))


def empty() -> dict[str, np.ndarray]:
    """Return raw outputs without any object."""
    outputs = {"coarse": np.zeros((2, 2, 2 * 8)), "fine": np.zeros((4, 4, 8))}
    for values in outputs.values():
        values.reshape(*values.shape[:2], -1, 8)[..., 4] = -20
    return outputs


def objects(*rows: tuple[tuple[float, ...], float, int]) -> Objects:
    boxes, scores, classes = zip(*rows, strict=True) if rows else ((), (), ())
    return Objects(
        boxes=np.array(boxes, np.float64).reshape(-1, 4),
        scores=np.array(scores, np.float64),
        classes=np.array(classes, np.int64),
    )


def truth(*rows: tuple[tuple[float, ...], int], crowds: tuple[int, ...] = ()) -> Truth:
    boxes, classes = zip(*rows, strict=True) if rows else ((), ())
    return Truth(
        boxes=np.array(boxes, np.float64).reshape(-1, 4),
        classes=np.array(classes, np.int64),
        crowds=np.isin(np.arange(len(rows)), crowds),
    )


def test_raw_numbers_are_decoded_to_the_box_that_the_paper_defines() -> None:
    outputs = empty()
    # Row 1, column 0, second anchor (40 x 24): half as wide, twice as high.
    outputs["coarse"][1, 0, 8:] = [logit(0.25), logit(0.5), np.log(0.5), np.log(2), logit(0.8), -20, logit(0.5), -20]
    found = decode(outputs, DETECTION)
    (best,) = np.argwhere(found.scores > 0.1)
    assert best.tolist() == [5, 1]  # cells row by row, anchors within them
    assert found.scores[5, 1] == pytest.approx(0.4)
    centre = np.array([32 * (1.05 * (0.25 - 0.5) + 0.5), 32 + 16])
    size = np.array([20, 48])
    assert found.boxes[5] * 64 == pytest.approx(np.concatenate([centre - size / 2, centre + size / 2]))
    assert found.boxes.shape == (2 * 2 * 2 + 4 * 4, 4)


def test_without_stretching_a_centre_stays_in_its_cell_and_with_it_leaves() -> None:
    outputs = empty()
    outputs["fine"][2, 3, :2] = 20
    for scale, expected in ((1.0, (4.0, 3.0)), (1.05, (4.025, 3.025))):
        box = decode(outputs, replace(DETECTION, scale_x_y=scale)).boxes[8 + 2 * 4 + 3]
        assert (box[:2] + box[2:]) / 2 * 4 == pytest.approx(expected)


def test_huge_numbers_give_no_infinite_boxes_and_another_shape_is_refused() -> None:
    outputs = empty()
    outputs["fine"][0, 0] = 1e9
    outputs["coarse"][0, 0] = -1e9
    found = decode(outputs, DETECTION)
    assert np.isfinite(found.boxes).all()
    assert np.isfinite(found.scores).all()
    with pytest.raises(ValueError, match="output fine has the shape"):
        decode(outputs | {"fine": np.zeros((4, 4, 9))}, DETECTION)


def test_overlap_is_the_share_of_cells_that_two_boxes_have_in_common() -> None:
    corners = np.sort(RNG.integers(0, 12, (40, 2, 2)), axis=1)
    boxes = corners.reshape(-1, 4).astype(np.float64)
    y, x = np.mgrid[:12, :12]

    def cells(box: np.ndarray) -> np.ndarray:
        return (x >= box[0]) & (x < box[2]) & (y >= box[1]) & (y < box[3])

    for box in boxes:
        shared = [(cells(box) & cells(other)).sum() for other in boxes]
        either = [(cells(box) | cells(other)).sum() for other in boxes]
        assert overlap(box[None], boxes)[0] == pytest.approx(np.array(shared) / np.maximum(either, 1))


def test_boxes_on_the_photo_are_in_its_pixels_and_not_outside() -> None:
    assert on_photo(np.array([[-0.1, 0.25, 0.5, 1.5]]), 640, 480).tolist() == [[0, 120, 320, 480]]


def slowly(candidates: Candidates, threshold: float, most_overlap: float) -> list[tuple[float, int, tuple[float, ...]]]:
    """Non-maximum suppression as its definition says it, pair by pair."""
    pairs = [
        (score, label, tuple(np.clip(box, 0, 1)), box)
        for box, scores in zip(candidates.boxes, candidates.scores, strict=True)
        for label, score in enumerate(scores)
        if score > threshold
    ]
    kept: list[Any] = []
    for pair in sorted(pairs, key=lambda pair: -pair[0]):
        if all(
            label != pair[1] or overlap(box[None], pair[3][None])[0, 0] <= most_overlap for _, label, _, box in kept
        ):
            kept.append(pair)
    return [(score, label, box) for score, label, box, _ in kept]


@pytest.mark.parametrize("most_overlap", [0.2, 0.45, 0.8])
def test_suppression_keeps_the_same_boxes_as_brute_force(most_overlap: float) -> None:
    generator = np.random.default_rng(0)
    corners = generator.uniform(0.1, 0.3, (150, 2))
    candidates = Candidates(
        boxes=np.concatenate([corners, corners + generator.uniform(0.3, 0.5, (150, 2))], axis=1),
        scores=generator.uniform(0, 1, (150, 3)) ** 3,
    )
    expected = slowly(candidates, 0.1, most_overlap)
    found = suppress(candidates, 0.1, most_overlap, most_objects=1000)
    rows = list(zip(found.scores, found.classes, map(tuple, found.boxes), strict=True))
    assert rows == expected
    assert 2 < len(expected) < (candidates.scores > 0.1).sum()
    few = suppress(candidates, 0.1, most_overlap, most_objects=2)
    assert few.scores.tolist() == [score for score, _, _ in expected[:2]]


def test_no_score_above_the_threshold_gives_no_object() -> None:
    found = detect(empty(), DETECTION)
    assert found.boxes.shape == (0, 4)
    assert len(found.scores) == len(found.classes) == 0


BOX, OTHER = (0.1, 0.1, 0.5, 0.5), (0.6, 0.6, 0.9, 0.9)


def test_average_precision_equals_a_count_by_hand() -> None:
    """Class 0: a right box, a wrong one, a right one, of three. Class 2: one, right up to an overlap of .52."""
    right = [truth((BOX, 0), (OTHER, 0)), truth((BOX, 0), (OTHER, 2))]
    shrunk = (0.6, 0.6, 0.9, 0.6 + 0.3 * 0.52)
    found = [objects((BOX, 0.9, 0), ((0.0, 0.8, 0.1, 0.9), 0.8, 0), (OTHER, 0.7, 0)), objects((shrunk, 0.5, 2))]
    # Precision 1 up to a recall of 1/3, then 2/3 up to 2/3, then nothing; read off at 101 recalls, 0 to 1.
    class_0 = (34 * 1 + 33 * 2 / 3) / 101
    scores = average_precision(found, right)
    assert scores["ap50"] == pytest.approx((class_0 + 1) / 2)
    assert scores["ap"] == pytest.approx((class_0 + 0.1) / 2)


def test_crowds_are_neither_right_nor_wrong_and_doubles_are_wrong() -> None:
    right = [truth((BOX, 0), (OTHER, 0), crowds=(1,))]
    in_the_crowd = objects(((0.6, 0.6, 0.7, 0.7), 0.95, 0), (BOX, 0.9, 0))
    assert average_precision([in_the_crowd], right)["ap50"] == pytest.approx(1)
    doubled = objects((BOX, 0.95, 0), (BOX, 0.9, 0))
    both = [truth((BOX, 0), (OTHER, 0))]
    assert average_precision([doubled], both)["ap50"] == pytest.approx(51 / 101)
    assert average_precision([objects()], both) == {"ap": 0.0, "ap50": 0.0}


def test_average_precision_prints_nothing_and_refuses_invalid_input(capfd: pytest.CaptureFixture[str]) -> None:
    right = [truth((BOX, 0))]
    assert average_precision([objects((BOX, 0.5, 0))], right) == pytest.approx({"ap": 1, "ap50": 1})
    assert capfd.readouterr() == ("", "")
    for found, wanted, words in (
        ([], right, "0 photos"),
        ([objects()], [truth()], "no object"),
        ([objects((BOX, float("nan"), 0))], right, "not finite"),
        ([objects((BOX, 0.5, 0))], [truth((tuple(x * float("nan") for x in BOX), 0))], "true box is not finite"),
    ):
        with pytest.raises(ValueError, match=words):
            average_precision(found, wanted)


def said(targets: list[np.ndarray], detection: Detection) -> list[dict[str, np.ndarray]]:
    """Return, for each photo, the raw outputs of a network that says what the targets want."""
    outputs: list[dict[str, np.ndarray]] = [{} for _ in targets[0]]
    for head, target in zip(detection.heads, targets, strict=True):
        raw = np.zeros((*target.shape[:4], 5 + detection.classes))
        place = (target[..., [X, Y]] - 0.5) / detection.scale_x_y + 0.5
        raw[..., :2] = np.log(place / (1 - place))
        raw[..., 2:4] = target[..., [WIDTH, HEIGHT]]
        raw[..., 4] = np.where(target[..., OBJECT], 12, -12)
        raw[..., 5:] = np.where(target[..., CLASSES:], 12, -12)
        for output, values in zip(outputs, raw.reshape(*raw.shape[:3], -1), strict=True):
            output[head.output] = values
    return outputs


def scenes(count: int, side: int = 64, most: int = 2) -> Any:
    rng = np.random.default_rng(8)
    pictures = np.zeros((9, 12, 12), np.uint8)
    for index, picture in enumerate(pictures):
        picture[1 : 5 + index % 3 * 3, 2 : 6 + index // 3 * 2] = 200
    grounds = rng.integers(0, 20, (count, side, side, 3)).astype(np.uint8)
    return scatter(pictures, np.arange(9) // 3, grounds, rng, most=most)


def test_outputs_equal_to_the_targets_detect_every_object() -> None:
    truths = scenes(60, most=1).truth  # two objects may want the same cell and anchor
    outputs = said(encode(truths, DETECTION, 64), DETECTION)
    found = [detect(output, DETECTION) for output in outputs]
    assert average_precision(found, truths)["ap"] > 0.999


def test_the_loss_is_lowest_at_the_targets_and_grows_with_every_error() -> None:
    from zoo.detection.loss import HeadLoss

    truths = [truth(((0.2, 0.1, 0.6, 0.7), 1))]
    targets = encode(truths, DETECTION, 64)
    (outputs,) = said(targets, DETECTION)
    head, target = HEADS[0], targets[0]
    loss = HeadLoss(head, DETECTION)
    right = float(np.sum(loss(target, outputs["coarse"][None].astype(np.float32))))
    assert right < 1e-3
    row, column, anchor = np.argwhere(target[0, ..., OBJECT])[0]
    assert target[0, row, column, anchor, BOX_WEIGHT] == pytest.approx(2 - 0.4 * 0.6)
    for number in range(8):
        wrong = outputs["coarse"].copy().reshape(2, 2, 2, 8)
        wrong[row, column, anchor, number] += 1 if number < 4 else -24 * np.sign(wrong[row, column, anchor, number])
        worse = np.sum(loss(target, wrong.reshape(1, 2, 2, 16).astype(np.float32)))
        assert worse > right + 0.01, number


@pytest.mark.large
def test_training_lowers_the_loss_and_the_model_can_be_saved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import keras

    from zoo.pretraining.detection import fit

    architecture = zoo.find("yolo_v3_tiny")
    options = dict(architecture.tiny)
    model, preprocessing = architecture.build(**options), architecture.preprocess(**options)
    load(model, architecture, "tiny")
    before = model.get_weights()
    fit(model, preprocessing, architecture.detection(**options), scenes(48), epochs=6)
    losses = [float(line.rpartition(" ")[2]) for line in capsys.readouterr().out.splitlines() if "loss" in line]
    assert len(losses) == 6
    assert losses[-1] < 0.8 * losses[0]
    assert not any(np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True))
    model.save(tmp_path / "trained.keras")
    stored = keras.models.load_model(tmp_path / "trained.keras").get_weights()
    assert all(np.array_equal(one, other) for one, other in zip(stored, model.get_weights(), strict=True))


def test_a_scenes_box_is_tight_around_its_thing() -> None:
    generated = scenes(30)
    for photo, one in zip(generated.photos, generated.truth, strict=True):
        inside = np.zeros(photo.shape[:2], bool)
        for left, top, right, bottom in np.rint(one.boxes * 64).astype(int):
            assert photo[top:bottom, left:right].max() > 100
            inside[top:bottom, left:right] = True
            for edge in (photo[top, left:right], photo[bottom - 1, left:right], photo[top:bottom, left]):
                assert edge.max() >= 24
        assert photo[~inside].max() < 24


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("tiny", [False, True])
def test_the_detection_facts_match_the_outputs_of_a_detector(name: str, tiny: bool) -> None:
    architecture = zoo.find(name)
    options = dict(architecture.tiny) if tiny else {}
    model, detection = architecture.build(**options), architecture.detection(**options)
    side = model.input_shape[1]
    assert architecture.preprocess(**options).fit == "stretch"
    assert model.output_names == [head.output for head in detection.heads]
    for head, shape in zip(detection.heads, model.output_shape, strict=True):
        assert shape == (None, side // head.stride, side // head.stride, len(head.anchors) * (5 + detection.classes))
        assert all(width <= side and height <= side for width, height in head.anchors)
    assert detection.classes == (10 if tiny else architecture.classes)


def test_boxes_need_no_tensorflow() -> None:
    code = (
        "import sys, zoo.detection.suppression, zoo.detection.boxes, zoo.detection.average_precision; "
        "print(*[name for name in ('tensorflow', 'keras', 'PIL') if name in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert loaded.stdout.split() == []
