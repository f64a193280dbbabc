"""The planted faults: what each breaks, and in which networks and schemes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from export.formats import FORMATS
from export.scheme import FLOAT32, INT8, Scheme
from tests.faults.networks import SCHEMES_MADE, Key, Network, Planted, recalibrated
from tests.faults.onnx_file import OnnxFile
from tests.faults.range_faults import cut_in_the_file
from tests.faults.stage_faults import STAGE_FAULTS, base, reconstruction
from tests.faults.tflite_file import TfliteFile

if TYPE_CHECKING:
    import keras

File = TfliteFile | OnnxFile
Plant = Callable[[Network, Key], Planted]
EDITORS: dict[str, Callable[[bytes], File]] = {"tflite": TfliteFile, "onnx": OnnxFile}
COLOUR = ("mobilenet_tiny", "mobilenet")
SINGLE = ("lenet5", *COLOUR)
ONE_SMALL = ("lenet5", "mobilenet")  # faults that do not depend on the network: one small network is enough
RESIDUAL = "mobilenet_v2_tiny"  # int8 only: this network adds branches and channels that are scaled together
STAGE_NETWORKS = {
    "channel lost in reconstruction": (*SINGLE, RESIDUAL),
    "layers swapped in the float file": (*COLOUR, RESIDUAL),  # LeNet-5 has no two of one shape
    # Only where ReLU6 clips: without it the pass itself refuses changed outputs.
    "scaled at its maker only": (RESIDUAL,),
    "offset not made good": (RESIDUAL,),
    "range cut in the plan": (RESIDUAL, "mobilenet"),
}
INT8_ONLY = (INT8,)
FLOAT32_AND_INT8 = (FLOAT32, INT8)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault.

    Attributes:
        name: as the table prints it.
        plant: returns the fault of an export, for the file to check.
        networks: names of the networks into which it is planted.
        schemes: schemes of the files into which it is planted.
        upstream: whether it is planted into the source of the file instead of the file itself.
    """

    name: str
    plant: Plant
    networks: tuple[str, ...] = SINGLE
    schemes: tuple[Scheme, ...] = SCHEMES_MADE
    upstream: bool = False


def edited(edit: Callable[[File], None]) -> Plant:
    """Return a plant that edits the healthy file."""

    def plant(network: Network, key: Key) -> Planted:
        return Planted(contents={key: broken(network, key, edit)})

    return plant


def broken(network: Network, key: Key, edit: Callable[[File], None]) -> bytes:
    file = EDITORS[key[0]](network.content(key))
    edit(file)
    return file.content()


def middle(file: File) -> int:
    return len(file) // 2


def first(_file: File) -> int:
    return 0


def last(file: File) -> int:
    return len(file) - 1


def spatial(file: File) -> int:
    """Return the first layer from the middle on, or else the last before it, whose kernel is more than a point."""
    layers = [*range(middle(file), len(file)), *reversed(range(middle(file)))]
    return next(layer for layer in layers if file.kernel(layer).ndim == 4 and file.kernel(layer).shape[0] > 1)


def swap_colours(file: File) -> None:
    file.set_kernel(0, file.kernel(0)[:, :, ::-1])


def zero_kernel(file: File) -> None:
    file.set_kernel(middle(file), np.zeros_like(file.kernel(middle(file))))


def zero_channel(file: File, layer: Callable[[File], int] = middle) -> None:
    """Zero one output channel, neither the strongest nor the weakest."""
    kernel = file.kernel(layer(file))
    norms = np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]).astype(np.float64), axis=0)
    kernel[..., np.argsort(norms)[len(norms) // 2]] = 0
    file.set_kernel(layer(file), kernel)


def transpose_kernel(file: File) -> None:
    file.set_kernel(spatial(file), file.kernel(spatial(file)).swapaxes(0, 1))


def faulty_parent(network: Network, _key: Key) -> Planted:
    """Break the float file from which all quantized files are derived."""
    parent = ("tflite", FLOAT32)
    return Planted(contents={parent: broken(network, parent, zero_channel)}, remade=True)


def stale_calibration(scale: float, offset: float) -> Plant:
    """Return a plant whose ranges are observed on photos of another preprocessing."""

    def plant(network: Network, _key: Key) -> Planted:
        wrong = replace(network.preprocessing, scale=(scale,), offset=(offset,))
        photos = network.samples.calibration.photos
        assert photos is not None
        return Planted(calibration=recalibrated(np.asarray(photos), wrong), remade=True)

    return plant


def wrong_padding(network: Network, key: Key) -> Planted:
    """Convert a model that sees the photo one pixel further down and to the right."""
    # The int8 files of both formats are derived from the float .tflite.
    source = key if key[1] == FLOAT32 else ("tflite", FLOAT32)
    content = FORMATS[source[0]].convert(pad_wrongly(network.model))
    return Planted(contents={source: content}, remade=True)


def pad_wrongly(model: keras.Model) -> keras.Model:
    import keras

    (spec,) = model.inputs
    image = keras.Input(spec.shape[1:], name=spec.name)
    moved = keras.layers.Cropping2D(((0, 1), (0, 1)))(keras.layers.ZeroPadding2D(((1, 0), (1, 0)))(image))
    output = keras.layers.Identity(name="logits")(model(moved))
    return keras.Model(image, output, name="wrong")


def faulty_base(network: Network, _key: Key) -> Planted:
    """Break the float file of the reconstructed model, and nothing before it."""
    file = TfliteFile(base(network))
    zero_channel(file)
    return Planted(base=file.content(), remade=True)


def wrongly_padded_base(network: Network, _key: Key) -> Planted:
    """Convert the reconstructed model with a wrong padding."""
    return Planted(base=FORMATS["tflite"].convert(pad_wrongly(reconstruction(network).model)), remade=True)


def truncated(share: float) -> Plant:
    """Return a plant that keeps that share of the file's bytes."""

    def plant(network: Network, key: Key) -> Planted:
        content = network.content(key)
        return Planted(contents={key: content[: int(len(content) * share)]})

    return plant


FAULTS = (
    Fault(name="colour channels swapped", plant=edited(swap_colours), networks=COLOUR),
    Fault(name="kernel zeroed", plant=edited(zero_kernel)),
    Fault(
        name="channel zeroed, first layer",
        plant=edited(lambda file: zero_channel(file, first)),
        networks=(*SINGLE, RESIDUAL),
    ),
    Fault(
        name="channel zeroed, middle layer",
        plant=edited(zero_channel),
        networks=(*SINGLE, RESIDUAL),
    ),
    Fault(
        name="channel zeroed, last layer",
        plant=edited(lambda file: zero_channel(file, last)),
        networks=(*SINGLE, RESIDUAL),
    ),
    Fault(name="channel zeroed before quantizing", plant=faulty_parent, schemes=INT8_ONLY, upstream=True),
    *(
        Fault(name=name, plant=plant, networks=STAGE_NETWORKS[name], schemes=INT8_ONLY, upstream=True)
        for name, plant in STAGE_FAULTS.items()
    ),
    Fault(name="channel zeroed after reconstruction", plant=faulty_base, schemes=INT8_ONLY, upstream=True),
    Fault(
        name="padded wrongly after reconstruction",
        plant=wrongly_padded_base,
        networks=ONE_SMALL,
        schemes=INT8_ONLY,
        upstream=True,
    ),
    Fault(name="kernel transposed", plant=edited(transpose_kernel)),
    Fault(name="NaN in a weight or its scale", plant=edited(lambda file: file.plant_nan(middle(file)))),
    Fault(name="bias dropped", plant=edited(lambda file: file.drop_bias(middle(file)))),
    Fault(name="bias dropped, last layer", plant=edited(lambda file: file.drop_bias(last(file)))),
    Fault(name="padding off by one", plant=wrong_padding, schemes=(FLOAT32,)),
    Fault(
        name="relu6 in place of relu",
        plant=edited(lambda file: file.cap_relus()),
        networks=("lenet5",),
        schemes=(FLOAT32,),
    ),
    Fault(
        name="padding off by one before quantizing",
        plant=wrong_padding,
        networks=ONE_SMALL,
        schemes=INT8_ONLY,
        upstream=True,
    ),
    Fault(name="outputs swapped", plant=edited(lambda file: file.swap_outputs()), networks=("two_headed",)),
    Fault(name="outputs in another order", plant=edited(lambda file: file.reorder_outputs()), networks=("two_headed",)),
    Fault(name="range cut in the file", plant=cut_in_the_file, networks=("lenet5", "mobilenet"), schemes=INT8_ONLY),
    Fault(name="input scale 2 % wrong", plant=edited(lambda file: file.requantize_input(1.02, 0)), schemes=INT8_ONLY),
    Fault(
        name="input zero point 2 too high", plant=edited(lambda file: file.requantize_input(1, 2)), schemes=INT8_ONLY
    ),
    *(
        Fault(name=name, plant=plant, networks=where, schemes=INT8_ONLY, upstream=True)
        for name, plant, where in (
            ("calibrated on 0..1", stale_calibration(1 / 255, 0), COLOUR),
            ("calibrated on -1..1", stale_calibration(2 / 255, -1), ("lenet5",)),
            ("calibrated on 0..255", stale_calibration(1, 0), SINGLE),
        )
    ),
    *(
        Fault(name=name, plant=truncated(share), networks=ONE_SMALL, schemes=FLOAT32_AND_INT8)
        for name, share in (("last 1 % of the file missing", 0.99), ("second half of the file missing", 0.5))
    ),
)

# Faults in stored numbers and their place in the file; the proof of an .onnx requested alone must catch them, too.
STORED = tuple(fault for fault in FAULTS if fault.name.startswith(("channel zeroed,", "bias", "kernel", "colour")))
