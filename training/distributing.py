"""Several GPUs of this machine share the photos of every step: TensorFlow's own `MirroredStrategy`.

Each device has a copy of all variables and takes an equal share of the batch; the gradients are summed, and every copy
takes the same step. What answers and what is saved stays outside of it: a plain model, on one device.

Not several machines: `fit` of Keras 3 fails under `MultiWorkerMirroredStrategy`,
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

_ASKED = re.compile(r"all|(?:cpu:)?[1-9][0-9]{0,3}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Devices:
    """What a run learns on.

    Attributes:
        count: how many devices share a step.
        strategy: TensorFlow's; None: one device, and nothing is shared.
    """

    count: int = 1
    strategy: Any = None

    def scope(self) -> AbstractContextManager[Any]:
        """Return the context in which all that learns must be made."""
        scope: AbstractContextManager[Any] = self.strategy.scope() if self.strategy else nullcontext()
        return scope

    def check(self, photos: int) -> None:
        """Refuse so few photos that a device would have none.

        Raises:
            UsageProblemError: there are fewer photos than devices.
        """
        if photos < self.count:
            raise UsageProblemError(f"--devices: {self.count} devices cannot share {photos} photos; ask for fewer")


def find(asked: str | None, batch: int) -> Devices:
    """Return the devices that were asked for; TensorFlow must not have been at work before, if they are `cpu:2`.

    Args:
        asked: "2": GPUs; "all" of them; "cpu:2": the cores as so many devices; None: what TensorFlow takes by itself.
        batch: photos in a step, over all devices.

    Raises:
        UsageProblemError: fewer than two devices, more than there are, or a batch that has no equal shares.
    """
    if asked is None:
        return Devices()
    if not _ASKED.fullmatch(asked):
        raise UsageProblemError(f"--devices takes a number of GPUs, all, or cpu:2, not {asked!r}")
    if os.environ.get("TF_CONFIG"):
        raise UsageProblemError(
            "TF_CONFIG asks for several machines, and TensorFlow cannot train Keras 3 on them (Keras issue 20585); "
            "unset it to train on this one"
        )
    import tensorflow as tf

    kind = "CPU" if asked.startswith("cpu:") else "GPU"
    there = len(tf.config.list_physical_devices("GPU"))
    count = there if asked == "all" else int(asked.removeprefix("cpu:"))
    if kind == "GPU" and (there < 2 or count > there):
        raise UsageProblemError(
            f"--devices {asked}: TensorFlow finds {there or 'no'} GPU{'s' * (there != 1)} here; "
            + (f"ask for at most {there}" if there > 1 else "leave --devices out")
        )
    if count < 2:
        raise UsageProblemError(f"--devices {asked} is one device, which shares nothing; leave --devices out")
    if batch % count:
        raise UsageProblemError(
            f"--batch {batch} has no equal shares for {count} devices; {-(-batch // count) * count} has"
        )
    if kind == "CPU":
        _divide_cores(count)
    return Devices(count=count, strategy=tf.distribute.MirroredStrategy([f"{kind}:{i}" for i in range(count)]))


def copied(model: keras.Model) -> keras.Model:
    """Return a copy whose variables live on all devices of the scope in which this is called."""
    import keras

    copy = keras.models.clone_model(model)
    bring(model, copy)
    return copy


def bring(source: keras.Model, target: keras.Model) -> None:
    """Give every variable of `target` the value that it has in `source`, states of random generators among them."""
    for variable, value in zip(target.variables, source.variables, strict=True):
        variable.assign(value.numpy())


def _divide_cores(count: int) -> None:
    import tensorflow as tf

    (cores, *_) = tf.config.list_physical_devices("CPU")
    try:
        tf.config.set_logical_device_configuration(cores, [tf.config.LogicalDeviceConfiguration()] * count)
    except RuntimeError as error:
        raise UsageProblemError(
            f"TensorFlow is at work in this process already; ask for cpu:{count} in a new one"
        ) from error
