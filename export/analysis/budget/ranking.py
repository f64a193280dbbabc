"""Which layers cost the answers the most: each alone is rounded in the float network, and the output's error measured.

Leaving one layer out of the int8 file instead would find only the few largest: the rounding of all others moves with
every change, which hides what is small. Measured on MobileNet v1: eight layers raised by this ranking leave 22.5 dB, by
the other one 19.6 dB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from export import process
from export.formats import PRIMARY
from export.quantization.export_run import ExportRun
from export.quantization.integer_base import IntegerBase
from export.quantization.tensor_map import Attribution
from export.recipe import Io
from export.runtime.jobs.dissect import dissect
from export.scheme import INT8
from zoo.errors import OutsideError

COUNT = 16  # samples of the calibration; the proof's decide nothing but the verdict
TIMEOUT_SECONDS = 3600


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """What a layer costs.

    Attributes:
        layer: of the Keras model, as `--raise` takes it.
        share: of the output's error, where all layers together make 1; 0 where the layer adds no error of its own.
    """

    layer: str
    share: float


def ranked(run: ExportRun, base: IntegerBase, content: bytes) -> list[Contribution]:
    """Return every layer that can be raised, the most costly first.

    Args:
        run: of the export.
        base: that the file was quantized from, with its tensor map.
        content: the int8 file in the primary format, no layer raised.

    Raises:
        OutsideError: the runtime cannot run the file.
    """
    run.progress.step("measure what every layer costs")
    path = run.work / f"ranked{PRIMARY.suffix}"
    path.write_bytes(content)
    answer = process.call(
        dissect,
        timeout_s=TIMEOUT_SECONDS,
        path=path,
        float_file=base.path,
        samples=run.samples.calibration_folder,
        count=COUNT,
        camera_bytes=run.takes_camera_bytes(INT8),
    )
    inputs_count = run.io(INT8) is Io.FLOAT32
    found = by_layer(answer["layers"], base.tensor_map, with_inputs=inputs_count)
    if not found:
        raise OutsideError("not one layer of the int8 file could be measured by itself, so none can be raised")
    return found


def by_layer(
    errors: Sequence[Mapping[str, Any]], attributions: Mapping[str, Attribution], *, with_inputs: bool
) -> list[Contribution]:
    """Return what each Keras layer costs, of what each tensor does; the order of the graph decides between equals.

    Args:
        errors: `LayerError`s as records, in the order of the graph.
        attributions: of the float file's tensors.
        with_inputs: whether inputs can be raised: not those of camera bytes.
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
    costly = sorted(noises, key=lambda layer: -noises[layer])  # stable
    return [Contribution(layer=layer, share=noises[layer] / total) for layer in costly]
