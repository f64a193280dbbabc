"""Models that tensorflow-model-optimization pruned, clustered or trained with rounding are loaded without wrappers."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from export import pipeline
from export.bundle.report.rows import rows
from export.model.loading import model_file
from export.model.loading.keras2 import load as keras2
from export.model.loading.keras2.wrappers import bare, known
from export.recipe import Recipe
from export.scheme import INT8
from zoo.errors import UsageProblemError

SaveOld = Callable[..., Path]
Outputs = Callable[..., np.ndarray]
FILES = ("old.h5", "old.keras", "old_folder")
# Learned ranges and 8 bits cost about this much on the nets below (34 to 41 dB were measured); a layer that is left out
# or has other weights costs more than 20 dB.
ROUNDING = 28.0


@pytest.fixture(autouse=True)
def _same_numbers_in_every_run() -> None:
    import tf_keras

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)


def rows_of(model: Any, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(64, *model.input_shape[1:])).astype(np.float32)


def trained(model: Any, *callbacks: Any) -> Any:
    model.compile("adam", "mse")
    targets = np.random.default_rng(2).normal(size=(64, *model.output_shape[1:]))
    model.fit(rows_of(model), targets, epochs=2, batch_size=16, verbose=0, callbacks=list(callbacks))
    return model


def small_net() -> Any:
    import tf_keras
    from tf_keras import layers

    inputs = tf_keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(6, 3, activation="relu")(inputs)
    return tf_keras.Model(inputs, layers.Dense(3, activation="tanh")(layers.Flatten()(x)))


def branched_net() -> Any:
    """Return a network with all that the layout of `quantize_model` changes."""
    import tf_keras
    from tf_keras import layers

    inputs = tf_keras.Input((8, 8, 3), name="image")
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(6, 3, use_bias=False)(inputs)))
    x = layers.SeparableConv2D(6, 3, padding="same", activation="relu")(x)
    x = layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(x))
    x = layers.ReLU(6.0)(layers.Add()([layers.Activation("relu")(x), layers.Conv2D(6, 1)(x)]))
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Concatenate()([layers.Dense(5, activation="relu")(x), layers.Dense(4, activation="tanh")(x)])
    return tf_keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def nested_net() -> Any:
    import tf_keras
    from tf_keras import layers

    tower = tf_keras.Sequential([tf_keras.Input((6,)), layers.Dense(4, activation="tanh")], name="tower")
    values = tf_keras.Input((6,), name="values")
    joined = layers.Add()([tower(values), tower(layers.Dense(6)(values))])
    return tf_keras.Model(values, layers.Dense(2)(joined))


def sequential_net() -> Any:
    import tf_keras
    from tf_keras import layers

    return tf_keras.Sequential([layers.Dense(5, activation="relu", input_shape=(6,)), layers.Dense(2)])


def half_pruned_net() -> Any:
    import tf_keras
    from tf_keras import layers

    def wrap(layer: Any) -> Any:
        return with_pruning(layer) if isinstance(layer, layers.Dense) else layer

    return tf_keras.models.clone_model(small_net(), clone_function=wrap)


def half_rounded_net() -> Any:
    import tensorflow_model_optimization as tfmot
    import tf_keras
    from tf_keras import layers

    quantization = tfmot.quantization.keras

    def mark(layer: Any) -> Any:
        return quantization.quantize_annotate_layer(layer) if isinstance(layer, layers.Dense) else layer

    return trained(quantization.quantize_apply(tf_keras.models.clone_model(small_net(), clone_function=mark)))


def with_pruning(model: Any) -> Any:
    from tensorflow_model_optimization.sparsity import keras as sparsity

    return sparsity.prune_low_magnitude(model, sparsity.PolynomialDecay(0.0, 0.5, 0, 4, frequency=1))


def pruned(model: Any) -> Any:
    from tensorflow_model_optimization.sparsity import keras as sparsity

    return trained(with_pruning(model), sparsity.UpdatePruningStep())


def clustered(model: Any) -> Any:
    import tensorflow_model_optimization as tfmot

    return trained(tfmot.clustering.keras.cluster_weights(model, 4))


def rounded(model: Any) -> Any:
    import tensorflow_model_optimization as tfmot

    return trained(tfmot.quantization.keras.quantize_model(trained(model)))


def sqnr(reference: np.ndarray, output: np.ndarray) -> float:
    return float(10 * np.log10(np.square(reference).sum() / max(float(np.square(reference - output).sum()), 1e-30)))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "build", [small_net, *(pytest.param(one, marks=pytest.mark.large) for one in (branched_net, nested_net))]
)
def test_pruned_model_keeps_its_outputs_and_zeros(
    build: Callable[[], Any], name: str, keras_2_file: SaveOld, outputs_of: Outputs
) -> None:
    old = pruned(build())
    loaded = model_file.load(keras_2_file(old, name))
    batch = rows_of(old)
    np.testing.assert_allclose(outputs_of(loaded.model, batch), outputs_of(old, batch), rtol=1e-4, atol=1e-5)
    kernels = [np.asarray(layer.kernel) for layer in loaded.model._flatten_layers() if hasattr(layer, "kernel")]
    assert max(float((kernel == 0).mean()) for kernel in kernels) == pytest.approx(0.5, abs=0.03)
    assert "was pruned by tensorflow-model-optimization; its wrappers" in loaded.notes[0]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("build", [small_net, pytest.param(nested_net, marks=pytest.mark.large)])
def test_clustered_model_keeps_its_outputs_and_clusters(
    build: Callable[[], Any], name: str, keras_2_file: SaveOld, outputs_of: Outputs
) -> None:
    old = clustered(build())
    loaded = model_file.load(keras_2_file(old, name))
    batch = rows_of(old)
    np.testing.assert_allclose(outputs_of(loaded.model, batch), outputs_of(old, batch), rtol=1e-4, atol=1e-5)
    kernels = [np.asarray(layer.kernel) for layer in loaded.model._flatten_layers() if hasattr(layer, "kernel")]
    assert all(len(np.unique(kernel)) <= 4 for kernel in kernels)
    assert "was clustered by tensorflow-model-optimization" in loaded.notes[0]
    assert "at most 4 values in a kernel" in loaded.notes[0]


@pytest.mark.large
@pytest.mark.parametrize("name", ["old.h5", "old.keras"])  # tf_keras cannot write this one as a folder
def test_clusters_of_a_recurrent_layer_are_kept(name: str, keras_2_file: SaveOld, outputs_of: Outputs) -> None:
    import tf_keras
    from tf_keras import layers

    steps = tf_keras.Input((5, 4), name="steps")
    old = clustered(tf_keras.Model(steps, layers.Dense(2)(layers.Bidirectional(layers.LSTM(3))(steps))))
    loaded = model_file.load(keras_2_file(old, name))
    np.testing.assert_allclose(
        outputs_of(loaded.model, rows_of(old)), outputs_of(old, rows_of(old)), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("build", [small_net, pytest.param(branched_net, marks=pytest.mark.large)])
def test_model_trained_with_rounding_becomes_its_float_model(
    build: Callable[[], Any], name: str, keras_2_file: SaveOld, outputs_of: Outputs
) -> None:
    old = rounded(build())
    loaded = model_file.load(keras_2_file(old, name))
    batch = rows_of(old)
    assert sqnr(outputs_of(old, batch), outputs_of(loaded.model, batch)) > ROUNDING
    assert not [layer.name for layer in loaded.model._flatten_layers() if "quant" in layer.name]
    assert "of the largest output, with its rounding turned off" in loaded.notes[1]
    assert "the float weights that it was trained with are exported" in loaded.notes[0]


@pytest.mark.parametrize("build", [half_pruned_net, half_rounded_net])
def test_model_with_some_layers_wrapped_is_loaded(
    build: Callable[[], Any], keras_2_file: SaveOld, outputs_of: Outputs
) -> None:
    old = build()
    loaded = model_file.load(keras_2_file(old))
    assert sqnr(outputs_of(old, rows_of(old)), outputs_of(loaded.model, rows_of(old))) > ROUNDING
    assert "tensorflow-model-optimization" in loaded.notes[0]


@pytest.mark.parametrize("wrap", [with_pruning, rounded])
def test_sequential_model_without_an_input_layer_is_loaded(wrap: Callable[[Any], Any], keras_2_file: SaveOld) -> None:
    loaded = model_file.load(keras_2_file(wrap(sequential_net())))
    assert [type(layer).__name__ for layer in loaded.model.layers] == ["InputLayer", "Dense", "Dense"]


def test_zeros_of_the_mask_are_kept_if_the_file_has_other_weights(keras_2_file: SaveOld, outputs_of: Outputs) -> None:
    old = pruned(small_net())
    kernel, mask, _ = old.layers[1].pruning_vars[0]
    kernel.assign(kernel + 0.1)  # as an optimizer does after the last update of the mask
    loaded = model_file.load(keras_2_file(old))
    assert np.array_equal(np.asarray(loaded.model.get_layer("conv2d").kernel) == 0, mask.numpy() == 0)


@pytest.mark.large
@pytest.mark.parametrize("name", FILES)
def test_clusters_that_rounding_kept_are_refused(name: str, keras_2_file: SaveOld) -> None:
    import tensorflow_model_optimization as tfmot

    marked = tfmot.quantization.keras.quantize_annotate_model(
        tfmot.clustering.keras.strip_clustering(clustered(small_net()))
    )
    scheme = tfmot.experimental.combine.Default8BitClusterPreserveQuantizeScheme()
    old = trained(tfmot.quantization.keras.quantize_apply(marked, scheme))
    with pytest.raises(UsageProblemError, match=r"cannot be taken off here .*strip_clustering\(model\).* save"):
        model_file.load(keras_2_file(old, name))


def test_wrapper_inside_of_another_layer_is_refused_with_what_to_type(keras_2_file: SaveOld) -> None:
    import tf_keras
    from tf_keras import layers

    steps = tf_keras.Input((5, 4))
    old = tf_keras.Model(steps, layers.TimeDistributed(with_pruning(layers.Dense(3)))(steps))
    with pytest.raises(UsageProblemError, match=r"has no layer PruneLowMagnitude\); .*strip_pruning\(model\)"):
        model_file.load(keras_2_file(old))


def test_layer_with_other_weights_than_the_wrapped_one_is_caught(
    keras_2_file: SaveOld, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = keras_2_file(rounded(small_net()))
    usual = bare._STRIPS["QuantizeWrapperV2"]

    def scaled(wrapper: Any) -> bare.Bare:
        found = usual(wrapper)
        return bare.Bare(layer=found.layer, weights=lambda: [values * 1.01 for values in found.weights()])

    monkeypatch.setattr(bare, "_STRIPS", {**bare._STRIPS, "QuantizeWrapperV2": scaled})
    with pytest.raises(UsageProblemError, match="outputs differ in Keras 3"):
        model_file.load(path)


@pytest.mark.parametrize(
    ("kind", "module"),
    [
        ("PruneLowMagnitude", "tensorflow_model_optimization.python.core.keras.compat"),
        ("PruneLowMagnitude", "os"),
        ("function", "tensorflow_model_optimization.python.core.sparsity.keras.pruning_wrapper"),
        ("Pruning", "tensorflow_model_optimization.python.core.sparsity.keras.pruning_impl"),
    ],
)
def test_only_known_classes_in_their_own_modules_are_accepted(
    kind: str, module: str, keras_2_file: SaveOld, tmp_path: Path
) -> None:
    path = keras_2_file(with_pruning(sequential_net()), "old.keras")
    changed = tmp_path / "changed.keras"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "config.json":
                config = json.loads(content)
                config["config"]["layers"][-1] |= {"class_name": kind, "module": module}
                content = json.dumps(config).encode()
            target.writestr(name, content)
    with pytest.raises(UsageProblemError, match=f"needs '{kind}' of the Python module '{module}'"):
        model_file.load(changed)


def test_known_classes_are_those_of_the_library() -> None:
    for name, kind in known.classes().items():
        assert known.is_known(name, kind.__module__), name


def test_a_file_without_wrappers_loads_no_class_of_the_library(keras_2_file: SaveOld) -> None:
    path = keras_2_file(sequential_net(), "old.keras")
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    assert not known.is_wrapped(config)
    assert len(keras2.load(path, config)[1]) == 1


@pytest.mark.large
@pytest.mark.parametrize("wrap", [pruned, rounded])
def test_wrapped_file_is_exported_to_int8_in_both_formats(
    wrap: Callable[[Any], Any], keras_2_file: SaveOld, tmp_path: Path
) -> None:
    old = wrap(small_net())
    path = keras_2_file(old)
    np.savez(tmp_path / "rows.npz", image=np.random.default_rng(3).normal(size=(120, 8, 8, 3)).astype(np.float32))
    keras.backend.clear_session()
    delivery = pipeline.run(
        Recipe(
            model=str(path),
            calibration=str(tmp_path / "rows.npz"),
            schemes=(INT8,),
            calibration_count=60,
            probe_count=40,
            out=tmp_path / "out",
        )
    )
    assert [f"{row.file}: {row.reason}" for row in rows(delivery.manifest) if row.state == "failed"] == []
    assert {Path(one.file_name).suffix for one in delivery.artifacts} == {".tflite", ".onnx"}
    assert any("tensorflow-model-optimization" in note for note in delivery.manifest["notes"])
