"""What travels with a file onto a runtime: each target is a file here and an entry of TARGETS."""

from __future__ import annotations

from collections.abc import Mapping

from export.bundle.deploy.litert_lm import LITERT_LM
from export.bundle.deploy.onnxruntime_genai import ONNXRUNTIME_GENAI
from export.bundle.deploy.target import Target
from export.bundle.deploy.transformers_js import TRANSFORMERS_JS
from zoo.errors import unknown

__all__ = ["TARGETS", "Target", "find"]

TARGETS: Mapping[str, Target] = {target.name: target for target in (LITERT_LM, ONNXRUNTIME_GENAI, TRANSFORMERS_JS)}


def find(name: str) -> Target:
    """Return the target called `name`.

    Raises:
        UsageProblemError: an unknown name; the message suggests the most similar one.
    """
    if name not in TARGETS:
        raise unknown("target", name, TARGETS)
    return TARGETS[name]
