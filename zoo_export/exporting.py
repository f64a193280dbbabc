"""The easy door: `zoo_export.export(model, int8=True)` for a model in memory, a name or a path."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from zoo_export.result import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    import keras
    import numpy as np
    from numpy.typing import NDArray

    from export.progress import Progress
    from export.recipe import Recipe
    from export.scheme import Scheme

    Arrays = NDArray[Any] | Mapping[str, NDArray[Any]]
    Samples = str | Path | Arrays | Iterable[Any] | Callable[[], Iterable[Any]]
    Labelled = str | Path | tuple[Arrays, NDArray[np.generic]]

# Options of the command that have another name here.
_NAMES = {"set": "options", "set-input": "input_shapes", "format": "formats", "import": "imports", "raise": "raised"}
_SWITCHES = ("int8", "random-calibration", "streaming", "diagnose", "unsafe-lambda", "allow-select-tf-ops")
# As export/model/loading/load_failure.py says it for the command.
_OWN_LAYER = re.compile(r"needs the (custom \w+ '[^']+')")
_FLAG = re.compile(r"--([a-z][a-z0-9-]*)( (?='))?")


class More(TypedDict, total=False):
    """Further options, named and typed as those of `zoo export --help`."""

    calibration_count: int
    random_calibration: bool
    observer: str
    reconstruct: bool
    unroll: int
    streaming: bool
    allow_select_tf_ops: bool
    prune: float | str
    prune_channels: float | str
    original: str | Path
    raised: Mapping[str, str] | Sequence[str]
    max_drop: float | str
    max_size: int | str
    max_latency: float | str
    max_ram: int | str
    max_flash: int | str
    preset: str
    raise_to: str | Sequence[str]
    probe_count: int
    diagnose: bool
    io: str
    opset: int
    dynamic_batch: bool
    seed: int
    sign: str | Path
    keep_failed: bool
    no_cache: bool
    resume: bool
    imports: str | Path | Sequence[str | Path]
    unsafe_lambda: bool
    input_shapes: Mapping[str, Sequence[int]]


def export(
    model: keras.Model | str | Path,
    *,
    int8: bool = False,
    precision: str | Scheme | Sequence[str | Scheme] = (),
    formats: str | Sequence[str] = (),
    calibration: Samples | None = None,
    evaluate: Labelled | None = None,
    weights: str | Path | None = None,
    options: Mapping[str, int | float | str] | None = None,
    preprocessing: str | None = None,
    out: str | Path = "artifacts",
    name: str | None = None,
    progress: Progress | None = None,
    **more: Unpack[More],
) -> Result:
    """Export a model, prove every file, and return what was written: the command `zoo export`, from Python.

    The checks are those of the command, and are made before the work begins. Nothing is printed.

    Args:
        model: a Keras model in memory; the name of a network of the zoo; or the path of a .keras file, an .h5 file or a
            SavedModel folder.
        int8: export int8 files; of a model that reads text, int8_dynamic.
        precision: precisions, such as "float32,int8" or ["float16", "w8a16"]; without any, float32.
        formats: names of file formats; without any, all.
        calibration: samples for calibration and proof: an array (N, ...), a mapping of arrays by input name, a folder
            of photos, a file, or an iterable of single samples or a function that returns one. Without it, the
            built-in photos or texts.
        evaluate: labelled data: a folder, a file, or a pair (inputs, targets) of arrays.
        weights: a tag, a file or "random", for a network of the zoo.
        options: options of a network of the zoo, such as {"alpha": 0.5}.
        preprocessing: how photos become inputs of a model of yours: raw, unit, tf, caffe or torch.
        out: folder in which a folder with the name of the model is written.
        name: of a model in memory, for the folder and the files; without it, `model.name`.
        progress: is notified of every step.
        more: further options, as in `zoo export --help`: `max_drop="1%"`, `prune=0.5`, `io="uint8"`.

    Raises:
        UsageProblemError: something was requested that is impossible; the message says what to type.
        OutsideError: the network, the disk or a native library failed.
    """
    from zoo_export import sources, words

    with TemporaryDirectory(prefix="zoo-export-python-") as folder, in_python(folder):
        work = Path(folder)
        words.check_names(more, More, signature(export).parameters)
        given = sources.model_file(model, name, work)
        samples = sources.samples(calibration, work)
        recipe = words.recipe_of(
            given.path,
            int8=int8,
            precision=precision,
            formats=formats,
            calibration=samples.source,
            evaluate=sources.labelled(evaluate, work),
            weights=weights,
            options=options or {},
            preprocessing=preprocessing,
            out=out,
            more=dict(more),
        )
        return _exported(recipe, progress, samples.function, here=given.needs_this_process)


def _exported(recipe: Recipe, progress: Progress | None, function: Callable[[], Any] | None, *, here: bool) -> Result:
    """Run the export: in a process of its own, or here if it needs Python code that only this process has."""
    from export import pipeline, remote
    from export.preflight.check import check
    from export.preflight.without_effect import notes
    from export.progress import Quiet
    from export.runtime import background
    from zoo_export.quiet import quiet

    check(recipe)
    said = tuple(_FLAG.sub(_argument, note) for note in notes(recipe))
    if here or function is not None:
        with quiet(progress is None):
            delivery = pipeline.run(recipe, progress, function)
        return Result(folder=delivery.folder, manifest=delivery.manifest, notes=said)
    found = background.start(remote.export, progress or Quiet(), request=remote.request_of(recipe))
    return Result(folder=Path(found["folder"]) if found["folder"] else None, manifest=found["manifest"], notes=said)


@contextmanager
def in_python(folder: str) -> Iterator[None]:
    """Name the options in the messages of errors as the arguments that they are here.

    Args:
        folder: a temporary one, which is left out of the names of files in it.

    Raises:
        ZooError: the error of the block.
    """
    from zoo.errors import ZooError

    try:
        yield
    except ZooError as error:
        message = _FLAG.sub(_argument, str(error)).replace(f"{folder}{os.sep}", "")
        if found := _OWN_LAYER.search(message):
            message = (
                f"{found[1]} is code of yours that Keras cannot find again: put "
                "@keras.saving.register_keras_serializable() before it, and build the model again; or name its file: "
                'imports="FILE.py"'
            )
        if message == str(error):
            raise
        raise type(error)(message) from error


def _argument(match: re.Match[str]) -> str:
    flag = match[1]
    name = _NAMES.get(flag, flag).replace("-", "_")
    if flag in _SWITCHES:
        return f"{name}=True"
    return f"{name}=" if match[2] else name
