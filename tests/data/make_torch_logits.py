"""Write torch_logits.npz, the logits of the references for four inputs: python tests/data/make_torch_logits.py.

Needs torch, torchvision and timm, which are no dependencies of ours, and the weights in the cache of the zoo.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import timm
import torch
import torchvision

import zoo
from zoo.weights import sources

REFERENCES = {
    "mobilenet_v2": torchvision.models.mobilenet_v2,
    **{f"efficientnet_lite{n}": lambda n=n: timm.create_model(f"tf_efficientnet_lite{n}") for n in range(3)},
}


def logits(name: str, tiles: np.ndarray) -> np.ndarray:
    architecture = zoo.find(name)
    (path,) = sources.fetch(architecture.weights[0].sources[-1])
    model = REFERENCES[name]()
    # The files of Lite have the names of another port of the same network, in the same order.
    stored = torch.load(path, weights_only=True).values()
    model.load_state_dict(dict(zip(model.state_dict(), stored, strict=True)))
    preprocessing = architecture.preprocess()
    side = preprocessing.height
    photos = tiles.repeat(-(-side // 8), 1).repeat(-(-side // 8), 2)[:, :side, :side]
    inputs = preprocessing.normalise(photos).transpose(0, 3, 1, 2)
    with torch.no_grad():
        return model.eval()(torch.from_numpy(inputs.copy())).numpy()


def main() -> None:
    tiles = np.random.default_rng(1).integers(0, 256, (4, 8, 8, 3), np.uint8)
    arrays = {name: logits(name, tiles) for name in REFERENCES}
    np.savez_compressed(Path(__file__).with_name("torch_logits.npz"), tiles=tiles, **arrays)


if __name__ == "__main__":
    main()
