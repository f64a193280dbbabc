"""The zoo: what can be exported. Importing it is free; it knows nothing about file formats of exports."""

# The one list of architecture families: importing a family registers it.
from zoo import lenet, mobilenet, resnet
from zoo.architecture import Architecture, find, names, register

__all__ = ["Architecture", "find", "lenet", "mobilenet", "names", "register", "resnet"]
