from __future__ import annotations

import numpy as np
import pytest

import zoo
from tests.zoo.tfjs_files import write_tfjs
from zoo import mobilenet, pretrained, resnet
from zoo.weights import assign, random_weights, readers
from zoo.weights.readers import npz

RNG = np.random.default_rng(0)


def test_npz_restores_arrays_to_half_precision(tmp_path):
    arrays = {"conv1/kernel": RNG.normal(size=(3, 3, 1, 4)), "conv1/bias": np.zeros(4)}
    npz.write(tmp_path / "a.npz", arrays)
    stored = readers.read("npz", [tmp_path / "a.npz"])
    assert {name: array.dtype for name, array in stored.items()} == dict.fromkeys(arrays, np.float32)
    assert np.allclose(stored["conv1/kernel"], arrays["conv1/kernel"], rtol=2**-11, atol=0)


def test_npz_keeps_numbers_that_half_precision_cannot_hold(tmp_path):
    arrays = {"conv1_bn/moving_variance": np.array([70_000, 1], np.float32), "none": np.zeros(0, np.float32)}
    npz.write(tmp_path / "a.npz", arrays)
    stored = readers.read("npz", [tmp_path / "a.npz"])
    assert all(np.array_equal(stored[name], arrays[name]) for name in arrays)


def test_npz_with_python_objects_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.array([{"code": 1}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        readers.read("npz", [tmp_path / "a.npz"])


@pytest.mark.parametrize("reader", sorted(readers.READERS))
def test_garbage_is_refused(reader, tmp_path):
    (tmp_path / "rubbish").write_bytes(b"rubbish" * 100)
    with pytest.raises(ValueError):  # noqa: PT011  # each case has its own words
        readers.read(reader, [tmp_path / "rubbish"])


def test_tfjs_arrays_may_span_shards(tmp_path):
    arrays = {"conv1/kernel": RNG.normal(size=(7, 7, 3, 16)), "conv1/bias": RNG.normal(size=16)}
    stored = readers.read("tfjs", write_tfjs(tmp_path, arrays))
    assert list(stored) == list(arrays)
    assert all(np.array_equal(stored[name], arrays[name].astype(np.float32)) for name in arrays)


def test_tfjs_refuses_shards_out_of_order_or_quantized_or_of_another_length(tmp_path):
    arrays = {"conv1/kernel": RNG.normal(size=(7, 7, 3, 16)), "conv1/bias": RNG.normal(size=16)}
    manifest, first, second, *rest = write_tfjs(tmp_path, arrays)
    with pytest.raises(ValueError, match="shards"):
        readers.read("tfjs", [manifest, second, first, *rest])
    with pytest.raises(ValueError, match="not plain float32"):
        readers.read("tfjs", write_tfjs(tmp_path, arrays, quantization={"dtype": "uint8"}))
    with pytest.raises(ValueError, match="describes"):
        readers.read("tfjs", write_tfjs(tmp_path, arrays, shape=[7, 7, 3, 15]))


def old_name(name):
    """Return the older Keras's name of our weight: "conv3_block1_2_bn/beta" was "bn3a_branch2b/beta"."""
    layer, kind = name.split("/")
    fixed = {"conv1_conv": "conv1", "conv1_bn": "bn_conv1", "logits": "fc1000"}
    if layer not in fixed:
        stage, block, part, what = layer.split("_")
        branch = "1" if part == "0" else "2" + "?abc"[int(part)]
        fixed[layer] = f"{'bn' if what == 'bn' else 'res'}{stage[4:]}{'?abcdef'[int(block[5:])]}_branch{branch}"
    return f"{fixed[layer]}/{kind}"


def test_resnet_from_tfjs_is_the_same_function_in_spite_of_the_other_epsilon(tmp_path, monkeypatch):
    photos = RNG.normal(size=(2, 32, 32, 3)).astype(np.float32)
    tiny = zoo.find("resnet50").tiny
    with monkeypatch.context() as patch:
        patch.setattr(resnet, "EPSILON", 1e-3)
        old = resnet.build(**tiny)
    random_weights.fill(old, resnet.preprocess(), seed=1)
    for weight in old.weights:
        if weight.path.endswith("variance"):
            weight.assign(weight * 0.01)  # so that the epsilon counts
    arrays = {old_name(weight.path): weight.numpy() for weight in old.weights}
    ours = resnet.build(**tiny)
    assign(ours, pretrained.resnet.from_tfjs(readers.read("tfjs", write_tfjs(tmp_path, arrays)), ours))
    expected = old(photos).numpy()
    assert np.abs(ours(photos).numpy() - expected).max() < 1e-5 * np.abs(expected).max()


def test_resnet_from_a_keras_2_file_is_the_same_function(tmp_path, write_keras_2):
    tiny = zoo.find("resnet50").tiny
    stored = resnet.build(**tiny)
    random_weights.fill(stored, resnet.preprocess(), seed=1)
    write_keras_2(tmp_path / "keras2.h5", stored)
    ours = resnet.build(**tiny)
    assign(ours, pretrained.resnet.from_keras_h5(readers.read("keras_h5", [tmp_path / "keras2.h5"]), ours))
    photos = RNG.normal(size=(2, 32, 32, 3)).astype(np.float32)
    assert np.array_equal(ours(photos).numpy(), stored(photos).numpy())


def google_tensors(model):
    """Return `model`'s weights named, shaped and folded as in Google's .tflite."""
    stored = {weight.path: weight.numpy() for weight in model.weights}
    tensors = {}
    for path in [path for path in stored if path.endswith("/kernel") and path != "conv_preds/kernel"]:
        layer = path.removesuffix("/kernel")
        gamma, beta, mean, variance = (
            stored[f"{layer}_bn/{kind}"] for kind in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        factor = gamma / np.sqrt(variance + mobilenet.EPSILON)
        kind, _, index = layer.removeprefix("conv_").partition("_")
        name = f"Conv2d_{index}_{'depthwise' if kind == 'dw' else 'pointwise'}" if index else "Conv2d_0"
        folded = stored[path] * (factor[:, None] if kind == "dw" else factor)
        tensors[f"MobilenetV1/{name}/weights"] = folded.transpose(3, 0, 1, 2)
        tensors[f"MobilenetV1/MobilenetV1/{name}/convolution_bias"] = beta - mean * factor
    tensors["MobilenetV1/Logits/Conv2d_1c_1x1/weights"] = stored["conv_preds/kernel"].transpose(3, 0, 1, 2)
    tensors["MobilenetV1/Logits/Conv2d_1c_1x1/convolution_bias"] = stored["conv_preds/bias"]
    return tensors


def test_mobilenet_from_a_folded_tflite_is_the_same_function_less_the_background():
    options = {"alpha": 0.25, "resolution": 32, "blocks": mobilenet.BLOCKS[:3]}
    with_background = mobilenet.build(classes=6, **options)
    random_weights.fill(with_background, mobilenet.preprocess(), seed=2)
    ours = mobilenet.build(classes=5, **options)
    assign(ours, pretrained.mobilenet.from_tflite(google_tensors(with_background), ours))
    photos = RNG.uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    expected = with_background(photos).numpy()[:, 1:]
    assert np.abs(ours(photos).numpy() - expected).max() < 1e-5 * np.abs(expected).max()


def torchvision_layers():
    """Return the layers of torchvision's MobileNet v2 in its order, by its names."""
    layers = ["features.0.0", "features.0.1"]
    for block in range(1, 18):
        rows = 1 if block == 1 else 2  # of convolution, batch norm and ReLU6; the first block does not expand
        layers += [f"features.{block}.conv.{row}.{place}" for row in range(rows) for place in range(2)]
        layers += [f"features.{block}.conv.{place}" for place in (rows, rows + 1)]
    return [*layers, "features.18.0", "features.18.1", "classifier.1"]


def lite0_layers():
    """Return the layers of the PyTorch port of EfficientNet-Lite0 in its order, by its names."""
    layers = ["_conv_stem", "_bn0"]
    for block in range(16):
        expand = ["_expand_conv", "_bn0"] if block else []
        layers += [f"_blocks.{block}.{part}" for part in [*expand, "_depthwise_conv", "_bn1", "_project_conv", "_bn2"]]
    return [*layers, "_conv_head", "_bn1", "_fc"]


def as_torch(array):
    """Return one of our weights with the axes in PyTorch's order."""
    if array.ndim < 4:
        return array.T
    return array.transpose(2, 3, 0, 1) if array.shape[-1] == 1 else array.transpose(3, 2, 0, 1)


TORCH_KINDS = {
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


@pytest.mark.parametrize(
    ("name", "layers", "from_torch"),
    [
        ("mobilenet_v2", torchvision_layers(), pretrained.mobilenet_v2.from_torch),
        ("efficientnet_lite0", lite0_layers(), pretrained.efficientnet_lite.from_torch),
    ],
)
def test_from_torch_maps_every_weight_to_its_layer_in_the_right_layout(name, layers, from_torch):
    model = zoo.find(name).build(resolution=32)
    ours = [layer for layer in model.layers if layer.weights]
    arrays = {f"{layers[1]}.num_batches_tracked": np.array(5)}
    expected = {}
    for stored, layer in zip(layers, ours, strict=True):
        for weight in layer.weights:
            kind = weight.path.rpartition("/")[2]
            expected[weight.path] = RNG.normal(size=weight.shape).astype(np.float32)
            arrays[f"{stored}.{TORCH_KINDS.get(kind, kind)}"] = as_torch(expected[weight.path])
    found = from_torch(arrays, model)
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[path], expected[path]) for path in expected)


def test_tflite_gives_the_float_constants(tmp_path):
    import keras
    import tensorflow as tf

    image = keras.Input((6, 6, 3), batch_size=1)
    model = keras.Model(image, keras.layers.Conv2D(4, 3, bias_initializer="random_normal")(image))
    (tmp_path / "a.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    tensors = list(readers.read("tflite", [tmp_path / "a.tflite"]).values())
    kernel, bias = (weight.numpy() for weight in model.weights)
    assert any(np.array_equal(tensor, kernel.transpose(3, 0, 1, 2)) for tensor in tensors)
    assert any(np.array_equal(tensor, bias) for tensor in tensors)
