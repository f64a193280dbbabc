"""An evaluation of many photos is judged part by part, on every core, and goes on after it was interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import zoo
from calibration.boxed import find_boxed
from calibration.masks import UNJUDGED, find_masked
from export import cache, pipeline
from export.analysis import evaluation, labelled_data
from export.analysis.labelled_data import InParts, Whole
from export.analysis.tasks.detection.labelled import BoxedFiles
from export.analysis.tasks.segmentation.labelled import MaskedFiles
from export.analysis.tasks.task import Divisible
from export.cache import NO_CACHE, Cache
from export.model.subject import load_subject
from export.recipe import Recipe
from export.scheme import INT8
from zoo import class_names
from zoo.detection.scenes import scatter
from zoo.detection.scenes import write as scenes_on_disk
from zoo.errors import UsageProblemError
from zoo.preprocessing import Preprocessing

FASHION = Path(__file__).parents[1] / "data" / "fashion_mnist_500.npz"
COUNT, PART = 120, 32  # photos; four parts
SIDE, SCENES = 64, 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos in class folders, and a file that is no photo."""
    root = tmp_path_factory.mktemp("classes")
    with np.load(FASHION) as arrays:
        photos, labels = arrays["photos"][:COUNT], arrays["labels"][:COUNT]
    for index, (photo, label) in enumerate(zip(photos, labels, strict=True)):
        (root / str(label)).mkdir(exist_ok=True)
        Image.fromarray(photo[:, :, 0]).save(root / str(label) / f"{index:03}.png")
    (root / "3" / "broken.png").write_bytes(b"no photo")
    return root


def exported(folder: Path, out: Path, *, resume: bool = False) -> list[Any]:
    """Return the evaluation of an export, and the scores of its files."""
    recipe = Recipe(
        model="lenet5",
        schemes=(INT8,),
        evaluate=str(folder),
        calibration=str(folder),
        calibration_count=20,
        probe_count=20,
        out=out,
        resume=resume,
    )
    manifest = pipeline.run(recipe).manifest
    return [manifest["evaluation"], [one["scores"] for one in (*manifest["files"], *manifest["not_delivered"])]]


@pytest.fixture(scope="module")
def whole(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return exported(folder, tmp_path_factory.mktemp("whole"))


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """Evaluate in parts with a cache of the test; the sizes of the parts that are judged."""
    monkeypatch.setattr(evaluation, "LARGEST_WHOLE", PART)
    monkeypatch.setattr(labelled_data, "PART", PART)
    kept = Cache(folder=tmp_path / "kept")
    monkeypatch.setattr(cache, "at_home", lambda *, used=True: kept if used else NO_CACHE)
    sizes: list[int] = []
    compute = InParts._judged

    def counting(self: InParts, part: Divisible, answers: Any) -> Any:
        sizes.append(len(part))
        return compute(self, part, answers)

    monkeypatch.setattr(InParts, "_judged", counting)
    return sizes


def test_parts_give_the_scores_and_the_record_of_the_whole_and_are_kept(
    judged: list[int], folder: Path, whole: list[Any], tmp_path: Path
) -> None:
    assert exported(folder, tmp_path) == whole
    answers = 1 + len(whole[1])  # the model and the files
    assert sum(judged) == answers * (COUNT + 1)
    notes = " ".join(whole[0]["samples"]["warnings"])
    assert "1 unreadable image skipped: broken.png" in notes
    assert "20 calibration photos left out of the evaluation" in notes

    judged.clear()
    assert exported(folder, tmp_path, resume=True) == whole
    assert judged == []
    assert exported(folder, tmp_path) == whole
    assert sum(judged) == answers * (COUNT + 1)

    judged.clear()
    os.utime(next((folder / "7").glob("*.png")), (0, 0))  # as if it were another photo
    assert exported(folder, tmp_path, resume=True) == whole
    assert judged == answers * [PART]


class Failing:
    """Answers with an error, and counts how often."""

    key = None

    def __init__(self) -> None:
        self.count = 0

    def outputs(self, samples: Any, folder: Path, *, alone: bool) -> Any:
        self.count += 1
        raise UsageProblemError("the samples do not fit")


def test_no_part_begins_after_one_failed(judged: list[int], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = load_subject(Recipe(model="lenet5"))
    _, examples = evaluation.find(subject, str(folder))
    assert isinstance(examples, Divisible)
    monkeypatch.setattr(labelled_data.cores, "count", lambda: 1)
    answers = Failing()
    with pytest.raises(UsageProblemError, match="do not fit"):
        InParts(examples=examples, exclude=(), seed=0, cache=NO_CACHE).scores(answers)
    assert answers.count < len(judged) + 1 <= COUNT // PART


class Noise:
    """Answers with numbers that depend on the photo alone."""

    key = "noise"

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.shapes = shapes

    def outputs(self, samples: Any, folder: Path, *, alone: bool) -> Any:
        seeds = [int(digest[:8], 16) for digest in samples.digests]
        return {
            name: np.stack([np.random.default_rng(seed).normal(0, 2, shape) for seed in seeds])
            for name, shape in self.shapes.items()
        }


def test_average_precision_of_parts_is_that_of_all_photos(judged: list[int], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with np.load(FASHION) as arrays:
        pictures, labels = arrays["photos"][..., 0], arrays["labels"].astype(np.int64)
    drawn = scatter(pictures, labels, np.full((SCENES, SIDE, SIDE, 3), 90, np.uint8), rng, most=2)
    scenes_on_disk(drawn, tmp_path / "scenes", class_names.read("fashion_mnist"))
    architecture = zoo.find("yolo_v4_tiny")
    options = dict(architecture.tiny)
    meaning = architecture.detection(**options)
    examples = BoxedFiles(
        photos=find_boxed(tmp_path / "scenes", labels=class_names.read("fashion_mnist")),
        input="image",
        meaning=meaning,
        preprocessing=architecture.preprocess(**options),
    )
    model = architecture.build(**options)
    answers = Noise({head.output: model.get_layer(head.output).output.shape[1:] for head in meaning.heads})
    truth = examples.write(tmp_path / "work", exclude=(), seed=0)
    labelled_data.PART = 7  # `judged` restores it
    in_parts = InParts(examples=examples, exclude=(), seed=0, cache=NO_CACHE)
    whole = Whole(truth=truth, folder=tmp_path / "work")
    assert in_parts.scores_and_record(answers, lambda done, total: None) == whole.scores_and_record(
        answers, lambda done, total: None
    )
    assert len(judged) == 3


def test_mean_iou_of_parts_is_that_of_all_photos(judged: list[int], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for place, depth in (("images", (3,)), ("masks", ())):
        (tmp_path / place).mkdir()
        for index in range(10):
            pixels = rng.integers(0, 3, (8, 8, *depth), np.uint8)
            Image.fromarray(pixels * (80 if depth else 1)).save(tmp_path / place / f"{index}.png")
    Image.fromarray(np.full((8, 8), UNJUDGED, np.uint8)).save(tmp_path / "masks" / "4.png")
    photos = find_masked(tmp_path, classes=3)
    preprocessing = Preprocessing(height=8, width=8, scale=(1.0,), offset=(0.0,))
    examples = MaskedFiles(photos=photos, input="image", output="scores", preprocessing=preprocessing)
    truth = examples.write(tmp_path / "work", exclude=(), seed=0)
    labelled_data.PART = 4  # `judged` restores it
    answers = Noise({"scores": (8, 8, 3)})
    in_parts = InParts(examples=examples, exclude=(), seed=0, cache=NO_CACHE)
    assert in_parts.scores(answers) == Whole(truth=truth, folder=tmp_path / "work").scores(answers)
    assert judged == [4, 4, 2]


@pytest.mark.large
def test_a_killed_evaluation_goes_on(folder: Path, tmp_path: Path) -> None:
    home = tmp_path / "cache"
    program = (
        "import sys; from export.analysis import evaluation, labelled_data as data; "
        f"evaluation.LARGEST_WHOLE = data.PART = {PART}; from export.recipe import Recipe; "
        "from pathlib import Path; from export.scheme import INT8; from export import pipeline; "
        "pipeline.run(Recipe(model='lenet5', schemes=(INT8,), evaluate=sys.argv[1], out=Path(sys.argv[2]), "
        "resume=sys.argv[3] == 'resume'))"
    )
    surroundings = {**os.environ, "ZOO_EXPORT_CACHE": str(home), "ZOO_EXPORT_NO_CACHE": "0"}
    command = [sys.executable, "-c", program, str(folder), str(tmp_path / "out")]
    child = subprocess.Popen([*command, "anew"], env=surroundings, start_new_session=True)
    while child.poll() is None and len(_parts(home)) < 6:
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    kept = _parts(home)
    assert 6 <= len(kept) < 5 * 4
    subprocess.run([*command, "resume"], env=surroundings, check=True)
    finished = _parts(home)
    assert len(finished) == 5 * 4  # four parts for the model, two formats and two precisions
    assert finished.items() >= kept.items()


def _parts(home: Path) -> dict[Path, int]:
    """Return the kept numbers of parts, with what tells whether a file was written again."""
    found = [path for path in home.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {path: path.stat().st_ino for path in found if b"unreadable.npy" in path.read_bytes()}
