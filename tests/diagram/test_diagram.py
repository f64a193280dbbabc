"""A drawing shows the whole network on a page; repeated blocks are drawn once, with their count."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

import zoo
from export.bundle.diagram.blocks import blocks, columns, runs
from export.bundle.diagram.context import name_context
from export.bundle.diagram.drawing import COLOURS, draw
from export.bundle.diagram.steps import Kind, steps
from export.cli.main import main
from tests.zoo.contents import quick
from tests.zoo.families import photo_networks
from zoo.weights.patches import blank_weights


def built(name: str, *, tiny: bool = True) -> keras.Model:
    architecture = zoo.find(name)
    with blank_weights():
        return architecture.build(**(architecture.tiny if tiny else {}))


def small(net: Any) -> keras.Model:
    image = keras.Input((8, 8, 4), name="image")
    return keras.Model(image, net(image))


def residual(x: Any) -> Any:
    for number in range(3):
        y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", name=f"conv{number}")(x)))
        x = layers.Add()([x, layers.Conv2D(4, 1)(y)])
    return layers.Dense(2)(layers.GlobalAveragePooling2D()(x))


@pytest.mark.parametrize("name", quick(photo_networks()))
def test_every_layer_is_in_a_step_and_every_step_in_one_block(name: str) -> None:
    model = built(name)
    found = steps(model)
    words = sum(len(step.words) for step in found)
    assert words == len(steps(model, full=True))
    assert all(source < place for place, step in enumerate(found) for source in step.sources)
    parts = blocks(found)
    assert [place for block in parts for place in block.places] == list(range(len(found)))
    drawn = runs(found, parts)
    assert sum(len(run.blocks) * run.count for run in drawn) == len(parts)
    for run in drawn:
        for place in run.places:
            assert {found[other].words for other in run.times(place)} == {found[place].words}
    assert [run for column in columns(found, drawn, 20) for run in column] == drawn


def test_a_repeated_block_is_drawn_once_with_its_count() -> None:
    found = steps(small(residual))
    (run,) = [run for run in runs(found, blocks(found)) if run.count > 1]
    assert run.count == 3
    assert [found[place].words for place in run.places] == [
        ("Conv 3x3, 4", "BN", "ReLU"),
        ("Conv 1x1, 4",),
        ("add",),
    ]
    picture = draw(small(residual), "three", "svg").decode()
    assert ">3 x<" in picture
    assert picture.count("Conv 3x3, 4") == 1
    assert (picture.count('class="node"'), picture.count('class="edge"')) == (6, 6)


@pytest.mark.parametrize(
    ("name", "counts", "named"),
    [
        ("bert_mini", [4], {"with mask_scores"}),
        ("gpt_small", [4], {"with tokens", "with mask"}),
        ("stories15m", [6], {"with tokens", "with mask", "with rotary"}),
        ("transformer", [5, 6], {"with source", "with target", "with padding", "with future", "with encoder5_norm"}),
    ],
)
def test_blocks_of_a_text_network_are_drawn_once_and_name_what_all_of_them_read(
    name: str, counts: list[int], named: set[str]
) -> None:
    found = name_context(steps(built(name, tiny=False)))
    drawn = runs(found, blocks(found))
    assert [run.count for run in drawn if run.count > 1] == counts
    assert {word for step in found for word in step.words if word.startswith("with ")} == named
    assert all(source < place for place, step in enumerate(found) for source in step.sources)
    assert len(found) == len(steps(built(name, tiny=False)))


@pytest.mark.parametrize("name", quick(photo_networks()))
def test_networks_of_photos_keep_all_arrows(name: str) -> None:
    found = steps(built(name))
    assert name_context(found) == found


@pytest.mark.large
def test_resnet152_fits_on_a_page_with_the_counts_of_the_paper() -> None:
    model = built("resnet152", tiny=False)
    found = steps(model)
    drawn = runs(found, blocks(found))
    # 3, 8, 36 and 3 blocks, of which the first differ.
    assert [run.count for run in drawn if run.count > 1] == [2, 7, 35, 2]
    picture = draw(model, "ResNet-152", "svg").decode()
    width, height = (float(side) for side in re.findall(r'<svg width="([\d.]+)pt" height="([\d.]+)pt"', picture)[0])
    assert width <= 8 * 72 + 1
    assert height <= 11 * 72 + 1


def test_full_drawing_has_a_box_for_every_layer() -> None:
    model = small(residual)
    picture = draw(model, "three", "svg", full=True).decode()
    assert picture.count('class="node"') == len(model.layers)
    assert picture.count('class="edge"') == sum(len(step.sources) for step in steps(model, full=True))
    assert all(f'title="{name}"' in picture for name in ("conv0", "conv1", "conv2"))


@pytest.mark.parametrize("name", quick(photo_networks()))
def test_every_output_is_named_in_a_coloured_box(name: str) -> None:
    model = built(name)
    for full in (False, True):
        picture = draw(model, name, "svg", full=full).decode().replace("&#45;", "-")
        assert all(picture.count(f">output {output}<") == 1 for output in model.output_names)
        assert picture.count(f'fill="{COLOURS[Kind.OUTPUT]}"') == len(model.outputs)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (lambda x: x[..., 2:], "[..., 2:]"),
        (lambda x: x[:, ::2, 1], "[:, ::2, 1]"),
        (lambda x: x / 2, "/ 2"),
        (lambda x: 1 - x, "1 -"),
        (keras.ops.exp, "exp"),
    ],
)
def test_operator_is_printed_in_python_notation(written: Any, said: str) -> None:
    assert [step.words for step in steps(small(written))][1:] == [(said,)]


@pytest.mark.parametrize(("suffix", "begins"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_command_writes_the_drawing(
    suffix: str, begins: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"lenet5.{suffix}"
    assert main(["show", "lenet5", "--diagram", str(path)]) == 0
    assert path.read_bytes().startswith(begins)
    assert str(path) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--diagram", "lenet5.gif"], "--diagram lenet5.gif does not end in .svg, .png, .pdf; type for example"),
        (["--diagram", "nowhere/lenet5.svg"], "there is no folder nowhere"),
        (["--full"], "type zoo show lenet5 --full --diagram lenet5.svg"),
    ],
)
def test_a_model_that_cannot_be_drawn_is_refused_at_once(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "lenet5", *words]) == 2
    assert said in capsys.readouterr().err
