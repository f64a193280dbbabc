"""Trained weights of DS-CNN: MLPerf Tiny's, Apache-2.0."""

from __future__ import annotations

from zoo.pretrained.mlperf_tiny import by_layer, folder, reference

# The layers with weights in the order of the network; each convolution and its batch norm.
_CONVOLUTIONS = ["conv1", *(f"conv_{kind}_{index}" for index in range(1, 5) for kind in ("dw", "pw"))]
_LAYERS = [name for convolution in _CONVOLUTIONS for name in (convolution, f"{convolution}_bn")] + ["logits"]

SPEECH_COMMANDS = reference(
    "speech_commands",
    "Speech Commands v0.0.2, ten words, silence and other words",
    folder(
        "keyword_spotting/trained_models/kws_ref_model/variables/",
        ("variables.index", "variables.data-00000-of-00001"),
        "aedc372a7f438d4c80380e0dc6aabe7d0dd26c7b0cf7ce87b2684c9829845eee",
        "tf_checkpoint",
        by_layer({f"layer_with_weights-{index}": name for index, name in enumerate(_LAYERS)}),
    ),
)
