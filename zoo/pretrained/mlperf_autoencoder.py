"""Trained weights of the autoencoder: MLPerf Tiny's, Apache-2.0."""

from __future__ import annotations

from zoo.pretrained.mlperf_tiny import keras_file, numbered, reference

_HIDDEN = [f"dense{index}" for index in range(1, 10)]

TOYADMOS = reference(
    "toyadmos",
    "ToyADMOS, toy cars that run as they should (DCASE 2020, task 2)",
    keras_file(
        "anomaly_detection/trained_models/ad01.h5",
        "651a62de1b7facd68d1269373992a2d09ffd28e6a816935d4834fcc558bde512",
        {
            **numbered("dense", [*_HIDDEN, "reconstruction"]),
            **numbered("batch_normalization", [f"{name}_bn" for name in _HIDDEN]),
        },
    ),
)
