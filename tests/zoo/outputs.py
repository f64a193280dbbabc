"""Outputs of the networks of each task."""

from __future__ import annotations

import numpy as np

# Names of the outputs; the functions below return the first.
OUTPUTS = {
    "classification": ["logits"],
    "detection": ["stride_32", "stride_16"],
    "segmentation": ["logits"],
    "generation": ["reconstruction", "mean", "log_variance"],
}


def shape_of_outputs(architecture, input_shape):
    """Return the shape of the first output for an image (N, height, width, channels)."""
    shapes = {
        "classification": (architecture.classes,),
        "detection": (*(side and side // 32 for side in input_shape[1:3]), 3 * (5 + architecture.classes)),
        "segmentation": (*input_shape[1:3], architecture.classes),
        "generation": input_shape[1:],
    }
    return (None, *shapes[architecture.task])


def outputs_of_photos(model, photos):
    """Return the first output for photos; other inputs are random, standard normal."""
    import keras

    rng = np.random.default_rng(0)
    noise = [rng.standard_normal((len(photos), *tensor.shape[1:]), np.float32) for tensor in model.inputs[1:]]
    return keras.tree.flatten(model([photos, *noise] if noise else photos))[0].numpy()
