"""ai-edge-quantizer with its defaults: its recipe for static int8, its own calibration."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def quantize(float_file: Path, samples: Any, out: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import quantizer, recipe

    ((signature, names),) = Interpreter(str(float_file)).get_signature_list().items()
    (image,) = names["inputs"]
    tool = quantizer.Quantizer(str(float_file), recipe.static_wi8_ai8())
    feeds = [{image: sample[None]} for sample in samples]  # it walks through them twice: no generator
    found = tool.calibrate({signature: feeds})
    tool.quantize(found).export_model(str(out), overwrite=True)
