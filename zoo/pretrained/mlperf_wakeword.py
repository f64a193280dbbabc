"""Trained weights of the streaming wake word: MLPerf Tiny's, Apache-2.0."""

from __future__ import annotations

from zoo.pretrained.mlperf_tiny import keras_file, numbered, reference

_BLOCKS = range(1, 5)

SPEECH_COMMANDS = reference(
    "speech_commands",
    "Speech Commands v0.0.2: the name Marvin, silence and other words",
    keras_file(
        "streaming_wakeword/trained_models/str_ww_ref_model.h5",
        "b0f267a8ba0bcb911c1098229c32fac21996e4191c9c60d1fda80adaa70a8add",
        {
            **numbered("depthwise_conv2d", [f"conv_dw_{index}" for index in _BLOCKS]),
            **numbered("conv2d", [f"conv_pw_{index}" for index in _BLOCKS]),
            **numbered("batch_normalization", [f"conv_pw_{index}_bn" for index in _BLOCKS]),
            "dense": "logits",
        },
    ),
)
