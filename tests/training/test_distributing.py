"""`zoo train --devices`: several devices share every step, and learn what one would."""

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
from training.starting import OfZoo
from training.tasks import Examples
from zoo.errors import UsageProblemError

ROOT = Path(__file__).parents[2]


@pytest.mark.large  # five processes
def test_two_devices_learn_what_one_does_also_after_a_kill(
    clothes: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    import keras

    # The second stage is tf_keras's, which shares a step by itself.
    recipe = ["--data", str(clothes), "--batch", "8", "--epochs", "2", "--prune", "0.5", "--stage-epochs", "1"]
    one, two = tmp_path / "one.keras", tmp_path / "two.keras"
    assert main(["train", "lenet5", *recipe, "--out", str(one)]) == 0
    request.getfixturevalue("own_process")  # a process divides its cores before anything else
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
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)  # sums in another order; measured: 2e-7
    alone, together = ([w.numpy() for w in keras.saving.load_model(path, compile=False).weights] for path in (one, two))
    for expected, actual in zip(alone, together, strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-4)


def test_every_batch_has_equal_shares_and_no_photo_is_left_out_for_good() -> None:
    recipe = TrainingRecipe(model="lenet5", data="mnist", out=Path("a.keras"), weights="random")
    examples = Examples(photos=np.zeros((11, 32, 32, 1), np.uint8), answers=np.arange(11))
    start = OfZoo(recipe).start({"classes": 11}, ())
    feed = Feed(tasks.find(start.task, ""), start, examples, batch=4, seed=0, variations=None, shares=2)
    seen = set()
    for epoch in range(8):
        feed.begin(epoch)
        answers = [feed[index][1] for index in range(len(feed))]
        assert [len(batch) for batch in answers] == [4, 4, 2]
        seen |= {int(answer) for batch in answers for answer in batch}
    assert seen == set(range(11))


def test_devices_that_cannot_share_are_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    assert distributing.find(None, 7) == distributing.Devices()
    tf.config.list_logical_devices()  # from now on, the cores cannot be divided
    for asked, batch, words in (
        ("two", 8, "a number of GPUs, all, or cpu:2"),
        ("0", 8, "a number of GPUs, all, or cpu:2"),
        ("99", 99, "here; "),
        ("cpu:1", 8, "one device, which shares nothing"),
        ("cpu:3", 8, "--batch 8 has no equal shares for 3 devices; 9 has"),
        ("cpu:2", 8, "at work in this process"),
    ):
        with pytest.raises(UsageProblemError, match=words):
            distributing.find(asked, batch)
    with pytest.raises(UsageProblemError, match="4 devices cannot share 3 photos"):
        distributing.Devices(count=4).check(3)
    monkeypatch.setenv("TF_CONFIG", "{}")
    with pytest.raises(UsageProblemError, match="several machines"):
        distributing.find("cpu:2", 8)
