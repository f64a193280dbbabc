"""ANNalog: the names of the original's tensors, its tokens, its logits, and files of a network with such options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from export.formats import FORMATS
from export.progress import Quiet
from export.runtime.jobs.translate_text import translate_text
from tests.language.plain_annalog import annalog as plain
from zoo import annalog, transformer, weights
from zoo.language.molecules import SPECIAL, TOKENS
from zoo.language.tokenizer import FILE, Tokenizer
from zoo.pretrained.annalog import ANALOGUES, from_original
from zoo.weights import sources
from zoo.weights.readers import torch_state

ARCHITECTURE = zoo.find("annalog")
SMALL = {**annalog.SIZES, "width": 32, "depth": 2, "heads": 4, "hidden": 48, "length": 12, "target_length": 7}
ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
ATTENTION = ("fc_q", "fc_k", "fc_v", "fc_o")
Tensors = dict[str, Any]


def tokenizer() -> Tokenizer:
    assert ARCHITECTURE.companions is not None
    return Tokenizer(ARCHITECTURE.companions()[FILE])


@pytest.fixture(scope="module")
def stored() -> Tensors:
    """Return random tensors with the names and shapes of a small original."""
    width, hidden = 32, 48
    shapes: dict[str, tuple[int, ...]] = {"decoder.fc_out.weight": (59, width), "decoder.fc_out.bias": (59,)}
    for side, length, kinds in (("encoder", 12, ("self",)), ("decoder", 7, ("self", "enc"))):
        shapes |= {f"{side}.tok_embedding.weight": (59, width), f"{side}.pos_embedding.weight": (length, width)}
        for block in (f"{side}.layers.{index}" for index in (0, 1)):
            norms = [*(f"{kind}_attn_layer_norm" for kind in kinds), "ff_layer_norm"]
            shapes |= {f"{block}.{name}.{kind}": (width,) for name in norms for kind in ("weight", "bias")}
            dense = {
                f"{'encoder' if kind == 'enc' else kind}_attention.{part}": (width, width)
                for kind in kinds
                for part in ATTENTION
            }
            dense |= {
                "positionwise_feedforward.fc_1": (hidden, width),
                "positionwise_feedforward.fc_2": (width, hidden),
            }
            for name, shape in dense.items():
                shapes |= {f"{block}.{name}.weight": shape, f"{block}.{name}.bias": shape[:1]}
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape, scale=0.3).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def texts() -> tuple[Any, Any]:
    """Return the tokens of a source (1, 12) and of a target (1, 7)."""
    rng = np.random.default_rng(1)
    return rng.integers(4, 59, (1, 12)).astype(np.int32), rng.integers(4, 59, (1, 7)).astype(np.int32)


def model_of(stored: Tensors) -> Any:
    model = transformer.network(**SMALL)
    values = from_original(stored, model)
    assert values.keys() == {weight.path for weight in model.weights}
    for weight in model.weights:
        weight.assign(values[weight.path])
    return model


def expected(stored: Tensors, texts: tuple[Any, Any]) -> Any:
    return plain(stored, texts[0][0], texts[1][0], heads=4)


def test_stored_tensors_give_the_logits_of_the_original(stored: Tensors, texts: tuple[Any, Any]) -> None:
    right = expected(stored, texts)
    found = np.asarray(model_of(stored)([texts[0], np.ones_like(texts[0]), texts[1]]))[0]
    assert right.std() > 0.3
    assert np.abs(found - right).max() < 1e-4


@pytest.mark.parametrize(
    ("one", "other"),
    [("fc_q", "fc_k"), ("self_attention", "encoder_attention"), ("layers.0", "layers.1"), ("encoder", "decoder")],
)
def test_exchanged_tensors_give_other_logits(one: str, other: str, stored: Tensors, texts: tuple[Any, Any]) -> None:
    def exchanged(name: str) -> Any:
        counterpart = stored.get(other.join(part.replace(other, one) for part in name.split(one)))
        has_shape = counterpart is not None and counterpart.shape == stored[name].shape
        return counterpart if has_shape else stored[name]

    model = model_of({name: exchanged(name) for name in stored})
    found = np.asarray(model([texts[0], np.ones_like(texts[0]), texts[1]]))[0]
    assert np.abs(found - expected(stored, texts)).max() > 0.01


def test_another_tensor_is_refused(stored: Tensors) -> None:
    with pytest.raises(ValueError, match="is no tensor of ANNalog"):
        from_original({"scale": np.ones(1)}, transformer.network(**SMALL))


@pytest.mark.parametrize("format_name", FORMATS)
def test_files_with_caches_give_the_logits_of_the_original(
    format_name: str, stored: Tensors, texts: tuple[Any, Any], tmp_path: Path
) -> None:
    model = model_of(stored)
    path = tmp_path / f"small{FORMATS[format_name].suffix}"
    path.write_bytes(FORMATS[format_name].convert(model, decoder=transformer.decoder(model)))
    inputs = {"source": texts[0], "source_mask": np.ones_like(texts[0]), "target": texts[1]}
    found = FORMATS[format_name].open(path).run(inputs)["logits"]
    assert np.abs(found[0] - expected(stored, texts)).max() < 1e-4


def test_a_molecule_is_split_as_the_original_splits_it() -> None:
    numbers = {token: number for number, token in enumerate((*SPECIAL, *TOKENS.split()))}
    assert len(numbers) == annalog.SIZES["vocabulary"] == tokenizer().size
    pieces = ["C", "[C@H]", "(", "N", ")", "C", "(", "=", "O", ")", "Cl", "%10", "Br", "c", "\\"]
    assert tokenizer().ids(f" {''.join(pieces)}") == [2, *(numbers[piece] for piece in pieces), 3]
    assert tokenizer().ids("C[Si]C") == [2, numbers["C"], 0, numbers["C"], 3]
    assert tokenizer().decode(tokenizer().ids(ASPIRIN)) == ASPIRIN
    # The network has learned that this token, and no other, follows the end.
    assert tokenizer().encode("CC", 6).ids.tolist() == [2, 5, 5, 3, 1, 1]


def test_the_built_in_pairs_fit_and_their_tokens_are_known() -> None:
    from importlib import resources

    lines = (resources.files("zoo.language") / "molecules.txt").read_text().splitlines()
    assert len(set(lines)) == 200
    for molecule in (one for line in lines for one in line.split("\t")):
        found = tokenizer().ids(molecule)
        assert 2 < len(found) <= annalog.SIZES["length"]
        assert 0 not in found


@pytest.mark.imagenet
def test_the_trained_weights_give_the_logits_of_the_original(tmp_path: Path) -> None:
    model = ARCHITECTURE.build()
    assert model.count_params() == ARCHITECTURE.parameter_count
    assert weights.load(model, ARCHITECTURE, ANALOGUES.tag).trained
    tensors = torch_state.read(sources.fetch(ANALOGUES.sources[0]))
    source, target = (tokenizer().encode(one, 102) for one in (ASPIRIN, "COC(=O)c1ccccc1O"))
    counts = [int(one.mask.sum()) for one in (source, target)]
    right = plain(tensors, source.ids[: counts[0]], target.ids[: counts[1]], heads=8)
    found = np.asarray(model([source.ids[None], source.mask[None], target.ids[None]]))[0, : counts[1]]
    assert np.abs(found - right).max() < 1e-4
    path = tmp_path / "annalog.onnx"
    path.write_bytes(FORMATS["onnx"].convert(model, decoder=transformer.decoder(model)))
    texts = [{"source": source.ids.tolist(), "source_mask": source.mask.tolist()}]
    written = translate_text(str(path), texts, 2, 3, {"temperature": 1.0, "seed": 2}, Quiet())["translations"][0]
    assert tokenizer().decode(written["tokens"]) == "CC(=O)Oc1cccc(C(=O)O)c1"
