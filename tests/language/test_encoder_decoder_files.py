"""Files of encoder-decoders with caches: the logits of whole texts, the names that runtimes load, every weight once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from export.formats import FORMATS
from export.formats.format import QuantizationPlan
from export.formats.onnx import storage
from export.formats.session import TextTranslator
from export.proof.compare import compare_outputs
from export.recipe import Io
from export.scheme import FLOAT32, INT8_DYNAMIC
from tests.language.small_transformer import REAL, built, expected, tokens
from tests.language.test_decoder_files import appended_in_front, constants, written_late
from zoo import transformer
from zoo.language import cached_attention, cross_attention, sinusoids, tied_embedding
from zoo.language.cached_attention import MASKED

INPUTS = ("source", "source_mask", "target")
PLACES = [f"{index}.{side}.{part}" for index in (0, 1) for side in ("decoder", "encoder") for part in ("key", "value")]
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return built()


@pytest.fixture(scope="module")
def floats(model: keras.Model) -> Files:
    return {name: one.convert(model, decoder=transformer.decoder(model)) for name, one in FORMATS.items()}


@pytest.fixture(scope="module")
def integers(floats: Files) -> Files:
    plan = QuantizationPlan(scheme=INT8_DYNAMIC, io=Io.FLOAT32, ranges=None, input_ranges={})
    first = FORMATS["tflite"].quantize(floats["tflite"], plan, {})
    return {"tflite": first, "onnx": FORMATS["onnx"].quantize(floats["onnx"], plan, {"tflite": first})}


def opened(content: bytes, format_name: str, folder: Path) -> Any:
    path = folder / f"model{FORMATS[format_name].suffix}"
    path.write_bytes(content)
    return FORMATS[format_name].open(path)


def logits(session: Any) -> Any:
    """Return the logits of both pairs of texts."""
    rows = zip(*tokens(), strict=True)
    return np.concatenate(
        [session.run({name: row[None] for name, row in zip(INPUTS, one, strict=True)})["logits"] for one in rows]
    )


def failures(right: Any, session: Any) -> list[str]:
    """Return the failed checks of a file against NumPy, by the thresholds of float32 files."""
    judged = compare_outputs({"logits": right}, {"logits": logits(session)}, FLOAT32, has_thresholds=True)
    assert judged.checks
    return [check.reason for check in judged.checks if not check.passed]


@pytest.mark.parametrize("format_name", FORMATS)
def test_steps_with_caches_give_the_logits_of_whole_texts(
    format_name: str, model: keras.Model, floats: Files, tmp_path: Path
) -> None:
    session = opened(floats[format_name], format_name, tmp_path)
    assert isinstance(session, TextTranslator)
    assert (session.length, session.context) == (12, 7)
    assert {(one.name, one.shape, one.dtype) for one in session.inputs} == {
        ("source", (1, 12), "int32"),
        ("source_mask", (1, 12), "int32"),
        ("target", (1, 7), "int32"),
    }
    assert [(one.name, one.shape, one.dtype) for one in session.outputs] == [("logits", (1, 7, 50), "float32")]
    assert failures(expected(model), session) == []


@pytest.mark.parametrize("format_name", FORMATS)
def test_rounded_layers_compute_nearly_the_same(
    format_name: str, model: keras.Model, integers: Files, tmp_path: Path
) -> None:
    """Also of zero rows: after the first step, the encoder of the .onnx reads none."""
    right, found = expected(model), logits(opened(integers[format_name], format_name, tmp_path))
    assert 10 * np.log10((right**2).sum() / ((right - found) ** 2).sum()) > 25


def test_both_formats_store_the_same_numbers(integers: Files) -> None:
    """Those of both functions of the .tflite, of which each has half of the layers."""
    found = storage.compare_with_sibling(integers["tflite"], integers["onnx"])
    assert found is not None
    assert found.worst_steps == 0
    # 2 and 2 blocks: matrices, biases and layer norms; one table; two tables of positions.
    assert found.constants >= 2 * (6 + 2 + 4) + 2 * (10 + 2 + 6) + 3


def test_the_signatures_encode_and_decode(floats: Files, tmp_path: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=floats["tflite"])
    names = [f"{part}_{index}" for part in "kv" for index in (0, 1)]
    cross = {f"cross_cache_{name}": [1, 4, 12, 8] for name in names}
    cache = {f"kv_cache_{name}": [1, 4, 7, 8] for name in names}
    source = {"source": [1, 12], "source_mask": [1, 12]}
    step = {"tokens": [1, 1], "input_pos": [1], "mask": [1, 1, 1, 7], "source_mask": [1, 12]}
    wanted = {
        "encode": (source, cross),
        "decode": ({**step, **cache, **cross}, {**cache, "logits": [1, 1, 50]}),
    }
    for name, sides in wanted.items():
        runner = interpreter.get_signature_runner(name)
        details = (runner.get_input_details(), runner.get_output_details())
        assert tuple({key: list(one["shape"]) for key, one in side.items()} for side in details) == sides


def test_the_inputs_and_outputs_are_those_of_optimum(floats: Files) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(floats["onnx"], providers=["CPUExecutionProvider"])

    def side(place: str) -> str:
        return "encoder" if ".encoder." in place else "decoder"

    new, past, total = (f"{which}sequence_length" for which in ("", "past_", "total_"))
    assert {one.name: (one.shape, one.type) for one in session.get_inputs()} == {
        "input_ids": ([1, f"encoder_{new}"], "tensor(int64)"),
        "attention_mask": ([1, f"encoder_{total}"], "tensor(int64)"),
        "decoder_input_ids": ([1, f"decoder_{new}"], "tensor(int64)"),
        **{f"past_key_values.{one}": ([1, 4, f"{side(one)}_{past}", 8], "tensor(float)") for one in PLACES},
    }
    assert {one.name: one.shape for one in session.get_outputs()} == {
        "logits": [1, f"decoder_{new}", 50],
        **{f"present.{one}": [1, 4, f"{side(one)}_{total}", 8] for one in PLACES},
    }


def test_a_source_without_padding_gives_the_same_logits(model: keras.Model, floats: Files) -> None:
    """The caches of the first step are those of the source, and the second step does not change them."""
    import onnxruntime

    session = onnxruntime.InferenceSession(floats["onnx"], providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    source, _, target = (one[:1].astype(np.int64) for one in tokens())
    caches = {f"past_key_values.{one}": np.zeros((1, 4, 0, 8), np.float32) for one in PLACES}
    mask, found = np.ones((1, REAL), np.int64), []
    for place, read in ((0, source[:, :REAL]), (1, source[:, :0])):
        new = {"input_ids": read, "attention_mask": mask, "decoder_input_ids": target[:, [place]]}
        found.append(dict(zip(names, session.run(names, new | caches), strict=True)))
        caches = {name: found[-1][name.replace("past_key_values", "present")] for name in caches}
    right = expected(model)[:1]
    assert np.abs(np.concatenate([one["logits"] for one in found], axis=1) - right[:, :2]).max() < 1e-4
    for place in PLACES:
        before, after = (one[f"present.{place}"] for one in found)
        assert before.shape == (1, 4, REAL if ".encoder." in place else 1, 8)
        assert np.array_equal(after[:, :, : before.shape[2]], before)
        assert after.shape[2] == before.shape[2] + (".decoder." in place)


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_weight_is_stored_once(format_name: str, model: keras.Model, floats: Files) -> None:
    matrices = sorted(int(np.prod(one.shape)) for one in model.weights if len(one.shape) == 2)
    stored = [count for count in constants(floats[format_name], format_name) if count >= min(matrices)]
    assert sorted(stored) == matrices


def zeros_like_no_mask(_: Any, mask: Any) -> Any:
    return ops.zeros_like(ops.cast(ops.expand_dims(mask, (1, 2)), "float32"))


def inverted(_: Any, mask: Any) -> Any:
    return ops.cast(ops.expand_dims(mask, (1, 2)), "float32") * MASKED


def padding_seen_by_the_source(network: Any, source: Any, positions: Any, mask: Any) -> Any:
    return ENCODER(network, source, positions, ops.zeros_like(mask))


def padding_seen_by_the_target(network: Any, *given: Any) -> Any:
    return DECODER(network, *given[:-1], ops.zeros_like(given[-1]))


def memory_of_another_block(network: Any, *given: Any) -> Any:
    return ENCODER(network, *given)[::-1]


def keys_as_values(network: Any, *given: Any) -> Any:
    return [(values, keys) for keys, values in ENCODER(network, *given)]


def heads_of_the_source_swapped(network: Any, *given: Any) -> Any:
    return [(ops.roll(keys, 1, axis=1), values) for keys, values in ENCODER(network, *given)]


def one_too_far_in_single_steps(layer: Any, positions: Any) -> Any:
    table = sinusoids.sinusoids(layer.context + 1, layer.width)
    return tied_embedding.rows_of(table, positions + 1 if positions.shape[0] == 1 else positions)


def one_too_far_behind_a_prompt(layer: Any, positions: Any) -> Any:
    table = sinusoids.sinusoids(layer.context + 1, layer.width)
    return tied_embedding.rows_of(table, positions + ops.cast(positions[:1] > 0, positions.dtype))


def future_seen(layer: Any, positions: Any) -> Any:
    return FUTURE(layer, positions) * 0


ENCODER, DECODER = transformer._Network.encoder, transformer._Network.decoder
FUTURE = cross_attention.CausalMaskBehind.call
NETWORK, PADDING = transformer._Network, cross_attention.PaddingMask
Fault = tuple[type[Any], str, Callable[..., Any]]
IN_BOTH: list[Fault] = [
    (PADDING, "call", zeros_like_no_mask),
    (PADDING, "call", inverted),
    (NETWORK, "encoder", padding_seen_by_the_source),
    (NETWORK, "decoder", padding_seen_by_the_target),
    (NETWORK, "encoder", memory_of_another_block),
    (NETWORK, "encoder", keys_as_values),
    (NETWORK, "encoder", heads_of_the_source_swapped),
]
FAULTS: list[tuple[str, Fault]] = [
    *(("tflite", fault) for fault in IN_BOTH),
    ("tflite", (cached_attention.WriteCache, "call", written_late)),
    ("tflite", (sinusoids.SinusoidalPositions, "call", one_too_far_in_single_steps)),
    *(("onnx", fault) for fault in IN_BOTH),
    ("onnx", (cached_attention.AppendCache, "call", appended_in_front)),
    ("onnx", (sinusoids.SinusoidalPositions, "call", one_too_far_behind_a_prompt)),
    ("onnx", (cross_attention.CausalMaskBehind, "call", future_seen)),
]


# A .tflite takes seconds to convert, so faults that both formats share are planted in its large tests.
@pytest.mark.parametrize(
    ("format_name", "fault"),
    [
        pytest.param(
            *(name, fault),
            id=f"{name}-{fault[2].__name__}",
            marks=[pytest.mark.large] if name == "tflite" and fault in IN_BOTH[1:] else [],
        )
        for name, fault in FAULTS
    ],
)
def test_a_planted_fault_fails_the_proof(
    format_name: str, fault: Fault, model: keras.Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(*fault)
    content = FORMATS[format_name].convert(model, decoder=transformer.decoder(model))
    assert failures(expected(model), opened(content, format_name, tmp_path))
