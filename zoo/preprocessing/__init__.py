"""How a photo becomes a model's input: data, not code, so that devices and manifests can carry it."""

from zoo.preprocessing.photo import ColourOrder, Fit, Preprocessing

__all__ = ["ColourOrder", "Fit", "Preprocessing"]
