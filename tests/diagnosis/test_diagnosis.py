"""A damaged layer is named first, in both formats; the numbers equal computations by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from calibration.samples import Samples
from export.analysis.diagnosis.comparable import comparable
from export.analysis.diagnosis.diagnosis import Diagnosis, Layer, diagnose
from export.analysis.diagnosis.suggestions import Circumstances
from export.formats import FORMATS, PRIMARY
from export.formats.tflite import flatbuffer, storage
from export.formats.tflite.dissect import stored_as
from export.metrics import compare
from export.model.layer_outputs import layer_calls
from export.quantization.build import quantized_files
from export.quantization.tensor_map import Attribution, attributed
from export.recipe import Io
from export.runtime.jobs import layer_errors as measuring
from export.runtime.jobs.error_sums import on_grid
from export.runtime.jobs.feed import feed
from export.runtime.jobs.layer_errors import layer_errors, together
from export.scheme import INT8
from tests.diagnosis.planting import FAULTS
from tests.diagnosis.shapes import random_model
from tests.faults.networks import Network, fashion

if TYPE_CHECKING:
    import keras

COUNT = 8
# The two runtimes sometimes round a mean differently by a step, which is much for ten outputs of a few photos.
MORE = 32
NETWORKS = ("lenet5", "mobilenet_tiny")
# Untrained networks, for which both runtimes must also agree. One has inputs and outputs in float.
SHAPES = {"branched": None, "nested": Io.FLOAT32}
# The first, a middle and the last layer with weights of each network: its position, and its name in Keras.
PLACES = {
    "lenet5": [(0, "c1"), (2, "c5"), (4, "logits")],
    "mobilenet_tiny": [(0, "conv1"), (8, "conv_pw_4"), (17, "conv_preds")],
}


@dataclass
class Patient:
    """A trained network, its files, and the Keras layers of their tensors."""

    network: Network
    work: Path
    io: Io | None = None
    count: int = COUNT

    @cached_property
    def samples(self) -> Samples:
        probe = self.network.samples.probe
        inputs = {name: values[: self.count] for name, values in probe.inputs.items()}
        photos = probe.photos[: self.count] if probe.photos is not None else None
        return Samples(inputs=inputs, photos=photos, photo_input=next(iter(inputs)), source="tests", seed=0).save(
            self.work / "few"
        )

    @cached_property
    def files(self) -> dict[str, bytes]:
        """The int8 files by format."""
        right = self.network.right
        run = replace(right, recipe=replace(right.recipe, io=self.io))
        made = quantized_files(run, self.network.floats, self.network.bases)
        assert [file.trouble for file in made.values() if file.trouble] == []
        return {name: made[name, INT8].content.read() for name in FORMATS}

    @cached_property
    def model(self) -> keras.Model:
        """The model with the outputs of the original and the scaled channels of the int8 files."""
        records = self.network.base.reconstruction.records
        return comparable(self.network.model, records, self.network.samples.calibration)

    @cached_property
    def float_file(self) -> Path:
        return self.written("float", PRIMARY.suffix, PRIMARY.convert(self.model))

    @cached_property
    def attributions(self) -> dict[str, Attribution]:
        return attributed(self.model, self.float_file, self.samples, self.work / "few")

    def written(self, name: str, suffix: str, content: bytes) -> Path:
        path = self.work / f"{name}{suffix}"
        path.write_bytes(content)
        return path

    def diagnosis(self, kind: str, content: bytes | None = None) -> Diagnosis:
        """Diagnose the healthy file of a format, or another in its place."""
        file_format = FORMATS[kind]
        path = self.written("int8", file_format.suffix, content or self.files[kind])
        dissector = file_format.dissect(path, self.float_file)
        pairs = [
            ({name: values[index : index + 1] for name, values in self.samples.inputs.items()},
             feed(dissector, self.samples, index, camera_bytes=True))
            for index in range(self.count)
        ]  # fmt: skip
        errors = layer_errors(dissector, pairs)
        return diagnose(
            file=path.name,
            errors=errors,
            missing=dissector.missing,
            output_sqnr_db=min(together(dissector, errors)),
            attributions=self.attributions,
            circumstances=Circumstances(observer="min-max"),
            sample_count=self.count,
            source="tests",
        )


@pytest.fixture(scope="module")
def patient(network: Callable[[str], Network], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Patient]:
    work = tmp_path_factory.mktemp("diagnosis")
    made = {name: Patient(network(name), work / name) for name in NETWORKS}
    small = made["mobilenet_tiny"].network.preprocessing
    for name, io in SHAPES.items():
        untrained = Network(name, partial(random_model, name), small, fashion, work / name)
        made[name] = Patient(untrained, work / name, io, MORE)
    for one in made.values():
        one.work.mkdir(exist_ok=True)
    return made.__getitem__


@pytest.fixture(scope="module")
def healthy(patient: Callable[[str], Patient]) -> Callable[[str, str], Diagnosis]:
    """Return the diagnosis of a healthy file, made once."""
    made: dict[tuple[str, str], Diagnosis] = {}

    def give(name: str, kind: str) -> Diagnosis:
        if (name, kind) not in made:
            made[name, kind] = patient(name).diagnosis(kind)
        return made[name, kind]

    return give


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.large if name == "mobilenet_tiny" else ()) for name in NETWORKS]
)
def test_every_layer_with_its_own_error_is_measured_and_the_most_costly_ones_precisely(
    name: str,
    patient: Callable[[str], Patient],
    healthy: Callable[[str, str], Diagnosis],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = healthy(name, PRIMARY.name)
    monkeypatch.setattr(measuring, "ALONE", 3)
    found = patient(name).diagnosis(PRIMARY.name)
    own = [layer for layer in found.layers if layer.error.op and layer.error.local_sqnr_db is not None]
    assert all(layer.share is not None for layer in own)
    assert sorted(layer.error.output_count for layer in own)[-4:] == [measuring.FEW, COUNT, COUNT, COUNT]
    assert found.worst[0] == whole.worst[0]
    assert {one.name for one in found.worst[:2]} <= {one.name for one in whole.worst[:4]}


@pytest.mark.parametrize("kind", FORMATS)
def test_outputs_of_the_model_are_recognised(kind: str, healthy: Callable[[str, str], Diagnosis]) -> None:
    layers = healthy("mobilenet_tiny", kind).layers
    outputs = {layer.name for layer in layers if layer.error.is_output}
    # The second only reshapes the first, and need not be stored.
    assert outputs == {"conv_preds", "logits"} & {layer.name for layer in layers}
    assert "conv_preds" in outputs


def layer_named(diagnosis: Diagnosis, name: str) -> Layer:
    return next(layer for layer in diagnosis.layers if layer.name == name)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(("name", "place", "layer"), [(name, *one) for name, all_ in PLACES.items() for one in all_])
def test_a_damaged_layer_is_ranked_worst(
    fault: str, kind: str, name: str, place: int, layer: str, patient: Callable[[str], Patient]
) -> None:
    one = patient(name)
    found = one.diagnosis(kind, FAULTS[fault][kind](one.files[kind], place))
    assert found.worst[0].name == layer


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", NETWORKS)
def test_last_layer_has_the_sqnr_of_the_proof(
    name: str, kind: str, patient: Callable[[str], Patient], healthy: Callable[[str, str], Diagnosis]
) -> None:
    one = patient(name)
    session = FORMATS[kind].open(one.written("proof", FORMATS[kind].suffix, one.files[kind]))
    rows = [session.run(feed(session, one.samples, index, camera_bytes=True))["logits"] for index in range(COUNT)]
    real = session.outputs[0].dequantize(np.concatenate(rows))
    proven = compare(reference=one.network.expected["logits"][:COUNT], actual=real).sqnr_db
    assert healthy(name, kind).output_sqnr_db == pytest.approx(proven, abs=0.01)


@pytest.mark.parametrize("name", [*NETWORKS, *SHAPES])
def test_both_formats_report_the_same_for_every_layer(
    name: str, healthy: Callable[[str, str], Diagnosis], patient: Callable[[str], Patient]
) -> None:
    """They are measured in two runtimes, of files whose integers are the same."""
    one, other = (healthy(name, kind) for kind in FORMATS)
    known = {layer.name: layer for layer in other.layers}
    shared = [layer for layer in one.layers if layer.name in known]
    assert (
        len(shared) >= len(one.layers) - 1
    )  # the result of an operator that only moves numbers need not be stored twice
    assert len(shared) == len(other.layers)
    ends = [layer for layer in shared if layer.name in patient(name).network.expected]
    apart_db = [layer.error.cumulative_sqnr_db - known[layer.name].error.cumulative_sqnr_db for layer in ends]
    ratios = [10 ** (db / 10) for db in (one.output_sqnr_db - other.output_sqnr_db, *apart_db)]
    for layer in shared:
        same = known[layer.name]
        assert layer.error.local_sqnr_db == pytest.approx(same.error.local_sqnr_db, abs=0.2)
        assert layer.error.cumulative_sqnr_db == pytest.approx(same.error.cumulative_sqnr_db, abs=0.5)
        # A share refers to the output error of the file, which may differ slightly between formats.
        expected = [None] if same.share is None else [pytest.approx(same.share * r, rel=0.05, abs=3e-3) for r in ratios]
        assert layer.share in expected


@pytest.mark.parametrize("layer", ["c1", "f6"])
@pytest.mark.parametrize("kind", FORMATS)
def test_a_layer_s_own_error_equals_a_computation_by_hand(
    kind: str, layer: str, patient: Callable[[str], Patient], healthy: Callable[[str, str], Diagnosis]
) -> None:
    one = patient("lenet5")
    calls = {call.name: call for call in layer_calls(one.model, one.samples.inputs)}
    tensor = next(tensor for tensor, found in one.attributions.items() if found.call == layer)
    weights, bias, grid = stored(one.files[PRIMARY.name], tensor)
    source = calls[calls[layer].sources[0]].output.astype(np.float64)
    if layer == "c1":
        windows = np.lib.stride_tricks.sliding_window_view(source, (5, 5), axis=(1, 2))
        exact = np.einsum("nhwcij,oijc->nhwo", windows, weights) + bias
    else:
        exact = source.reshape(COUNT, -1) @ weights.T + bias
    limits = np.iinfo(grid.dtype)
    codes = np.clip(np.rint(np.maximum(exact, 0) / grid.scale) + grid.zero_point, limits.min, limits.max)
    by_hand = compare(reference=calls[layer].output, actual=(codes - grid.zero_point) * grid.scale).sqnr_db
    assert layer_named(healthy("lenet5", kind), layer).error.local_sqnr_db == pytest.approx(by_hand, abs=0.05)


def stored(content: bytes, name: str) -> tuple[Any, Any, Any]:
    """Return the real weights and bias of the operator that makes a tensor, and that one's grid."""
    model = flatbuffer.read(content)
    tensors = model.subgraphs[0].tensors
    (operator,) = (
        operator for operator in model.subgraphs[0].operators if tensors[operator.outputs[0]].name.decode() == name
    )
    weights, bias = (storage.real(model, tensors[index], smallest_step=0)[0] for index in operator.inputs[1:3])
    return weights, bias, stored_as(tensors[operator.outputs[0]])


@pytest.mark.parametrize("name", NETWORKS)
def test_a_layer_that_only_moves_values_has_no_error_of_its_own(
    name: str, healthy: Callable[[str, str], Diagnosis]
) -> None:
    moves = {layer.error.op for layer in healthy(name, PRIMARY.name).layers if layer.error.local_sqnr_db is None}
    assert moves == ({"MAX_POOL_2D"} if name == "lenet5" else {"RESHAPE"})


def test_rounding_to_a_grid_reports_clipped_values() -> None:
    grid = stored_as_int8(scale=0.5, zero_point=-28)
    rounded, is_clipped = on_grid(np.array([-51.0, -50.0, 0.2, 0.26, 77.5, 78.0], np.float32), grid)
    assert rounded.tolist() == [-50.0, -50.0, 0.0, 0.5, 77.5, 77.5]
    assert is_clipped.tolist() == [True, False, False, False, False, True]


def stored_as_int8(scale: float, zero_point: int) -> Any:
    from export.model.tensor_spec import TensorSpec

    return TensorSpec(name="t", shape=(6,), dtype="int8", scale=scale, zero_point=zero_point)
