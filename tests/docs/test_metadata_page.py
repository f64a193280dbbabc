"""docs/metadata.md names what the files say, and which networks MediaPipe takes."""

from __future__ import annotations

import re
from pathlib import Path

import zoo
from export.formats.onnx.metadata import properties
from export.model.description import Description, OutputDescription
from zoo.architecture import ARCHITECTURES
from zoo.inputs import preprocessing_of
from zoo.preprocessing import Preprocessing, conventions

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "metadata.md").read_text(encoding="utf-8")
# Families of classifiers as the page calls them.
TITLES = {
    "alexnet": "AlexNet",
    "densenet": "DenseNet",
    "efficientnet": "EfficientNet",
    "efficientnet_lite": "EfficientNet-Lite",
    "googlenet": "GoogLeNet",
    "inception_resnet_v2": "Inception-ResNet",
    "inception_v3": "Inception",
    "lenet": "LeNet-5",
    "mlperf_resnet8": "ResNet-8",
    "mlperf_vww": "mlperf_vww",
    "mobilenet": "MobileNet v1",
    "mobilenet_v2": "MobileNet v2",
    "mobilenet_v3": "v3",
    "resnet": "ResNet",
    "vgg": "VGG",
    "xception": "Xception",
}


def kind(preprocessing: Preprocessing) -> str:
    if preprocessing.colours != "RGB":
        return preprocessing.colours
    is_alike = len(set(preprocessing.scale)) == len(set(preprocessing.offset)) == 1
    return "taken" if is_alike else "per channel"


def names(text: str) -> set[str]:
    """Return the families in a list of titles."""
    words = {word.strip() for word in re.split(r",| and ", text)}
    return {family for family, title in TITLES.items() if title in words}


def test_the_lists_of_networks_are_those_of_the_zoo() -> None:
    found: dict[str, set[str]] = {}
    for name in zoo.names():
        architecture = ARCHITECTURES[name]
        preprocessing = preprocessing_of(architecture.inputs(**architecture.settings({})))
        if architecture.task == "classification" and preprocessing is not None:
            found.setdefault(kind(preprocessing), set()).add(architecture.family)
    listed = {
        "taken": r"for all channels: (.*?); int8",
        "BGR": r"\(BGR: (.*?)\)",
        "per channel": r"not available` \((.*?)\)",
        "GRAY": r"\(grey pictures: (.*?)\)",
    }
    for key, pattern in listed.items():
        (text,) = re.findall(pattern, " ".join(PAGE.split()))
        assert names(text) == found.pop(key), key
    assert found == {}


def test_every_property_of_an_onnx_is_on_the_page() -> None:
    full = Description(
        name="net",
        text="Net.",
        task="classification",
        precision="int8",
        licence="MIT",
        version="0123",
        labels=("a", "b"),
        preprocessing=conventions.preprocessing("tf", (4, 4, 3)),
        photo_input="image",
        outputs={"logits": OutputDescription(text="scores")},
    )
    written = {key for key, _ in properties(full)}
    table = PAGE[PAGE.index("## .onnx") : PAGE.index("## MediaPipe")]
    assert set(re.findall(r"`(zoo\.\w+|Image\.\w+|model_\w+)`", table)) == written
