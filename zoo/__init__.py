"""The zoo: what can be exported. Importing it is free; it knows nothing about file formats of exports."""

# The one list of architecture families: importing a family registers it.
from zoo import (
    alexnet,
    densenet,
    efficientnet,
    efficientnet_lite,
    googlenet,
    inception_resnet_v2,
    inception_v3,
    lenet,
    mobilenet,
    mobilenet_v2,
    mobilenet_v3,
    resnet,
    unet,
    vae,
    vgg,
    xception,
    yolo_v3_tiny,
    yolo_v4_tiny,
)
from zoo.architecture import Architecture, find, names, register

__all__ = [
    "Architecture",
    "alexnet",
    "densenet",
    "efficientnet",
    "efficientnet_lite",
    "find",
    "googlenet",
    "inception_resnet_v2",
    "inception_v3",
    "lenet",
    "mobilenet",
    "mobilenet_v2",
    "mobilenet_v3",
    "names",
    "register",
    "resnet",
    "unet",
    "vae",
    "vgg",
    "xception",
    "yolo_v3_tiny",
    "yolo_v4_tiny",
]
