"""report.html shows the whole manifest, loads no external content, and escapes every value."""

from __future__ import annotations

import base64
import html
import json
import shlex
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

from export.bundle.manifest import _recipe
from export.bundle.report.bars import charts
from export.bundle.report.command import command
from export.bundle.report.page import page
from export.bundle.report.rendering import render
from export.bundle.report.rows import rows
from export.bundle.write import write
from export.cli.main import load_command
from export.recipe import Io, Recipe
from export.scheme import FLOAT16, INT8
from export.units import size_in_words
from tests.commands.edits import pictures

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """Fails where a tag is left open or closed out of order; collects tags, attributes and words."""

    def __init__(self, content: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.sources: list[str] = []
        self.words = ""
        self.feed(content)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.sources += [value or "" for name, value in attrs if name == "src"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def _manifest(exported: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((exported / "manifest.json").read_text())
    return manifest


def test_page_contains_every_file_reason_and_operator(exported: Path) -> None:
    manifest = _manifest(exported)
    content = page(manifest, pictures(exported))
    assert content == (exported / "report.html").read_text()
    words = " ".join(Page(content).words.split())
    facts = [manifest["title"], manifest["probe"]["sha256"], manifest["calibration"]["sha256"]]
    for file in manifest["files"]:
        facts += [file["file"], file["sha256"], *(op["op"] for op in file["census"]), *file["notes"]]
        facts += [word for check in file["checks"] for word in (check["reason"], check["id"])]
    facts += [f"{tool} {version}" for tool, version in manifest["versions"].items() if version]
    assert [fact for fact in facts if " ".join(fact.split()) not in words] == []
    assert "Proven: all 4 files" in words


def test_page_loads_no_external_content(exported: Path) -> None:
    content = page(_manifest(exported), pictures(exported))
    found = Page(content)
    assert found.tags.isdisjoint({"script", "link", "iframe", "object", "base"})
    assert found.attributes.isdisjoint({"href", "srcset", "action", "onload"})
    assert [source[:26] for source in found.sources] == ["data:image/svg+xml;base64,"]  # the diagram
    assert "url(" not in content
    assert "@import" not in content
    assert "default-src 'none'" in content
    assert 'img-src data:">' in content


def _hostile(value: Any, key: str = "") -> Any:
    """Return a manifest with an attack in every word."""
    if isinstance(value, dict):
        return {name: _hostile(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_hostile(item, key) for item in value]
    return (
        f"{value}\"'></td><script>alert(1)</script><img src=x onerror=alert(1)>&" if isinstance(value, str) else value
    )


def test_manifest_values_are_escaped(exported: Path) -> None:
    manifest = _hostile(_manifest(exported))
    manifest["files"][0].update(trouble="<script>", notes=["<script>"])
    manifest["weights"].update(trained=False, reason="<script>")
    manifest["probe"]["warnings"] = ["<script>"]
    manifest["recipe"]["options"] = {"<script>": 1}
    found = Page(page(manifest, {}))
    assert found.tags.isdisjoint({"script", "img"})
    assert found.words.count("<script>") > 50


def test_sizes_and_latencies_are_bars_next_to_the_float32_file_of_the_format(exported: Path) -> None:
    manifest = _manifest(exported)
    sizes = {file["file"]: file["bytes"] for file in manifest["files"]}
    size, latency = charts(manifest, rows(manifest))
    assert list(size.groups) == list(latency.groups) == [".tflite", ".onnx"]
    for name, bars in size.groups.items():
        first, second = (sizes[f"lenet5-{precision}{name}"] for precision in ("float32", "int8"))
        assert [bar.style for bar in bars] == ["reference", "good"] or bars[1].style == "noted"
        assert [bar.words for bar in bars] == [size_in_words(first), size_in_words(second)]
        assert [bar.ratio for bar in bars] == ["", f"{second / first:.2f} x"]
        assert [bar.length for bar in bars] == [round(100 * one / max(sizes.values()), 1) for one in (first, second)]
    assert all(bar.words.endswith(" ms") for bars in latency.groups.values() for bar in bars)
    words = Page(page(manifest, {})).words
    assert all(bar.words in words and bar.ratio in words for bars in size.groups.values() for bar in bars)


def test_a_file_that_failed_has_a_bar_of_its_own_colour(exported: Path) -> None:
    manifest = _manifest(exported)
    manifest["files"][1]["checks"][0].update(passed=False)
    shown = rows(manifest)
    failed = next(row for row in shown if row.state == "failed")
    (bar,) = [one for one in charts(manifest, shown)[0].groups[failed.format] if one.style == "failed"]
    assert bar.name == failed.scheme


def test_a_bar_that_would_make_the_others_illegible_is_cut_off(exported: Path) -> None:
    manifest = _manifest(exported)
    files = {file["file"]: file for file in manifest["files"]}
    for name, time in {"float32.tflite": 4.0, "int8.tflite": 1000.0, "float32.onnx": 8.0, "int8.onnx": 2.0}.items():
        files[f"lenet5-{name}"]["p50_ms"] = time
    latency = charts(manifest, rows(manifest))[1]
    found = {name: [(bar.length, bar.is_cut, bar.ratio) for bar in bars] for name, bars in latency.groups.items()}
    assert found == {
        ".tflite": [(20.0, False, ""), (100.0, True, "250.00 x")],
        ".onnx": [(40.0, False, ""), (10.0, False, "0.25 x")],
    }
    assert page(manifest, {}).count(' cut"') == 1


def test_the_diagram_is_that_of_the_network(exported: Path) -> None:
    found = Page(page(_manifest(exported), pictures(exported)))
    drawing = base64.b64decode(found.sources[0].partition(",")[2]).decode()
    assert drawing == (exported / "diagram.svg").read_text()
    assert "LeNet-5" in html.unescape(drawing)
    assert "Conv 5x5, 6" in drawing
    assert Page(page(_manifest(exported), {})).sources == []


def test_undefined_template_value_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="'layers' is undefined"):
        render("layers.html")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda manifest: manifest["files"][1]["checks"][0].update(passed=False, value=3.0), "1 of 4 files failed"),
        (lambda manifest: manifest["weights"].update(trained=False, reason="no network"), "Untrained: "),
        (lambda manifest: manifest["probe"].update(real=False), "Noise inputs: "),
    ],
)
def test_verdict_claims_only_what_was_proven(
    change: Callable[[dict[str, Any]], object], words: str, exported: Path
) -> None:
    manifest = _manifest(exported)
    change(manifest)
    text = Page(page(manifest, {})).words
    assert words in text
    assert "Proven: all" not in text


def test_failed_file_is_expanded(exported: Path) -> None:
    manifest = _manifest(exported)
    assert "<details open>" not in page(manifest, {})
    manifest["files"][1]["checks"][0].update(passed=False)
    assert page(manifest, {}).count("<details open>") == 1


def test_command_on_the_page_repeats_the_export() -> None:
    recipe = Recipe(
        model="mobilenet",
        schemes=(FLOAT16, INT8),
        formats=("onnx",),
        options={"alpha": 0.5},
        weights="random",
        calibration="my photos",
        calibration_count=7,
        observer="mse",
        reconstruct=False,
        preprocessing="tf",
        evaluate="labels.csv",
        io=Io.INT8,
        seed=3,
    )
    program, verb, *words = shlex.split(command(_recipe(recipe)))
    assert (program, verb) == ("zoo", "export")
    typed = load_command("export").make_context("export", words).params
    assert typed["schemes"] == "float16,int8"
    assert typed["options"] == ("alpha=0.5",)
    assert typed["models"] == ("mobilenet",)
    same = ("formats", "weights", "calibration", "calibration_count", "observer", "preprocessing", "evaluate")
    same += ("reconstruct",)
    expected = {**{key: getattr(recipe, key) for key in same}, "formats": "onnx"}
    assert {key: typed[key] for key in same} == expected
    assert (typed["io"], typed["seed"]) == ("int8", 3)


def test_manifest_records_the_digest_of_every_file(tmp_path: Path, exported: Path) -> None:
    record = write(tmp_path, [], {**_manifest(exported), "files": []}, b"arrays", ("cat",), {})
    assert record == json.loads((tmp_path / "manifest.json").read_text())
    assert set(record["companions"]) | {"manifest.json"} == {path.name for path in tmp_path.iterdir()}
