"""Write torchvision_logits.npz, the logits of torchvision's networks with seeded weights.

PYTHONPATH=. python tests/data/make_torchvision_logits.py

Needs torch and torchvision, which are no dependencies of ours.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torchvision

import zoo
from tests.zoo.seeded_state import seeded_photos, seeded_state

CLASSES = 10
GOOGLENET = {"aux_logits": False, "transform_input": False, "init_weights": False}
REFERENCES = {
    "alexnet": (torchvision.models.alexnet, {}, (224, 227)),
    "googlenet": (torchvision.models.googlenet, GOOGLENET, (112, 101)),
}


def main() -> None:
    found = {}
    for name, (build, settings, sides) in REFERENCES.items():
        model = build(num_classes=CLASSES, **settings).eval()
        shapes = {key: tuple(value.shape) for key, value in model.state_dict().items() if value.ndim}
        state = {key: torch.from_numpy(value) for key, value in seeded_state(shapes).items()}
        model.load_state_dict(state, strict=False)  # the counts of training steps stay as they are
        for side in sides:
            inputs = zoo.find(name).preprocess().normalise(seeded_photos(side)).transpose(0, 3, 1, 2)
            with torch.no_grad():
                found[f"{name}-{side}"] = model(torch.from_numpy(inputs.copy())).numpy()
    np.savez_compressed(Path(__file__).with_name("torchvision_logits.npz"), **found)


if __name__ == "__main__":
    main()
