"""`zoo train --devices`: training on several devices gives the same weights as on one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from export.cli.main import main
from training import distributing, tasks
from training.feed import Feed
from training.recipe import TrainingRecipe
from training.start import ZooStart
from training.tasks.task import of_photos
from zoo.errors import UsageProblemError

ROOT = Path(__file__).parents[2]


@pytest.mark.large  # five processes
def test_two_devices_give_the_same_weights_as_one_even_after_a_kill(
    clothes: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    import keras

    # The second stage trains in tf_keras, which distributes batches by itself.
    recipe = ["--data", str(clothes), "--batch", "8", "--epochs", "2", "--prune", "0.5", "--stage-epochs", "1"]
    one, two = tmp_path / "one.keras", tmp_path / "two.keras"
    assert main(["train", "lenet5", *recipe, "--out", str(one)]) == 0
    request.getfixturevalue("own_process")  # cores can only be divided before TensorFlow is initialized
    shared = ["train", "lenet5", *recipe, "--out", str(two), "--devices", "cpu:2"]
    curves = [path.with_suffix(".training") / "curve.json" for path in (one, two)]
    program = [sys.executable, "-c", "import sys; from export.cli.main import main; sys.exit(main(sys.argv[1:]))"]
    process = subprocess.Popen([*program, *shared], cwd=ROOT, start_new_session=True)
    while process.poll() is None and not curves[1].is_file():
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not two.exists()
    assert main([*shared, "--resume"]) == 0
    losses = [[row["loss"] for row in json.loads(path.read_text())] for path in curves]
    assert len(losses[0]) == 3
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)  # gradients are summed in another order; measured: 2e-7
    alone, together = ([w.numpy() for w in keras.saving.load_model(path, compile=False).weights] for path in (one, two))
    for expected, actual in zip(alone, together, strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-4)


def test_batches_have_equal_shares_and_every_photo_is_used_in_some_epoch() -> None:
    recipe = TrainingRecipe(model="lenet5", data="mnist", out=Path("a.keras"), weights="random")
    examples = of_photos(np.zeros((11, 32, 32, 1), np.uint8), np.arange(11))
    start = ZooStart(recipe).start({"classes": 11}, ())
    feed = Feed(tasks.find(start.task, ""), start, examples, batch=4, seed=0, augmentation=None, shares=2)
    seen = set()
    for epoch in range(8):
        feed.begin(epoch)
        labels = [feed[index][1] for index in range(len(feed))]
        assert [len(batch) for batch in labels] == [4, 4, 2]
        seen |= {int(label) for batch in labels for label in batch}
    assert seen == set(range(11))


def test_unusable_devices_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    assert distributing.find(None, 7) == distributing.Devices()
    tf.config.list_logical_devices()  # initializes TensorFlow: the cores cannot be divided any more
    for devices, batch, words in (
        ("two", 8, "a number of GPUs, all, or cpu:2"),
        ("0", 8, "a number of GPUs, all, or cpu:2"),
        ("99", 99, "TensorFlow finds"),
        ("cpu:1", 8, "is a single device"),
        ("cpu:3", 8, "--batch 8 cannot be divided equally among 3 devices; use 9"),
        ("cpu:2", 8, "already initialized in this process"),
    ):
        with pytest.raises(UsageProblemError, match=words):
            distributing.find(devices, batch)
    with pytest.raises(UsageProblemError, match="4 devices cannot share 3 examples"):
        distributing.Devices(count=4).check(3)
    monkeypatch.setenv("TF_CONFIG", "{}")
    with pytest.raises(UsageProblemError, match="several machines"):
        distributing.find("cpu:2", 8)
