"""`--evaluate` of models with image outputs: mean IoU of masks, PSNR and ELBO of reconstructions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from calibration.masks import UNJUDGED, find_masked, masked_samples
from calibration.samples import Samples
from export.analysis import tasks
from export.analysis.tasks.segmentation.labelled import MaskedSamples
from export.metrics import OutputKind, by_shape, compare
from export.model.subject import load_subject
from export.pipeline import run
from export.recipe import Recipe
from export.scheme import FLOAT32, INT8
from zoo.errors import CheckFailedError, UsageProblemError
from zoo.preprocessing import Preprocessing
from zoo.pretraining.segmentation import evaluate as score_masks
from zoo.segmentation import canvases
from zoo.weights import load as load_weights

DATA = Path(__file__).parents[1] / "data"
SQUARE = Preprocessing(height=16, width=16, colours="GRAY", crop_fraction=0.75, resize="bilinear", scale=(1 / 255,))


def write(folder: Path, name: str, photo: np.ndarray, mask: np.ndarray) -> None:
    for kind, picture in (("images", photo), ("masks", mask)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / kind / f"{name}.png")


def test_mask_is_cropped_like_its_photo(tmp_path: Path) -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[10:, 25:] = 5
    write(tmp_path, "a", mask * 51, mask)
    samples, masks = masked_samples(
        find_masked(tmp_path, classes=6), name="image", preprocessing=SQUARE, seed=0, work=tmp_path / "work"
    )
    assert samples.photos is not None
    assert masks.shape == (1, 16, 16)
    edges = (samples.photos[..., 0] > 20) & (samples.photos[..., 0] < 235)  # where the filter mixes both
    assert edges.mean() < 0.2
    assert set(np.unique(masks)) == {0, 5}  # nothing between the two classes
    assert ((samples.photos[..., 0] > 127) == (masks == 5))[~edges].all()
    assert 0.2 < (masks == 5).mean() < 0.8


def test_palette_indices_are_the_classes(tmp_path: Path) -> None:
    indices = Image.fromarray(np.array([[0, 1], [2, UNJUDGED]], np.uint8).repeat(8, 0).repeat(8, 1)).convert("P")
    indices.putpalette([value for colour in range(256) for value in (255 - colour, 7, colour)])
    write(tmp_path, "a", np.zeros((16, 16), np.uint8), np.zeros((16, 16), np.uint8))
    indices.save(tmp_path / "masks" / "a.png")
    whole = Preprocessing(height=16, width=16, colours="GRAY", crop_fraction=1.0)
    _, masks = masked_samples(
        find_masked(tmp_path, classes=3), name="image", preprocessing=whole, seed=0, work=tmp_path / "work"
    )
    assert masks[0, ::8, ::8].tolist() == [[0, 1], [2, UNJUDGED]]


@pytest.mark.parametrize(
    ("mask", "complaint"),
    [
        (np.full((16, 16), 7, np.uint8), "contains the class 7; the model has classes 0 to 2"),
        (np.zeros((16, 16, 3), np.uint8), "has colours"),
        (np.zeros((8, 16), np.uint8), "but its photo has"),
    ],
)
def test_error_names_a_file_that_is_not_a_mask(mask: np.ndarray, complaint: str, tmp_path: Path) -> None:
    write(tmp_path, "a", np.zeros((16, 16), np.uint8), mask)
    with pytest.raises(UsageProblemError, match=rf"the mask a\.png.*{complaint}"):
        masked_samples(
            find_masked(tmp_path, classes=3), name="image", preprocessing=SQUARE, seed=0, work=tmp_path / "work"
        )


def test_masks_without_labelled_pixels_are_rejected(tmp_path: Path) -> None:
    write(tmp_path, "a", np.zeros((16, 16), np.uint8), np.full((16, 16), UNJUDGED, np.uint8))
    photos = find_masked(tmp_path, classes=6)
    with pytest.raises(UsageProblemError, match="every mask pixel is 255"):
        masked_samples(photos, name="image", preprocessing=SQUARE, seed=0, work=tmp_path / "work")


def test_error_names_a_photo_without_mask(tmp_path: Path) -> None:
    blank = np.zeros((16, 16), np.uint8)
    with pytest.raises(UsageProblemError, match="has no masks; give a folder with images"):
        find_masked(tmp_path, classes=2)
    write(tmp_path, "a", blank, blank)
    Image.fromarray(blank).save(tmp_path / "images" / "b.png")
    with pytest.raises(UsageProblemError, match="images holds 'b', but masks has no file of that name"):
        find_masked(tmp_path, classes=2)


def masked(masks: np.ndarray) -> MaskedSamples:
    samples = Samples(inputs={"image": np.zeros((*masks.shape, 1), np.float32)}, source="made", seed=0)
    return MaskedSamples(samples=samples, masks=masks, output="logits")


def test_unlabelled_pixels_are_not_evaluated() -> None:
    masks = np.array([[[0, 1], [1, UNJUDGED]]], np.uint8)
    right = np.eye(3)[np.array([[[0, 1], [1, 2]]])]
    assert masked(masks).scores({"logits": right}) == {"mean_iou": 1.0}
    half = np.eye(3)[np.array([[[0, 1], [0, 2]]])]
    assert masked(masks).scores({"logits": half}) == {"mean_iou": pytest.approx(0.5)}


def test_outputs_of_the_wrong_shape_or_with_nan_are_rejected() -> None:
    truth = masked(np.zeros((2, 4, 4), np.uint8))
    with pytest.raises(CheckFailedError, match="the masks"):
        truth.scores({"logits": np.zeros((2, 4, 2, 3))})
    with pytest.raises(CheckFailedError, match="NaN"):
        truth.scores({"logits": np.full((2, 4, 4, 3), np.nan)})


def test_latent_points_have_no_top_1() -> None:
    point, picture = np.eye(4), np.zeros((4, 2, 2, 1))
    assert set(by_shape({"head": point, "other head": point}).values()) == {OutputKind.CLASSES}
    assert set(by_shape({"picture": picture, "point": point}).values()) == {OutputKind.VALUES}
    assert compare(reference=point, actual=point).top1_agreement == 1
    assert compare(reference=point, actual=point, kind=OutputKind.VALUES).top1_agreement is None


@pytest.mark.parametrize(
    ("name", "task"), [("unet", "segmentation"), ("vae", "generation"), ("lenet5", "classification")]
)
def test_architecture_is_evaluated_by_its_own_task(name: str, task: str) -> None:
    subject = load_subject(Recipe(model=name, options={"width": 8} if name == "unet" else {}))
    assert tasks.find(subject).name == task
    assert [other.name for other in tasks.TASKS.values() if other.suits(subject.model)] == [task]


def test_tiny_unet_and_its_files_reach_the_scores_of_training(tmp_path: Path) -> None:
    with np.load(DATA / "fashion_mnist_500.npz") as arrays:
        clothes, labels = arrays["photos"][:, 2:30, 2:30, 0], arrays["labels"]
    photos = canvases.open_photos(canvases.PHOTOS["test"])
    composed = canvases.compose(clothes, labels, photos, 40, 64, np.random.default_rng(0))
    canvases.write(composed, tmp_path / "canvases")
    recipe = Recipe(
        model="unet",
        weights="tiny",
        schemes=(FLOAT32, INT8),
        evaluate=str(tmp_path / "canvases"),
        calibration_count=32,
        probe_count=16,
        out=tmp_path,
    )
    manifest = run(recipe).manifest
    architecture = zoo.find("unet")
    model, preprocessing = architecture.build(**architecture.tiny), architecture.preprocess(**architecture.tiny)
    load_weights(model, architecture, "tiny")
    reached = score_masks(model, preprocessing, composed.photos, composed.masks)
    found = manifest["evaluation"]
    assert (found["task"], found["count"]) == ("segmentation", 40)
    assert found["scores"]["mean_iou"] == pytest.approx(reached, abs=1e-3)
    assert len(manifest["files"]) == 4
    for file in manifest["files"]:
        assert file["scores"]["mean_iou"] == pytest.approx(reached, abs=0.03)
