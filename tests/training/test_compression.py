"""Compression stages of `zoo train`: their result survives later stages, and the network stays accurate."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from export.cli.main import main
from export.passes.prune import Prune
from export.passes.prune_channels import PruneChannels
from tests.training.conftest import FASHION, saved, silent
from training import tasks
from training.compression import stages
from training.compression.checks import score_drop, violations
from training.feed import Feed
from training.file_start import FileStart
from training.learner import Learner
from training.pipeline import Trained, train
from training.recipe import Compression, TrainingRecipe
from training.run_state import RunState
from zoo import own_file
from zoo.errors import UsageProblemError
from zoo.metric import TOP1

PROGRAM = "import sys; from export.cli.main import main; sys.exit(main(sys.argv[1:]))"
ROOT = Path(__file__).parents[2]
HALF, TWO_OF_FOUR = (Prune(share=0.5),), (Prune(pattern=(2, 4)),)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained file with batch norms, a depthwise convolution and separate activation layers."""
    keras.utils.set_random_seed(0)
    image = keras.Input((32, 32, 1), name="image")
    x = layers.Conv2D(24, 3, strides=2, padding="same", use_bias=False, name="first")(image)
    x = layers.ReLU(6)(layers.BatchNormalization(momentum=0.8)(x))
    x = layers.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False, name="depthwise")(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(x))
    x = layers.Conv2D(32, 1, use_bias=False, name="second")(x)
    x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.8)(x))
    x = layers.Conv2D(32, 3, strides=2, padding="same", activation="relu", name="third")(x)
    x = layers.Dropout(0.1)(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, layers.Dense(10, name="logits")(x))
    model.compile(keras.optimizers.Adam(5e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    with np.load(FASHION) as arrays:
        photos, labels = arrays["calibration_photos"] / np.float32(255), arrays["calibration_labels"]
    model.fit(photos, labels, batch_size=16, epochs=10, verbose=0)
    return saved(model, tmp_path_factory.mktemp("small") / "small.keras")


def recipe(file: Path, kinds: Path, out: Path, **compression: Any) -> TrainingRecipe:
    options = Compression(**{"epochs": 1, **compression})
    return TrainingRecipe(model=str(file), data=str(kinds), out=out, epochs=0, compression=options, augment=False)


def compressed(file: Path, kinds: Path, out: Path, **compression: Any) -> Trained:
    return train(recipe(file, kinds, out, **compression), silent)


def loaded(file: Path) -> keras.Model:
    return keras.saving.load_model(file, compile=False)


def kernels(model: keras.Model) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the kernels of all plain convolutions and dense layers."""
    for layer in model.layers:
        if type(layer) in (layers.Conv2D, layers.Dense):
            yield layer.name, layer.kernel.numpy()


def zero_share(kernel: np.ndarray) -> float:
    return float((kernel == 0).mean())


def most_of_four(kernel: np.ndarray) -> int:
    """Return the largest number of nonzero weights among four neighbouring inputs of an output channel."""
    inputs = kernel.shape[-2] // 4 * 4
    taps = np.moveaxis(kernel, -2, -1)[..., :inputs]
    return int((taps.reshape(*taps.shape[:-1], -1, 4) != 0).sum(-1).max(initial=0))


@pytest.mark.parametrize(
    ("compression", "zeros", "values", "least"),
    [
        # The tests below have quick cases of each stage alone.
        pytest.param({"passes": HALF}, True, None, 0.75, marks=pytest.mark.large),
        pytest.param({"clusters": 16}, False, 16, 0.75, marks=pytest.mark.large),
        pytest.param({"qat": True}, False, None, 0.85, marks=pytest.mark.large),
        ({"passes": HALF, "clusters": 16}, True, 16, 0.7),
        ({"passes": HALF, "qat": True}, True, None, 0.75),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_zeros_and_clusters_survive_and_the_network_stays_accurate(
    compression: dict[str, Any],
    zeros: bool,
    values: int | None,
    least: float,
    lenet5_file: Path,
    kinds: Path,
    tmp_path: Path,
) -> None:
    done = compressed(lenet5_file, kinds, tmp_path / "out.keras", **compression)
    before = dict(kernels(loaded(lenet5_file)))
    for name, kernel in kernels(loaded(done.file)):
        assert zero_share(kernel) == pytest.approx(0.5 if zeros else 0, abs=0.005)
        assert not np.allclose(kernel[kernel != 0], before[name][kernel != 0], atol=1e-5)
        if values is not None:
            assert len(np.unique(kernel)) <= values
    assert done.scores["test"]["top1"] >= least  # 0.92 before compression; 0.1 by chance


@pytest.mark.large
def test_depthwise_convolutions_keep_their_weights(small: Path, kinds: Path, tmp_path: Path) -> None:
    model = loaded(compressed(small, kinds, tmp_path / "out.keras", passes=HALF, clusters=12).file)
    depthwise = model.get_layer("depthwise").kernel.numpy()
    assert zero_share(depthwise) == 0
    assert len(np.unique(depthwise)) > 200
    for _, kernel in kernels(model):
        assert 0.49 < zero_share(kernel) < 0.6  # clustering may add zeros
        assert len(np.unique(kernel)) <= 12


@pytest.mark.large
def test_two_of_four_counts_neighbouring_inputs_of_a_channel(small: Path, kinds: Path, tmp_path: Path) -> None:
    found = dict(kernels(loaded(compressed(small, kinds, tmp_path / "out.keras", passes=TWO_OF_FOUR).file)))
    for name in ("second", "third", "logits"):
        assert most_of_four(found[name]) == 2
        assert zero_share(found[name]) == 0.5
    assert zero_share(found["first"]) == 0  # a single input has no neighbours


@pytest.mark.large
def test_quantization_aware_training_keeps_clusters_of_whole_kernels(small: Path, kinds: Path, tmp_path: Path) -> None:
    done = compressed(small, kinds, tmp_path / "out.keras", clusters=3, qat=True)
    found = dict(kernels(loaded(done.file)))
    assert all(len(np.unique(found["third"][..., channel])) == 3 for channel in range(32))
    assert all(len(np.unique(kernel)) <= 3 for kernel in found.values())


def test_stages_have_a_fixed_order_whatever_the_order_of_the_flags(tmp_path: Path) -> None:
    passes = (*HALF, PruneChannels(share=0.3))
    options = recipe(tmp_path / "in.keras", tmp_path, tmp_path / "out.keras", qat=True, clusters=12, passes=passes)
    assert [stage.name for stage in stages(options, ())] == ["prune_channels", "prune", "cluster", "qat"]


@pytest.mark.large
def test_every_stage_is_trained_measured_and_recorded(
    small: Path, kinds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.keras"
    flags = ["--qat", "--cluster", "12", "--prune", "0.5", "--prune-channels", "0.3", "--stage-epochs", "1", "--json"]
    assert main(["train", str(small), *flags, "--data", str(kinds), "--out", str(out)]) == 0
    result = json.loads(capsys.readouterr().out)
    facts, model = own_file.read(out), loaded(out)
    assert facts is not None
    given, *stages_after = facts.history
    assert (given["name"], given["parameters"]) == ("given", {"epochs": 0})
    assert [(stage["name"], stage["parameters"]) for stage in stages_after] == [
        ("prune_channels", {"share": 0.3, "epochs": 1}),
        ("prune", {"weights": "0.5", "epochs": 1}),
        ("cluster", {"clusters": 12, "zeros_kept": True, "epochs": 1}),
        ("qat", {"bits": 8, "zeros_kept": True, "clusters_kept": True, "epochs": 1}),
    ]
    assert result["stages"] == [dict(stage) for stage in facts.history]
    names = {"weights", "zero_share", "bytes_zipped", "validation", "test"}
    for stage in facts.history:
        assert stage["measured"].keys() == names
        assert all(math.isfinite(number) for number in stage["measured"].values())
    measured = {stage["name"]: stage["measured"] for stage in facts.history}
    assert measured["prune_channels"]["weights"] < 0.8 * measured["given"]["weights"]
    assert measured["qat"]["weights"] == measured["prune_channels"]["weights"] == model.count_params()
    assert measured["cluster"]["bytes_zipped"] < 0.6 * measured["prune"]["bytes_zipped"]
    assert measured["given"]["zero_share"] == 0
    assert measured["qat"]["test"] == result["scores"]["test"]["top1"] > 0.3  # 0.6 before compression; 0.1 by chance
    for _, kernel in kernels(model):
        assert 0.49 < zero_share(kernel) < 0.6
        assert len(np.unique(kernel)) <= 12
    before = loaded(Path(result["before"]))
    assert all(np.array_equal(*pair) for pair in zip(before.get_weights(), loaded(small).get_weights(), strict=True))


def after_one_epoch(file: Path, kinds: Path, tmp_path: Path, **compression: Any) -> tuple[Learner, np.ndarray]:
    """Return the learner of the requested stage after one epoch, and normalised test photos."""
    options = recipe(file, kinds, tmp_path / "out.keras", **compression)
    task = tasks.find("classification", "")
    data = task.find(options)
    start = FileStart(options).start({}, data.classes)
    parts = data.examples(start, tmp_path)
    (stage,) = stages(options, ())
    prepared = stage.prepared(start, parts.train)
    feed = Feed(task, prepared, parts.train, batch=32, seed=0, augmentation=None)
    learner = stage.learner(prepared, task, stage.phases[0], len(feed))
    learner.epoch(feed, 0, lambda _steps, _loss: None)
    assert parts.test is not None
    return learner, start.preprocessing.normalise(parts.test.photos)


def sqnr_db(reference: np.ndarray, actual: np.ndarray) -> float:
    return float(10 * np.log10((reference**2).sum() / ((reference - actual) ** 2).sum()))


@pytest.mark.parametrize("compression", [{"passes": HALF}, {"clusters": 16}], ids=["prune", "cluster"])
def test_the_returned_network_has_the_outputs_of_the_trained_one(
    compression: dict[str, Any], small: Path, kinds: Path, tmp_path: Path
) -> None:
    learner, photos = after_one_epoch(small, kinds, tmp_path, **compression)
    wrapped = learner.current.model.predict_on_batch(photos)
    outputs = learner.network().predict_on_batch(photos)
    assert np.allclose(outputs, wrapped, atol=1e-4 * np.abs(wrapped).max())


@pytest.mark.parametrize("file", ["lenet5_file", "small"])
def test_the_returned_float_network_nearly_has_the_outputs_of_the_8_bit_one(
    file: str, kinds: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    learner, photos = after_one_epoch(request.getfixturevalue(file), kinds, tmp_path, qat=True)
    wrapped = learner.current.model.predict_on_batch(photos)
    outputs = learner.network().predict_on_batch(photos)
    assert 15 < sqnr_db(wrapped, outputs) < 50
    assert (wrapped.argmax(-1) == outputs.argmax(-1)).mean() > 0.9


def test_kernels_are_rounded_in_training_and_returned_unrounded(small: Path, kinds: Path, tmp_path: Path) -> None:
    learner, photos = after_one_epoch(small, kinds, tmp_path, qat=True)
    wrapped = learner.current.model
    wrapped(photos, training=False)  # stores the rounded kernels in the layers
    network = learner.network()
    rounded = {
        wrapper.layer.name: np.asarray(wrapper.layer.kernel)
        for wrapper in wrapped.layers
        if getattr(getattr(wrapper, "layer", None), "kernel", None) is not None
    }
    unrounded = dict(kernels(network))
    assert rounded.keys() >= unrounded.keys()
    for name, kernel in unrounded.items():
        axes = tuple(range(kernel.ndim - 1)) if kernel.ndim == 4 else None  # one scale for a dense layer
        step = np.abs(rounded[name]).max(axes, keepdims=True) / 127
        integers = rounded[name] / step
        assert np.abs(integers - integers.round()).max() < 1e-3
        assert np.abs(kernel / step - integers).max() > 0.3
        # Ranges are from before the last update of the weights, which may exceed them and are clipped.
        assert np.abs(np.clip(kernel / step, -127, 127) - integers).max() < 0.51


@pytest.mark.large
def test_a_run_killed_in_a_stage_resumes_to_the_same_weights(small: Path, kinds: Path, tmp_path: Path) -> None:
    flags = ["--prune", "0.5", "--cluster", "16", "--stage-epochs", "2", "--data", str(kinds), "--seed", "3"]
    whole, out = tmp_path / "whole.keras", tmp_path / "killed.keras"
    assert main(["train", str(small), *flags, "--out", str(whole)]) == 0
    command = [sys.executable, "-c", PROGRAM, "train"]
    command += [str(small), *flags, "--out", str(out)]
    curve = tmp_path / "killed.training" / "curve.json"
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    while process.poll() is None and not (curve.is_file() and len(json.loads(curve.read_text())) >= 3):
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not out.exists()
    assert [row["phase"] for row in json.loads(curve.read_text())][:3] == ["prune", "prune", "cluster"]
    assert main([*command[3:], "--resume"]) == 0
    assert all(np.array_equal(*pair) for pair in zip(loaded(out).weights, loaded(whole).weights, strict=True))
    assert own_file.read(out) == own_file.read(whole)
    paths = (curve, whole.with_suffix(".training") / "curve.json")
    resumed, uninterrupted = ([(row["loss"], row["score"]) for row in json.loads(path.read_text())] for path in paths)
    assert resumed == uninterrupted


@pytest.mark.large
def test_epochs_before_full_sparsity_are_never_the_best(small: Path, kinds: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.keras"
    done = compressed(small, kinds, out, passes=HALF, epochs=4, learning_rate=1e-7)
    first, _, *others = done.rows
    assert first["score"] > max(row["score"] for row in others)  # few weights are pruned by then
    assert done.best > 2
    assert all(zero_share(kernel) == pytest.approx(0.5, abs=0.01) for _, kernel in kernels(loaded(out)))


def test_the_only_epoch_of_a_stage_can_be_the_best(tmp_path: Path) -> None:
    (zeros,) = stages(recipe(tmp_path / "in.keras", tmp_path, tmp_path / "out.keras", passes=HALF), ())
    assert [phase.incomplete_epochs for phase in zeros.phases] == [0]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--cluster", "1"], "--cluster must be between 2 and 256"),
        (["--cluster", "2", "--prune", "0.5"], "at least 3 clusters"),
        (["--prune", "1.5"], "between 0 and 1"),
        (["--prune", "half"], "give for example 0.5 or 2:4"),
        (["--prune-channels", "1"], "between 0 and 1"),
        (["--cluster", "8", "--out", "{file}"], "is the file to be trained"),
        (["--cluster", "8", "--out", "{folder}/../{name}/lenet5_file.keras"], "is the file to be trained"),
    ],
)
def test_invalid_options_are_refused_in_one_line(
    flags: list[str], words: str, lenet5_file: Path, kinds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = lenet5_file.read_bytes()
    filled = [flag.format(file=lenet5_file, folder=lenet5_file.parent, name=lenet5_file.parent.name) for flag in flags]
    assert main(["train", str(lenet5_file), "--data", str(kinds), *filled]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert words in said
    assert "Traceback" not in said
    assert lenet5_file.read_bytes() == before


def test_a_network_without_removable_channels_is_refused(kinds: Path, tmp_path: Path) -> None:
    image = keras.Input((32, 32, 1))
    x = layers.Conv2D(8, 3, strides=4, activation="relu", bias_initializer="ones")(image)
    x = layers.Dense(10, bias_initializer="normal")(layers.Flatten()(x))
    file = saved(keras.Model(image, x), tmp_path / "narrow.keras")
    with pytest.raises(UsageProblemError, match="no channel of this network can be removed"):
        compressed(file, kinds, tmp_path / "out.keras", passes=(PruneChannels(share=0.3),))
    assert not (tmp_path / "out.keras").exists()


def test_a_stage_is_not_resumed_with_another_number_of_clusters(lenet5_file: Path, kinds: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.keras"
    RunState(tmp_path / "out.training", recipe(lenet5_file, kinds, out, clusters=16).settings(), resume=False)
    with pytest.raises(UsageProblemError, match="other settings: compression was"):
        train(recipe(lenet5_file, kinds, out, clusters=8), silent, resume=True)


def test_warnings_name_layers_without_the_requested_zeros_and_clusters(small: Path) -> None:
    model = loaded(small)
    requested = Compression(passes=HALF, clusters=16)
    for layer in model.layers:
        if type(layer) in (layers.Conv2D, layers.Dense):
            kernel = np.resize(np.arange(-7, 8, dtype=np.float32), layer.kernel.shape)
            kernel.flat[: kernel.size // 2 + 1] = 0
            layer.kernel.assign(kernel)
    assert list(violations(model, requested)) == []
    logits = model.get_layer("logits")
    logits.kernel.assign(np.arange(logits.kernel.shape[0] * 10, dtype=np.float32).reshape(-1, 10))
    zeros, values = violations(model, requested)
    assert zeros == "logits has 0% zeros; --prune requested 50%"
    assert values == "logits has 320 distinct weights; --cluster requested 16"


@pytest.mark.parametrize(("after", "warned"), [(0.889, False), (0.86, True), (0.95, False)])
def test_a_drop_of_more_than_two_points_gives_a_warning(after: float, warned: bool) -> None:
    scores = [("learn", 0.5), ("given", 0.9), ("prune", 0.1), ("qat", after)]
    history = [{"name": name, "measured": {"validation": score}} for name, score in scores]
    said = list(score_drop(history, TOP1))
    assert len(said) == warned
    assert all("fell from 90.0 to 86.0 %" in sentence for sentence in said)
