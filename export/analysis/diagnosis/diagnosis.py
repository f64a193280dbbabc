"""The diagnosis of a quantized file: its layers in graph order, and the five worst ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from export.analysis.diagnosis.suggestions import Circumstances, Suggestion, suggest
from export.quantization.tensor_map import Attribution, short
from export.runtime.jobs.layer_error import LayerError
from zoo.errors import UsageProblemError

WORST = 5

# A layer with a smaller share of the output error gets no suggestion.
SMALLEST_SHARE = 0.01

# Errors of layers partly cancel, but never nine tenths of one.
IMPOSSIBLE_SHARE = 10.0


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One activation of the file.

    Attributes:
        name: name of the Keras layer for tables; the tensor's name if no layer matches.
        layer: name of the Keras layer for options; None if no layer matches.
        group: names of all Keras layers that the file computes in this step.
        error: the measured errors.
        share: share of the output error that this layer causes; None if not measured.
    """

    name: str
    layer: str | None
    group: tuple[str, ...]
    error: LayerError
    share: float | None


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One of the worst layers.

    Attributes:
        name: as in `Layer`.
        share: share of the output error.
        alone_sqnr_db: SQNR of the output if only this layer is rounded.
        suggestion: what to try, and why.
    """

    name: str
    share: float
    alone_sqnr_db: float
    suggestion: Suggestion


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """The errors of all layers of a file.

    Attributes:
        file: name of the file.
        sample_count: number of samples.
        source: source of the samples.
        output_sqnr_db: SQNR of the worst output, as in the proof.
        layers: all layers in graph order.
        worst: the layers with the largest shares of the output error, in descending order.
        missing: tensors of the float file that the quantized file does not store.
    """

    file: str
    sample_count: int
    source: str
    output_sqnr_db: float
    layers: tuple[Layer, ...]
    worst: tuple[Finding, ...]
    missing: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Return plain data for a manifest and for --json."""
        layers = [
            {
                "name": layer.name,
                "layer": layer.layer,
                "group": list(layer.group),
                "share": layer.share,
                **layer.error.record(),
            }
            for layer in self.layers
        ]
        return {**asdict(self), "layers": layers, "worst": [asdict(finding) for finding in self.worst]}


def diagnose(
    *,
    file: str,
    errors: Sequence[LayerError],
    missing: Sequence[str],
    output_sqnr_db: float,
    attributions: Mapping[str, Attribution],
    circumstances: Circumstances,
    sample_count: int,
    source: str,
) -> Diagnosis:
    """Return the diagnosis of a file from its measured errors.

    Args:
        file: name of the file.
        errors: measured errors in graph order.
        missing: tensors that the file does not store.
        output_sqnr_db: SQNR of the worst output.
        attributions: attributions of the float file's tensors.
        circumstances: how the file was quantized.
        sample_count: number of samples.
        source: source of the samples.

    Raises:
        UsageProblemError: the layers of the file do not match the model's.
    """
    _check_same_model(errors)
    layers = [_layer(error, attributions.get(error.tensor)) for error in errors]
    ranked = sorted(
        (layer for layer in layers if (layer.share or 0) >= SMALLEST_SHARE), key=lambda one: -(one.share or 0)
    )
    worst = [
        Finding(
            name=layer.name,
            share=layer.share or 0.0,
            alone_sqnr_db=layer.error.output_sqnr_db or 0.0,
            suggestion=suggest(layer.error, layer.layer, circumstances),
        )
        for layer in ranked[:WORST]
    ]
    return Diagnosis(
        file=file,
        sample_count=sample_count,
        source=source,
        output_sqnr_db=output_sqnr_db,
        layers=tuple(layers),
        worst=tuple(worst),
        missing=tuple(missing),
    )


def _check_same_model(errors: Sequence[LayerError]) -> None:
    """Raise if one layer causes far more error than all layers together, because then the layers do not match.

    Raises:
        UsageProblemError: see above.
    """
    if any(error.output_share is not None and error.output_share > IMPOSSIBLE_SHARE for error in errors):
        raise UsageProblemError(
            "the outputs match the model's, but the layers do not: the export scaled their channels before "
            "quantization; type the path of the file in the folder of its export, or export with --no-reconstruct"
        )


def _layer(error: LayerError, attribution: Attribution | None) -> Layer:
    return Layer(
        name=attribution.name if attribution is not None else short(error.tensor),
        layer=attribution.layer if attribution is not None else None,
        group=attribution.group if attribution is not None else (),
        error=error,
        share=min(error.output_share, 1.0) if error.output_share is not None else None,
    )
