"""The registries suffice for a new kind of model: a made-up token model with two entry points, and a made-up task.

Everything that the model, its data and its task need is registered here, and nothing outside of this file knows it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from calibration.inputs import Sample
from calibration.samples import Array, Samples
from calibration.sources.drawing import DEFAULTS
from calibration.sources.request import Request, Stream
from export.analysis.tasks import TASKS
from export.analysis.tasks.prediction import Described, Prediction, Row
from export.bundle.golden import read as read_golden
from export.bundle.read import read
from export.cli.main import main
from export.formats import FORMATS
from export.formats.tflite import flatbuffer
from export.model import entries
from export.model.subject import Subject
from export.pipeline import Delivery, run
from export.recipe import Recipe
from export.scheme import FLOAT32, W8A32
from zoo.architecture import ARCHITECTURES, Architecture
from zoo.entry_points import EntryPoint
from zoo.inputs import Tokens, Zeros
from zoo.metric import Metric

WORDS, WIDTH, CLASSES, PROMPT = 17, 8, 5, 6
VOCABULARY = "\n".join(f"word{number}" for number in range(WORDS)).encode()
OUTPUTS = ("prefill/logits", "prefill/left", "decode/logits", "decode/left")


def build() -> Any:
    """Return a network that adds the meanings of its tokens to a state, and reads classes off the sum."""
    import keras
    from keras import layers, ops

    tokens = keras.Input((None,), dtype="int32", name="tokens")
    state = keras.Input((WIDTH,), name="state")
    meanings = layers.Embedding(WORDS, WIDTH, name="meanings")(tokens)
    left = layers.Add(name="left")([ops.sum(meanings, axis=1), state])
    return keras.Model([tokens, state], [layers.Dense(CLASSES, name="logits")(left), left], name="token_counter")


def entry_points(model: Any) -> dict[str, EntryPoint]:
    """Return a step that reads a whole prompt, and one that reads a token and goes on from the prompt's state."""
    import keras

    def of_length(length: int) -> Any:
        tokens = keras.Input((length,), dtype="int32", name="tokens")
        state = keras.Input((WIDTH,), name="state")
        logits, left = model([tokens, state])
        named = [keras.layers.Identity(name=name)(one) for name, one in (("logits", logits), ("left", left))]
        return keras.Model([tokens, state], named)

    return {
        "prefill": EntryPoint(model=of_length(PROMPT)),
        "decode": EntryPoint(model=of_length(1), state={"state": "prefill/left"}),
    }


@dataclass(frozen=True, kw_only=True)
class CountedTokens:
    """Prompts, labelled with the predictions of the model itself."""

    samples: Samples
    right: Array

    def scores(self, outputs: Mapping[str, Array]) -> dict[str, float]:
        return {"same": float((outputs["decode/logits"].argmax(1) == self.right).mean())}


@dataclass(frozen=True, kw_only=True)
class TokenFile:
    """An .npy with prompts and the token behind each."""

    path: Path
    subject: Subject

    def write(self, work: Path, *, exclude: Collection[str], seed: int) -> CountedTokens:
        rows = np.load(self.path)
        zeros = np.zeros((len(rows), WIDTH), np.float32)
        given = {
            "prefill/tokens": rows[:, :PROMPT],
            "prefill/state": zeros,
            "decode/tokens": rows[:, PROMPT:],
            "decode/state": zeros,
        }
        samples = entries.with_state(self.subject, Samples(inputs=given, source=self.path.name, seed=seed)).save(work)
        right = entries.outputs(self.subject, samples)["decode/logits"].argmax(1)
        return CountedTokens(samples=samples, right=right)


class Counting:
    """The made-up task: which class a prompt and its next token add up to."""

    name: ClassVar[str] = "counting"
    metrics: ClassVar[tuple[Metric, ...]] = (Metric(key="same", title="same class", unit="%"),)
    examples: ClassVar[str] = "an .npy of tokens"
    takes_photos: ClassVar[bool] = False
    makes_pictures: ClassVar[bool] = False

    def suits(self, model: Any) -> bool:
        return False

    def find(self, subject: Subject, source: str) -> TokenFile:
        return TokenFile(path=Path(source), subject=subject)

    def reads(self, described: Described) -> bool:
        return {spec.name for spec in described.outputs} == set(OUTPUTS)

    def class_count(self, described: Described) -> int:
        return CLASSES

    def read(
        self,
        outputs: Mapping[str, Array],
        described: Described,
        *,
        class_names: Sequence[str],
        photo_sizes: Sequence[tuple[int, int]],
        names: Sequence[str],
        top: int,
    ) -> tuple[Prediction, ...]:
        best = outputs["decode/logits"].argmax(1)
        return tuple(
            Prediction(record={"sum": int(one)}, rows=(Row(share=1.0, title=class_names[one], text="in all"),))
            for one in best
        )


def sentences(request: Request) -> Stream:
    """Return random tokens for every input of tokens: the built-in data of this kind."""

    def stream() -> Iterator[Sample]:
        generator = np.random.default_rng(request.seed)
        while True:
            yield Sample(
                inputs={
                    name: request.contracts[name].random(generator, spec.shape, spec.dtype)
                    for name, spec in request.inputs.items()
                }
            )

    return Stream(source="made-up sentences", samples=stream(), photos=False)


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    """Register the architecture, its task, and where its data come from; take them back afterwards."""
    counter = Architecture(
        name="token_counter",
        title="Token counter",
        task="counting",
        paper="none",
        build=build,
        inputs=lambda: {"tokens": Tokens(vocabulary=WORDS), "state": Zeros()},
        parameter_count=WORDS * WIDTH + (WIDTH + 1) * CLASSES,
        entry_points=entry_points,
        companions=lambda: {"vocabulary.txt": VOCABULARY},
    )
    with ExitStack() as registrations:
        registrations.enter_context(ARCHITECTURES.registered(counter.name, counter))
        registrations.enter_context(TASKS.registered(Counting.name, Counting()))
        registrations.enter_context(DEFAULTS.registered(Tokens.kind, sentences))
        yield


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def delivery(out: Path) -> Delivery:
    rows = np.random.default_rng(1).integers(0, WORDS, (20, PROMPT + 1)).astype(np.int32)
    np.save(out / "rows.npy", rows)
    return run(Recipe(model="token_counter", evaluate=str(out / "rows.npy"), out=out))


def test_both_formats_are_proven_for_both_entry_points(delivery: Delivery) -> None:
    assert delivery.passed
    assert {artifact.format for artifact in delivery.artifacts} == set(FORMATS)
    for artifact in delivery.artifacts:
        assert {check.subject for check in artifact.checks if check.id == "parity"} == set(OUTPUTS)
        assert {spec.name for spec in artifact.outputs} == set(OUTPUTS)
        assert dict(artifact.scores or {}) == {"same": 1.0}
    assert {check.id for artifact in delivery.artifacts for check in artifact.checks} == {"parity", "agreement"}


def test_one_tflite_has_two_signatures_that_share_the_weights(delivery: Delivery, out: Path) -> None:
    file = flatbuffer.read((out / "token_counter" / "token_counter-float32.tflite").read_bytes())
    signatures = {
        one.signatureKey.decode(): sorted(given.name.decode() for given in one.inputs) for one in file.signatureDefs
    }
    assert signatures == {"prefill": ["state", "tokens"], "decode": ["state", "tokens"]}
    sizes = [len(buffer.data) for buffer in file.buffers if buffer.data is not None]
    assert sizes.count(4 * WORDS * WIDTH) == 1


def test_one_onnx_has_a_free_axis(delivery: Delivery, out: Path) -> None:
    import onnxruntime

    path = out / "token_counter" / "token_counter-float32.onnx"
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    shapes = {value.name: value.shape for value in session.get_inputs()}
    assert shapes["state"] == [1, WIDTH]
    assert isinstance(shapes["tokens"][1], str)
    for length in (1, 3, 11):
        tokens = np.ones((1, length), np.int32)
        logits, _ = session.run(["logits", "left"], {"tokens": tokens, "state": np.zeros((1, WIDTH), np.float32)})
        assert logits.shape == (1, CLASSES)


def test_the_state_continues_from_one_entry_point_to_the_other(delivery: Delivery, out: Path) -> None:
    folder = out / "token_counter"
    assert delivery.manifest["state"] == {"decode/state": "prefill/left"}
    golden = read_golden(folder / "golden.npz")
    assert np.allclose(golden.inputs["decode/state"], golden.expected["prefill/left"])
    assert not np.asarray(golden.inputs["prefill/state"]).any()
    assert np.abs(golden.expected["decode/left"] - golden.inputs["decode/state"]).max() > 0


def test_the_bundle_holds_its_companion_and_can_be_verified_and_run(
    delivery: Delivery, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = out / "token_counter"
    assert (folder / "vocabulary.txt").read_bytes() == VOCABULARY
    delivered = read(folder)
    assert delivered.inputs["prefill/tokens"] == Tokens(vocabulary=WORDS)
    assert main(["verify", str(folder), "--json"]) == 0
    checks = json.loads(capsys.readouterr().out)["files"][0]["checks"]
    assert {check["subject"] for check in checks if check["id"] == "reproduction"} == set(OUTPUTS)
    (folder / "vocabulary.txt").write_text("other words")
    assert main(["verify", str(folder)]) == 1
    assert "vocabulary.txt" in capsys.readouterr().out
    (folder / "vocabulary.txt").write_bytes(VOCABULARY)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_wrong_state_is_caught(kind: str, delivery: Delivery, out: Path, tmp_path: Path) -> None:
    """Planted: a file of other weights, which give other states, in the place of the right one."""
    from export.proof.compare import compare_outputs
    from export.runtime.run_file import measure

    model = build()
    path = tmp_path / f"other{FORMATS[kind].suffix}"
    path.write_bytes(FORMATS[kind].convert(model, {name: one.model for name, one in entry_points(model).items()}))
    golden = read_golden(out / "token_counter" / "golden.npz")
    golden.samples(None).save(tmp_path / "samples")
    found = measure(path, tmp_path / "samples", camera_bytes=False).real
    judged = compare_outputs(golden.expected, found, FLOAT32, has_thresholds=True)
    assert {check.subject for check in judged.checks if not check.passed} == set(OUTPUTS)


def test_integer_files_of_two_entry_points_are_refused_in_a_sentence(out: Path, tmp_path: Path) -> None:
    found = run(Recipe(model="token_counter", schemes=(W8A32,), formats=("tflite",), out=tmp_path))
    (artifact,) = (artifact for artifact in found.artifacts if artifact.scheme == W8A32)
    assert artifact.trouble == "a model with the entry points prefill, decode is exported in float32 only"


def given_tokens(path: Path, count: int) -> Path:
    """Write random prompts with the token behind each, as inputs of both entry points."""
    rows = np.random.default_rng(2).integers(0, WORDS, (count, PROMPT + 1)).astype(np.int32)
    zeros = np.zeros((count, WIDTH), np.float32)
    arrays = {"prefill/tokens": rows[:, :PROMPT], "prefill/state": zeros}
    arrays |= {"decode/tokens": rows[:, PROMPT:], "decode/state": zeros}
    named: dict[str, Any] = arrays
    np.savez(path, **named)
    return path


@pytest.mark.parametrize("kind", FORMATS)
def test_a_task_reads_the_outputs_of_its_model(
    kind: str, delivery: Delivery, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, tokens = str(out / "token_counter"), str(given_tokens(tmp_path / "tokens.npz", 3))
    name = f"token_counter-float32{FORMATS[kind].suffix}"
    assert main(["run", folder, tokens, "--file", name, "--out", str(tmp_path / "out.npz")]) == 0
    best = np.load(tmp_path / "out.npz")["decode/logits"].argmax(1)
    capsys.readouterr()
    assert main(["run", folder, tokens, "--file", name, "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)["answers"]
    assert [answer["sum"] for answer in answers] == best.tolist()
    assert [answer["sample"] for answer in answers] == [f"{tokens}, sample {number}" for number in (1, 2, 3)]
    assert main(["run", folder, tokens, "--file", name]) == 0
    titles_and_rows = [line.strip() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert titles_and_rows[1::2] == [f"100.0 %  class {index}  in all" for index in best]


def test_a_model_of_an_unknown_task_prints_its_outputs(
    delivery: Delivery, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(out / "token_counter", tmp_path / "copy"))
    record = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**record, "task": "of a later version"}))
    assert main(["run", str(copy), str(given_tokens(tmp_path / "tokens.npz", 3)), "--json"]) == 0
    assert [output["name"] for output in json.loads(capsys.readouterr().out)["outputs"]] == sorted(OUTPUTS)


def test_a_registration_ends_with_its_block() -> None:
    made: Any = Counting()
    with TASKS.registered("made up", made), pytest.raises(ValueError, match="'made up' is registered twice"):
        TASKS.register("made up", made)
    assert "made up" not in TASKS


def test_a_task_is_found_by_its_name(registered: None) -> None:
    find: Callable[[str], Any] = TASKS.__getitem__
    assert find("counting").metrics[0].key == "same"
