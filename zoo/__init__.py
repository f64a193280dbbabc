"""The zoo: what can be exported. Importing it is free; it knows nothing about file formats of exports."""

# The one list of architecture families: importing a family registers it.
from zoo import densenet, efficientnet, efficientnet_lite, lenet, mobilenet, mobilenet_v2, mobilenet_v3, resnet, vgg
from zoo.architecture import Architecture, find, names, register

__all__ = [
    "Architecture",
    "densenet",
    "efficientnet",
    "efficientnet_lite",
    "find",
    "lenet",
    "mobilenet",
    "mobilenet_v2",
    "mobilenet_v3",
    "names",
    "register",
    "resnet",
    "vgg",
]
