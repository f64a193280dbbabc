"""Training on several devices of one machine with `MirroredStrategy` of TensorFlow.

Each device has a copy of all variables and computes the gradients of an equal share of the batch; the gradients are
summed, and all copies are updated alike. Evaluation and saving use a plain model on one device.

Training on several machines is not supported: `fit` of Keras 3 fails under `MultiWorkerMirroredStrategy`,
https://github.com/keras-team/keras/issues/20585.
"""

from __future__ import annotations

import os
import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras

_DEVICES = re.compile(r"all|(?:cpu:)?[1-9][0-9]{0,3}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Devices:
    """The devices of a training run.

    Attributes:
        count: number of devices that share each batch.
        strategy: distribution strategy of TensorFlow; None on one device.
    """

    count: int = 1
    strategy: Any = None

    def scope(self) -> AbstractContextManager[Any]:
        """Return the context in which models and optimizers must be created."""
        scope: AbstractContextManager[Any] = self.strategy.scope() if self.strategy else nullcontext()
        return scope

    def check(self, examples: int) -> None:
        """Check that there are enough examples for all devices.

        Raises:
            UsageProblemError: there are fewer examples than devices.
        """
        if examples < self.count:
            raise UsageProblemError(
                f"--devices: {self.count} devices cannot share {examples} examples; use fewer devices"
            )


def find(requested: str | None, batch: int) -> Devices:
    """Return the requested devices; for "cpu:2", TensorFlow must not have been used in this process before.

    Args:
        requested: "2" for two GPUs, "all" for all GPUs, "cpu:2" for the cores as two devices, None for TensorFlow's
            default device.
        batch: examples in each batch, over all devices.

    Raises:
        UsageProblemError: fewer than two devices, more than exist, or a batch that cannot be divided equally.
    """
    check_words(requested, batch)
    if requested is None:
        return Devices()
    import tensorflow as tf

    kind = "CPU" if requested.startswith("cpu:") else "GPU"
    found = len(tf.config.list_physical_devices("GPU"))
    count = found if requested == "all" else int(requested.removeprefix("cpu:"))
    if kind == "GPU" and (found < 2 or count > found):
        raise UsageProblemError(
            f"--devices {requested}: TensorFlow finds {found or 'no'} GPU{'s' * (found != 1)}; "
            + (f"use at most {found}" if found > 1 else "leave out --devices")
        )
    _check_shares(requested, count, batch)
    if kind == "CPU":
        _divide_cores(count)
    return Devices(count=count, strategy=tf.distribute.MirroredStrategy([f"{kind}:{i}" for i in range(count)]))


def check_words(requested: str | None, batch: int) -> None:
    """Check what can be known about requested devices without TensorFlow.

    Raises:
        UsageProblemError: no such kind of devices, a single one, or a batch that cannot be divided equally.
    """
    if requested is None:
        return
    if not _DEVICES.fullmatch(requested):
        raise UsageProblemError(f"--devices must be a number of GPUs, all, or cpu:2, not {requested!r}")
    if os.environ.get("TF_CONFIG"):
        raise UsageProblemError(
            "TF_CONFIG configures several machines, on which TensorFlow cannot train Keras 3 models (Keras issue "
            "20585); unset it to train on this machine"
        )
    if requested.startswith("cpu:"):  # how many GPUs there are is known to TensorFlow only
        _check_shares(requested, int(requested.removeprefix("cpu:")), batch)


def _check_shares(requested: str, count: int, batch: int) -> None:
    if count < 2:
        raise UsageProblemError(f"--devices {requested} is a single device; leave out --devices")
    if batch % count:
        raise UsageProblemError(
            f"--batch {batch} cannot be divided equally among {count} devices; use {-(-batch // count) * count}"
        )


def copied(model: keras.Model) -> keras.Model:
    """Return a copy whose variables are on all devices of the current scope."""
    import keras

    copy = keras.models.clone_model(model)
    copy_values(model, copy)
    return copy


def copy_values(source: keras.Model, target: keras.Model) -> None:
    """Copy the values of all variables, including states of random generators, from `source` to `target`."""
    for variable, value in zip(target.variables, source.variables, strict=True):
        variable.assign(value.numpy())


def _divide_cores(count: int) -> None:
    import tensorflow as tf

    (cores, *_) = tf.config.list_physical_devices("CPU")
    try:
        tf.config.set_logical_device_configuration(cores, [tf.config.LogicalDeviceConfiguration()] * count)
    except RuntimeError as error:
        raise UsageProblemError(
            f"TensorFlow is already initialized in this process; use cpu:{count} in a new process"
        ) from error
