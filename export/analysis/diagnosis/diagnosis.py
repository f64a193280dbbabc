"""The verdict on a quantized file: its layers in the order of the graph, and the five that cost the most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from export.analysis.diagnosis.suggestions import Circumstances, Cure, cure
from export.quantization.tensor_map import Attribution, short
from export.runtime.jobs.layer_error import LayerError
from zoo.errors import UsageProblemError

WORST = 5
# Fewer per cent of the output's error are not worth a cure.
SMALLEST_SHARE = 0.01
# Errors of layers cancel a little; nothing cancels nine tenths of one.
IMPOSSIBLE_SHARE = 10.0


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One activation of the file.

    Attributes:
        name: of the Keras layer, for a table; the tensor's own where no layer gives its values.
        layer: of the Keras layer, as options take it; None where no layer gives its values.
        group: names of all Keras layers that the file computes in this one step.
        error: what was measured.
        share: of the output's error that this layer makes; None where that was not measured.
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
        share: of the output's error.
        alone_sqnr_db: what the output has left if only this layer is rounded.
        cure: what to try, and why.
    """

    name: str
    share: float
    alone_sqnr_db: float
    cure: Cure


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """Where a file lost its accuracy.

    Attributes:
        file: its name.
        sample_count: that it was measured on.
        source: of the samples.
        output_sqnr_db: of the worst output, as the proof measures it.
        layers: in the order of the graph.
        worst: those that cost the output the most, the worst first.
        missing: tensors of the float file that the file does not store.
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
    """Return the verdict.

    Args:
        file: its name.
        errors: in the order of the graph.
        missing: tensors that the file does not store.
        output_sqnr_db: of the worst output.
        attributions: of the float file's tensors.
        circumstances: of the export.
        sample_count: measured on.
        source: of the samples.

    Raises:
        UsageProblemError: the file is not of this model.
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
            cure=cure(layer.error, layer.layer, circumstances),
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
    """Refuse a comparison in which a layer alone costs far more than all together: then it is not that layer.

    Raises:
        UsageProblemError: see above.
    """
    if any(error.output_share is not None and error.output_share > IMPOSSIBLE_SHARE for error in errors):
        raise UsageProblemError(
            "its answers are the model's, but its layers' are not: their channels were scaled before the integers were "
            "made, as an export does by default; type the path of the file in its export's folder, or of one made with "
            "--no-reconstruct"
        )


def _layer(error: LayerError, attribution: Attribution | None) -> Layer:
    return Layer(
        name=attribution.name if attribution is not None else short(error.tensor),
        layer=attribution.layer if attribution is not None else None,
        group=attribution.group if attribution is not None else (),
        error=error,
        share=min(error.output_share, 1.0) if error.output_share is not None else None,
    )
