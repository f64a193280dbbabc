"""One export of a language model continues a text with the same tokens in Keras and in five runtimes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from benchmarks.peers import environment
from export.bundle import deploy, generate
from export.bundle.deploy.language_runtime import LanguageRuntime
from export.bundle.deploy.pack import pack
from export.bundle.read import Delivered, read
from export.pipeline import run
from export.progress import Quiet
from export.recipe import Recipe
from export.runtime.sampling import Sampling
from zoo import weights
from zoo.language.tokenizer import Tokenizer

PROMPT, COUNT = "ROMEO:", 64
HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parents[1] / "build" / "runtimes"
TRANSFORMERS_JS = "@huggingface/transformers@4.3.2"

pytestmark = pytest.mark.large


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    delivery = run(Recipe(model="gpt_small", out=tmp_path_factory.mktemp("artifacts")))
    assert delivery.passed
    assert delivery.folder is not None
    return read(delivery.folder)


def greedy(prompt: list[int]) -> list[int]:
    """Return what the Keras model writes behind a prompt, without a cache."""
    architecture = zoo.find("gpt_small")
    model = architecture.build(length=128)
    weights.load(model, architecture)
    tokens = list(prompt)
    for _ in range(COUNT):
        text = np.zeros((1, 128), np.int32)
        text[0, : len(tokens)] = tokens
        tokens.append(int(np.argmax(model(text)[0, len(tokens) - 1])))
    return tokens[len(prompt) :]


def printed(*command: str | Path, folder: Path | None = None) -> Any:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def transformers_js() -> Path:
    """Return the folder in which transformers.js is installed."""
    folder = ENVIRONMENTS / "transformers_js"
    if shutil.which("npm") is None:
        pytest.skip("Node.js is not installed")
    if not (folder / "node_modules").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", TRANSFORMERS_JS]
        done = subprocess.run(install, capture_output=True, text=True, check=False, cwd=folder)
        assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.fixture
def packed(delivered: Delivered, tmp_path: Path) -> dict[str, Path]:
    return {
        name: pack(delivered, target, "float32", tmp_path / name, Quiet()).path
        for name, target in deploy.TARGETS.items()
        if isinstance(target, LanguageRuntime)
    }


def test_one_artifact_continues_a_text_alike_in_five_runtimes(delivered: Delivered, packed: dict[str, Path]) -> None:
    tokenizer = Tokenizer((delivered.folder / "tokenizer.json").read_bytes())
    prompt = tokenizer.ids(PROMPT)
    expected = greedy(prompt)
    assert len(set(expected)) > 3  # otherwise equal tokens would show little
    for file in delivered.files:  # LiteRT and ONNX Runtime
        found = generate.generate(delivered, file, PROMPT, Sampling(most=COUNT), lambda _: None)
        assert list(found.tokens) == expected, file.path.name
    python = environment.interpreter("runtimes", ENVIRONMENTS)
    (bundle,) = packed["litert-lm"].glob("*.litertlm")
    text = printed(python, HERE / "run_litert_lm.py", bundle, PROMPT, str(COUNT))["text"]
    assert text.strip() == tokenizer.decode(expected).strip()
    found = printed(python, HERE / "run_onnxruntime_genai.py", packed["onnxruntime-genai"], PROMPT, str(COUNT))
    assert found["tokens"] == expected
    folder = transformers_js()
    shutil.copy(HERE / "run_transformers_js.mjs", folder)
    script = folder / "run_transformers_js.mjs"
    found = printed("node", script, packed["transformers-js"], PROMPT, str(COUNT), "fp32", folder=folder)
    assert found["prompt"] == prompt
    assert found["tokens"] == expected
