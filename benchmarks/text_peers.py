"""Networks that read text, quantized by us and by the tools of the runtimes as they come: size, error and speed.

The tools get our float32 files. All files run on the same texts, which chose nothing, and are timed in turn.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks.page import between, machine
from benchmarks.peers import environment, optimum
from calibration.samples import Array, Samples
from export.formats import FORMATS
from export.formats.session import Session
from export.metrics import Comparison, compare
from export.model import entries
from export.model.subject import Subject, load_subject
from export.pipeline import run
from export.quantization.samples import draw
from export.recipe import Recipe
from export.scheme import FLOAT32, INT4, INT8_DYNAMIC

ROOT = Path(__file__).resolve().parents[1]
PAGE, BEGIN, END = ROOT / "docs" / "texts.md", "<!-- peers -->", "<!-- end of peers -->"
MODELS, ROUNDS = ("minilm", "stories15m"), 31
SCHEMES = (FLOAT32, INT8_DYNAMIC, INT4)


def main(arguments: Sequence[str] = ()) -> int:
    """Measure, print the table, and write it into docs/texts.md with `--write`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks text_peers", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE.name}")
    options = parser.parse_args(arguments)
    lines = [
        "| network | file | made by | size | error | same | ms | of float32 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for model in MODELS:
        lines += _rows(model)
    tools = ", ".join(f"{name} {version(name)}" for name in ("ai-edge-quantizer", "onnxruntime"))
    text = f"`python -m benchmarks text_peers --write`, {machine()}, one thread, {tools}:\n\n" + "\n".join(lines)
    print(text)
    if options.write:
        PAGE.write_text(between(PAGE.read_text(encoding="utf-8"), BEGIN, END, text), encoding="utf-8")
    return 0


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A file: its path, and who made it of which precision."""

    path: Path
    maker: str


def _rows(model: str) -> list[str]:
    """Return the rows of one network, the float32 files first."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recipe = Recipe(model=model, schemes=SCHEMES, out=folder)
        delivery = run(recipe)
        assert delivery.folder is not None
        subject = load_subject(recipe)
        work = folder / "work"
        work.mkdir()
        probe = draw(subject, recipe, work).probe
        expected = entries.outputs(subject, probe)
        kinds = entries.output_kinds(subject)
        rows: list[str] = []
        for kind in FORMATS:
            candidates = _ours(delivery.folder, model, kind)
            candidates += _peers(candidates[0].path, kind, folder)
            if kind == "onnx":
                candidates += _optimum(subject, candidates[0].path, folder)
            measured = {one: found for one in candidates if (found := _outputs(one, probe)) is not None}
            times = _medians_ms(list(measured), probe)
            in_float = next(iter(times.values()))  # our float32 file is the first
            for one in candidates:
                start = f"| `{model}` | .{kind} | {one.maker} | {one.path.stat().st_size / 1e6:.1f} MB |"
                if one not in measured:
                    rows.append(f"{start} does not run | | | |")
                    continue
                ((output, wanted),) = expected.items()
                compared = compare(reference=wanted, actual=measured[one][output], kind=kinds[output])
                same = f"{100 * (compared.prediction_agreement or 0):.0f} %"
                rows.append(f"{start} {_words(compared)} | {same} | {times[one]:.1f} | {times[one] / in_float:.2f} |")
        return rows


def _ours(folder: Path, model: str, kind: str) -> list[Candidate]:
    suffix = FORMATS[kind].suffix
    return [
        Candidate(path=path, maker=f"zoo export, {scheme}")
        for scheme in SCHEMES
        if (path := folder / f"{model}-{scheme}{suffix}").exists()
    ]


def _peers(source: Path, kind: str, out: Path) -> list[Candidate]:
    """Return the files that the tools of a format make of a float32 file; those that fail are left out, loudly."""
    found = []
    for maker, make in PEERS[kind].items():
        path = out / f"{kind}-{len(found)}{source.suffix}"
        try:
            make(source, path)
        except Exception as error:  # Of any kind: the tools are not ours.
            print(f"{maker}: {type(error).__name__}: {str(error)[:200]}")
            continue
        found.append(Candidate(path=path, maker=maker))
    return found


def _optimum(subject: Subject, ours: Path, out: Path) -> list[Candidate]:
    """Return Optimum's export of the network, and what it becomes in 8 bits; nothing, loudly, where it fails."""
    floats, quantized = out / "optimum.onnx", out / "optimum-8bit.onnx"
    try:
        optimum.export(subject.name, subject.model, floats, ROOT / "build" / "peers")
        _keep_metadata(ours, floats)
        _quantize_dynamic(floats, quantized)
    except Exception as error:  # Of any kind: the tools are not ours.
        print(f"Optimum: {type(error).__name__}: {str(error)[:200]}")
        return []
    makers = {floats: "Optimum, float32", quantized: "Optimum, quantize_dynamic"}
    return [Candidate(path=path, maker=maker) for path, maker in makers.items()]


def _ai_edge(source: Path, out: Path) -> None:
    from ai_edge_quantizer import quantizer, recipe

    quantizer.Quantizer(str(source), recipe.dynamic_wi8_afp32()).quantize().export_model(str(out), overwrite=True)


def _quantize_dynamic(source: Path, out: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(str(source), str(out), weight_type=QuantType.QInt8, per_channel=True)
    _keep_metadata(source, out)


def _matmul_nbits(source: Path, out: Path) -> None:
    python = environment.interpreter("matmul_nbits", ROOT / "build" / "peers")
    script = ROOT / "benchmarks" / "peers" / "tools" / "matmul_nbits.py"
    done = subprocess.run([python, "-P", script, source, out], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    _keep_metadata(source, out)


def _keep_metadata(source: Path, out: Path) -> None:
    """Copy the metadata, by which a decoder is known: the tools drop them."""
    import onnx

    model = onnx.load(str(out))
    del model.metadata_props[:]
    model.metadata_props.extend(onnx.load(str(source)).metadata_props)
    onnx.save(model, str(out))


PEERS: Mapping[str, Mapping[str, Callable[[Path, Path], None]]] = {
    "tflite": {"ai-edge-quantizer, dynamic 8 bits": _ai_edge},
    "onnx": {"onnxruntime, quantize_dynamic": _quantize_dynamic, "onnxruntime, MatMulNBits 4 bits": _matmul_nbits},
}


def _opened(candidate: Candidate) -> Session:
    by_suffix = {one.suffix: one for one in FORMATS.values()}
    return by_suffix[candidate.path.suffix].open(candidate.path, 1)


def _outputs(candidate: Candidate, probe: Samples) -> dict[str, Array] | None:
    """Return the outputs (N, ...) by name; None, and the reason on the screen, if the file does not run."""
    try:
        session = _opened(candidate)
        found = [session.run(_inputs(probe, place)) for place in range(len(probe))]
    except Exception as error:  # Of any kind: the files are not ours.
        print(f"{candidate.maker}: {type(error).__name__}: {str(error)[:300]}")
        return None
    return {spec.name: np.concatenate([one[spec.name] for one in found]) for spec in session.outputs}


def _inputs(probe: Samples, place: int) -> dict[str, Array]:
    return {name: np.asarray(values[place : place + 1]) for name, values in probe.inputs.items()}


def _medians_ms(candidates: Sequence[Candidate], probe: Samples) -> dict[Candidate, float]:
    """Return the median milliseconds of a text, the files in turn."""
    sessions = {one: _opened(one) for one in candidates}
    times: dict[Candidate, list[float]] = {one: [] for one in sessions}
    for place in range(ROUNDS + 1):
        for one, session in sessions.items():
            start = time.perf_counter()
            session.run(_inputs(probe, place % len(probe)))
            times[one].append((time.perf_counter() - start) * 1e3)
    return {one: float(np.median(found[1:])) for one, found in times.items()}


def _words(compared: Comparison) -> str:
    if compared.mean_cosine is not None:
        return f"cosine {compared.mean_cosine:.4f}"
    return f"{compared.mean_kl_nats:.4f} nats"
