"""What to install where a package is missing: a device has only what runs and checks files."""

from __future__ import annotations

from collections.abc import Mapping

_EVERYTHING = "zoo-export[export]"
# Modules of the packages that are not always there -> what to install for them.
PACKAGES: Mapping[str, str] = {
    "ai_edge_litert": "ai-edge-litert",
    "onnxruntime": "onnxruntime onnx",
    "onnx": "onnxruntime onnx",
    "tokenizers": "tokenizers",
    "ray": "'zoo-export[ray]'",
    **dict.fromkeys(
        (
            "ai_edge_quantizer",
            "fsspec",
            "h5py",
            "keras",
            "litert_lm_builder",
            "matplotlib",
            "pycocotools",
            "pygraphviz",
            "safetensors",
            "scipy",
            "skimage",
            "tensorflow",
            "tensorflow_model_optimization",
            "tf2onnx",
            "tf_keras",
        ),
        f"'{_EVERYTHING}'",
    ),
}


def sentence(error: ImportError) -> str:
    """Return what is missing and what to type; empty if the module is none of this project's packages."""
    module = (error.name or "").partition(".")[0]
    if module not in PACKAGES:
        return ""
    return f"{module} is not installed, which this needs; type: pip install {PACKAGES[module]}"
