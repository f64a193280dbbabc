"""Write torch_logits.npz, what the references say of four inputs: python tests/data/make_torch_logits.py PTH PTH.

The files are MobileNet v2 and Lite0 as the zoo pins them. Needs torch, torchvision and timm: no dependencies of ours.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import timm
import torch
import torchvision

import zoo

TILE = 28  # pixels; 8 x 8 tiles make a photo


def logits(model: torch.nn.Module, name: str, photos: np.ndarray) -> np.ndarray:
    inputs = zoo.find(name).preprocess().normalise(photos).transpose(0, 3, 1, 2)
    with torch.no_grad():
        return model.eval()(torch.from_numpy(inputs.copy())).numpy()


def main() -> None:
    tiles = np.random.default_rng(1).integers(0, 256, (4, 8, 8, 3), np.uint8)
    photos = tiles.repeat(TILE, 1).repeat(TILE, 2)
    mobilenet_v2 = torchvision.models.mobilenet_v2()
    mobilenet_v2.load_state_dict(torch.load(sys.argv[1], weights_only=True))
    lite0 = timm.create_model("tf_efficientnet_lite0")
    # The file has the names of another port of the same network, in the same order.
    stored = torch.load(sys.argv[2], weights_only=True).values()
    lite0.load_state_dict(dict(zip(lite0.state_dict(), stored, strict=True)))
    np.savez_compressed(
        Path(__file__).with_name("torch_logits.npz"),
        tiles=tiles,
        mobilenet_v2=logits(mobilenet_v2, "mobilenet_v2", photos),
        efficientnet_lite0=logits(lite0, "efficientnet_lite0", photos),
    )


if __name__ == "__main__":
    main()
