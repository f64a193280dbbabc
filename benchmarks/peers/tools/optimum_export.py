"""Optimum's export of a network by default settings: `python optimum_export.py CONFIG.json WEIGHTS.npz TASK FOLDER`.

CONFIG.json and the names in WEIGHTS.npz are those of the library transformers. Writes FOLDER/model.onnx.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path


def main(config: str, weights: str, task: str, out: str) -> None:
    """Write the file.

    Raises:
        RuntimeError: a weight is missing or unknown.
    """
    import numpy as np
    import torch
    import transformers
    from optimum.exporters.onnx import main_export

    settings = json.loads(Path(config).read_text(encoding="utf-8"))
    (name,) = settings["architectures"]
    model = getattr(transformers, name)(getattr(transformers, settings["config_class"])(**settings))
    with np.load(weights) as stored:
        state = {key: torch.from_numpy(stored[key]) for key in stored.files}
    model.load_state_dict(state, strict=False)
    unknown = set(state) - set(model.state_dict())
    missing = {key for key, _ in model.named_parameters() if not key.startswith("pooler.")} - set(state)
    if unknown or missing:
        raise RuntimeError(f"unknown weights {sorted(unknown)}, missing {sorted(missing)}")
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        main_export(folder, output=out, task=task, do_validation=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
