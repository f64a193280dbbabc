"""GoogLeNet: its size, and the outputs that it has for training only."""

from __future__ import annotations

import numpy as np

import zoo


def test_trained_numbers_are_as_many_as_torchvisions() -> None:
    model = zoo.find("googlenet").build(large=3)
    # torchvision.models.GoogLeNet_Weights.IMAGENET1K_V1.meta["num_params"], which counts no means and variances.
    assert sum(weight.value.numpy().size for weight in model.trainable_weights) == 6_624_904


def test_the_auxiliary_outputs_are_logits_and_change_nothing_else() -> None:
    options = zoo.find("googlenet").tiny | {"resolution": 224, "stages": 2 * (((4, 4, 4, 4, 4, 4),) * 4,)}
    plain, trained = (zoo.find("googlenet").build(**options, auxiliary=auxiliary) for auxiliary in (False, True))
    weights = {weight.path: weight for weight in trained.weights}
    for weight in plain.weights:
        weight.assign(weights[weight.path])
    photos = np.random.default_rng(0).normal(size=(2, 224, 224, 3)).astype(np.float32)
    logits, *auxiliary = trained(photos)
    assert trained.output_names == ["logits", "auxiliary_4a", "auxiliary_4d"]
    assert [tuple(output.shape) for output in auxiliary] == [(2, 10), (2, 10)]
    assert np.array_equal(logits, plain(photos))
