"""Rank layers by the output error that each causes when it alone is quantized in the float network.

The alternative is to keep one layer at a time in float in the int8 file. It finds only the few largest contributions,
because every change also changes the rounding of all other layers. On MobileNet v1, keeping eight layers in higher
precision gives 22.5 dB with this ranking and 19.6 dB with the alternative.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from export import process
from export.quantization.build import MadeFile
from export.quantization.export_run import ExportRun
from export.quantization.integer_base import IntegerBase
from export.quantization.tensor_map import Attribution
from export.recipe import Io
from export.runtime.jobs.dissect import dissect
from export.scheme import INT8
from zoo.errors import OutsideError

COUNT = 16  # Calibration samples; samples of the proof must not influence the choice of layers.
TIMEOUT_SECONDS = 3600


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """The contribution of a layer to the output error.

    Attributes:
        layer: name of the Keras layer, as `--raise` takes it.
        share: share of the output error; the shares of all layers add up to 1.
    """

    layer: str
    share: float


def ranked(run: ExportRun, base: IntegerBase, file: MadeFile) -> tuple[Contribution, ...]:
    """Return every layer that can be kept in higher precision, by descending share of the output error.

    Args:
        run: the export.
        base: the base that the file was quantized from, with its tensor map.
        file: the int8 file in the primary format, without raised layers.

    Raises:
        OutsideError: the runtime cannot run the file.
    """
    run.progress.step("measure the error of every layer")
    result = process.call(
        dissect,
        timeout_s=TIMEOUT_SECONDS,
        path=file.on_disk(run.work),
        float_file=base.path,
        samples=run.samples.calibration_folder,
        count=COUNT,
        camera_bytes=run.takes_camera_bytes(INT8),
    )
    inputs_count = run.io(INT8) is Io.FLOAT32
    found = by_layer(result["layers"], base.tensor_map, with_inputs=inputs_count)
    if not found:
        raise OutsideError(
            "no layer of the int8 file could be measured separately, so the budget cannot choose layers; type --raise "
            "LAYER yourself"
        )
    return tuple(found)


def by_layer(
    errors: Sequence[Mapping[str, Any]], attributions: Mapping[str, Attribution], *, with_inputs: bool
) -> list[Contribution]:
    """Return the contribution of each Keras layer from the errors of its tensors; ties keep graph order.

    Args:
        errors: `LayerError`s as records, in graph order.
        attributions: attributions of the float file's tensors.
        with_inputs: whether inputs can be kept in higher precision, which uint8 photos cannot.
    """
    noises: dict[str, float] = {}
    for error in errors:
        attribution = attributions.get(error["tensor"])
        if attribution is None or attribution.layer is None or not (error["op"] or with_inputs):
            continue
        alone = error["output_sqnr_db"]
        noise = 10 ** (-alone / 10) if alone is not None else 0.0
        noises[attribution.layer] = noises.get(attribution.layer, 0.0) + noise
    total = sum(noises.values()) or 1.0
    costly = sorted(noises, key=lambda layer: -noises[layer])
    return [Contribution(layer=layer, share=noises[layer] / total) for layer in costly]
