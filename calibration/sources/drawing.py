"""Choose the sample source, draw from it and write both sets to disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from calibration import text_files
from calibration.inputs import InputSpec
from calibration.random_inputs import completed
from calibration.sources import (
    arrays,
    builtin,
    features,
    folder,
    function,
    named,
    noise,
    sounds,
    synthetic,
    table,
    texts,
)
from calibration.sources.request import Request, Stream
from calibration.store import Dealer, Draw, SetWriter
from zoo import datasets
from zoo.errors import UsageProblemError
from zoo.inputs import Features, Input, Photo, Sound, Tokens, made_up
from zoo.registry import Registry

# Default source by the kind of a model's inputs; `open_builtin` refuses every kind without an entry.
DEFAULTS: Registry[Callable[[Request], Stream]] = Registry(
    "default source",
    {Photo.kind: builtin.open_builtin, Features.kind: features.open_features, Sound.kind: sounds.open_builtin},
)
UNNAMED = "a function"


def draw(
    spec: str | None,
    *,
    inputs: Mapping[str, InputSpec],
    contracts: Mapping[str, Input],
    calibration_count: int,
    probe_count: int,
    seed: int,
    work: Path,
    random_calibration: bool = False,
    function: Callable[[], Any] | None = None,
    maker: synthetic.Maker | None = None,
    companions: Mapping[str, bytes] | None = None,
) -> Draw:
    """Draw disjoint calibration and probe samples and write them to `work` one by one.

    Args:
        spec: None for the built-in photos; a folder of images; an .npz, .npy or .csv; a data set's name; or
            `module:function`.
        inputs: specifications of the model's inputs by name, in its order.
        contracts: meaning of the inputs by name; inputs that are random by their meaning are generated.
        calibration_count: largest number of calibration samples; a short source is shared between both sets.
        probe_count: largest number of probe samples.
        seed: random seed; the same seed gives the same samples.
        work: receives the folders `calibration` and `probe`, which `Samples.load` can load in any process.
        random_calibration: draw noise, which is good for checking sizes and speed only.
        function: returns an iterable of samples; replaces `spec`.
        maker: generates images, which are used for calibration with the built-in photos; replaces `spec`.
        companions: contents of the files that travel with the model, such as a tokenizer, by name.

    Raises:
        UsageProblemError: the source does not fit this model; the message says what to give.
    """
    held = arrays.names(Path(spec).expanduser()) if spec is not None and function is None else ()
    generated = {name: one for name, one in made_up(contracts).items() if name not in held}
    given = {name: spec for name, spec in inputs.items() if name not in generated}
    request = Request(
        inputs=given,
        contracts={name: one for name, one in contracts.items() if name in given},
        counts=(calibration_count, probe_count),
        seed=seed,
        companions=companions or {},
    )
    if maker is not None:
        stream = synthetic.open_synthetic(maker, request)
    else:
        stream = _open(spec, function, random_calibration, request)
    return _write(stream, request, work, inputs, generated)


def _open(spec: str | None, callable_: Callable[[], Any] | None, random: bool, request: Request) -> Stream:
    if random:
        return noise.open_noise(request)
    if callable_ is not None:
        name = getattr(callable_, "__name__", UNNAMED)
        return function.open_callable(callable_, name if name != "<lambda>" else UNNAMED, request)
    if spec is None and texts.reads_text(request):
        return texts.open_builtin(request)
    if spec is None:
        kinds = {one.kind for one in request.contracts.values()}
        return DEFAULTS.get(kinds.pop() if len(kinds) == 1 else "", builtin.open_builtin)(request)
    path = Path(spec).expanduser()
    if spec in datasets.DATA_SETS and not path.exists():
        return named.open_named(spec, request)
    if path.is_dir() and sounds.takes_sounds(request):
        return sounds.open_folder(path, request)
    if path.is_dir():
        return folder.open_folder(path, request)
    if path.suffix in (".npz", ".npy"):
        return arrays.open_arrays(path, request)
    takes_tokens = any(isinstance(one, Tokens) for one in request.contracts.values())
    if path.suffix == text_files.LINES and path.is_file() and takes_tokens:
        return texts.open_file(path, request)
    if text_files.is_table(path) and texts.reads_text(request):
        return texts.open_file(path, request)
    if path.suffix == ".csv" and path.is_file():
        return table.open_table(path, request)
    if ":" in spec and not path.exists():
        return function.open_function(spec, request)
    raise UsageProblemError(
        f"--calibration {spec!r} is not a folder of images or sounds, an .npz, an .npy, a .csv of numbers or texts, a "
        f".txt of texts, a module:function or one of {', '.join(datasets.DATA_SETS)}"
        + ("" if path.exists() else "; there is no such file")
    )


def _write(
    stream: Stream, request: Request, work: Path, inputs: Mapping[str, InputSpec], generated: Mapping[str, Input]
) -> Draw:
    """Distribute the samples with their generated inputs; generated inputs do not make equal photos different."""
    preprocessing = request.preprocessing
    photo = request.photo_input if stream.photos else None
    folders = work / "calibration", work / "probe"
    writers = [SetWriter(one, inputs, photo) for one in folders]
    dealer = Dealer(writers[0], writers[1], request.counts, list(request.inputs))
    with writers[0], writers[1]:
        if isinstance(stream.samples, tuple):
            for side, samples in enumerate(stream.samples):
                whole = completed(samples, inputs, generated, (request.seed, side))
                for sample in islice(whole, request.counts[side]):
                    dealer.take(sample, side)
        else:
            dealer.deal(completed(stream.samples, inputs, generated, (request.seed,)))
    dealer.check(stream.source)
    if dealer.overlapping:
        stream.warnings.append(f"{dealer.overlapping} repeated samples left out, so that the proof uses new ones only")
    origin = {
        "source": stream.source,
        "seed": request.seed,
        "preprocessing": preprocessing.record() if preprocessing and stream.photos else None,
        "real": stream.real,
        "warnings": tuple(stream.warnings),
    }
    calibration, probe = (writer.samples(**origin) for writer in writers)
    return Draw(calibration=calibration, probe=probe, calibration_folder=folders[0], probe_folder=folders[1])
