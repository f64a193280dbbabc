"""Trained networks with real samples, and the healthy files that faults are planted into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import zoo
from calibration import sources
from calibration.inputs import InputSpec
from calibration.ranges import Ranges
from calibration.samples import Samples
from calibration.store import Draw
from export.formats import FORMATS, PRIMARY
from export.model import reference
from export.model.subject import Subject
from export.passes.integer_model import Reconstruction
from export.progress import Quiet
from export.proof.artifact import Artifact
from export.proof.enlarged import Enlarged, enlarge
from export.proof.evidence import ProvenFile
from export.proof.integer_model import BaseOutputs, base_outputs
from export.proof.prove import evidence, measured_on_probe, prove, prove_all, without_proof
from export.quantization.build import MadeFile, bases_of, quantized_files
from export.quantization.export_run import ExportRun
from export.quantization.integer_base import Bases, IntegerBase, observed
from export.quantization.requested import Key
from export.recipe import Recipe
from export.runtime.file_content import FileContent
from export.runtime.run_file import Measurement
from export.scheme import FLOAT16, FLOAT32, INT8
from tests.float_files import converted
from zoo import weights
from zoo.errors import OutsideError, UsageProblemError
from zoo.inputs import Input, Photo
from zoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras

DATA = Path(__file__).parents[1] / "data"
PROBE_COUNT, CALIBRATION_COUNT = 32, 64
SCHEMES_MADE = (FLOAT32, FLOAT16, INT8)


@dataclass(frozen=True, kw_only=True)
class Planted:
    """The fault in an export.

    Attributes:
        contents: broken files; all others are healthy, or derived from these if `remade`.
        remade: whether quantized files are derived again from the broken float files or the wrong samples.
        calibration: samples in place of the right ones.
        base: the reconstructed model's float file, broken.
        reconstruction: a reconstruction gone wrong.
        ranges: planned for the reconstructed model's activations, in place of the right ones.
    """

    contents: Mapping[Key, bytes] = field(default_factory=dict)
    remade: bool = False
    calibration: Samples | None = None
    base: bytes | None = None
    reconstruction: Reconstruction | None = None
    ranges: Ranges | None = None


@dataclass
class Network:
    """A trained network; its model, samples and healthy files are made once.

    Attributes:
        name: for the table.
        build: the model with its weights.
        preprocessing: of photos.
        draw: photos (calibration, proof), uint8, or None for the crops that an export uses by default.
        work: folder.
    """

    name: str
    build: Callable[[], keras.Model]
    preprocessing: Preprocessing
    draw: Callable[[Preprocessing], tuple[Any, Any]] | None
    work: Path
    _upstream: dict[str, Planted] = field(default_factory=dict, repr=False)
    _bases: dict[int, tuple[IntegerBase, BaseOutputs | None]] = field(default_factory=dict, repr=False)

    @property
    def contracts(self) -> Mapping[str, Input]:
        return {"image": Photo(preprocessing=self.preprocessing)}

    @cached_property
    def model(self) -> keras.Model:
        return self.build()

    @cached_property
    def samples(self) -> Draw:
        return self._crops() if self.draw is None else self._drawn(*self.draw(self.preprocessing))

    @cached_property
    def expected(self) -> Mapping[str, Any]:
        return reference.outputs(self.model, self.samples.probe)

    @cached_property
    def right(self) -> ExportRun:
        """The export of the right model, in all formats."""
        return self.run(self.model, "right")

    @cached_property
    def floats(self) -> Mapping[Key, MadeFile]:
        made = ((name, converted(self.model, name)) for name in FORMATS)
        float32 = FLOAT32
        return {
            (name, float32): MadeFile(format=name, scheme=float32, content=FileContent.held(content))
            for name, content in made
        }

    @cached_property
    def base(self) -> IntegerBase:
        """The base of the right integer files."""
        return int8_base(bases_of(self.right, self.floats))

    @property
    def bases(self) -> Bases:
        return {INT8.weight_bits: self.base}

    @cached_property
    def files(self) -> Mapping[Key, MadeFile]:
        return quantized_files(self.right, self.floats, self.bases)

    @cached_property
    def base_outputs(self) -> BaseOutputs | None:
        return base_outputs(self.right, self.base)

    @cached_property
    def enlarged(self) -> Enlarged | None:
        return enlarge(self.right)

    @cached_property
    def proven(self) -> Mapping[Key, ProvenFile]:
        return prove_all(self.right, self.files, self.bases, self.expected)

    @cached_property
    def healthy(self) -> dict[Key, Artifact]:
        """The right files with their checks."""
        return {key: one.artifact for key, one in self.proven.items()}

    def content(self, key: Key) -> bytes:
        return self.files[key].content.read()

    def run(
        self, model: keras.Model, folder: str, samples: Draw | None = None, formats: tuple[str, ...] = (), **more: Any
    ) -> ExportRun:
        """Return an export of `model` to `formats`, or all; `more` are fields of its recipe."""
        work = self.work / folder
        work.mkdir(parents=True)
        loaded = weights.LoadedWeights(name="trained", trained=True, source="tests", sha256=None)
        subject = Subject(name=self.name, title=self.name, model=model, weights=loaded, inputs=self.contracts)
        recipe = Recipe(model=self.name, formats=formats, **{"schemes": SCHEMES_MADE, **more})
        return ExportRun(subject=subject, recipe=recipe, samples=samples or self.samples, work=work, progress=Quiet())

    def planted_upstream(self, name: str, plant: Callable[[], Planted]) -> Planted:
        """Return the faults in a base or float file: planted once, and checked in every format."""
        if name not in self._upstream:
            self._upstream[name] = plant()
        return self._upstream[name]

    def is_changed_by(self, planted: Planted) -> bool:
        """Return whether a planted fault changes what it is planted into."""
        base = self.base
        return any(
            (
                *(content != self.content(key) for key, content in planted.contents.items()),
                planted.base is not None and planted.base != base.content.read(),
                planted.ranges is not None and planted.ranges != base.int8_ranges,
                planted.reconstruction is not None and planted.reconstruction is not base.reconstruction,
                planted.calibration is not None and planted.calibration.digest != self.samples.calibration.digest,
            )
        )

    def judged(self, key: Key, planted: Planted, folder: str) -> Artifact:
        """Return the proof of one file of this export."""
        run = self.run(self.model, folder, self._with(planted.calibration, folder))
        base, outputs = self._bases.get(id(planted)) or self._planted_base(run, planted)
        if any(planted is one for one in self._upstream.values()):
            self._bases[id(planted)] = base, outputs
        contents = {
            other: MadeFile(format=other[0], scheme=other[1], content=FileContent.held(content))
            for other, content in planted.contents.items()
        }
        kept = {
            other: file
            for other, file in self.files.items()
            if other not in contents and not (planted.remade and other[1] != FLOAT32)
        }
        floats = {other: file for other, file in {**kept, **contents}.items() if other[1] == FLOAT32}
        known = [file for other, file in {**kept, **contents}.items() if other not in floats]
        files = quantized_files(run, floats, {INT8.weight_bits: base}, known)
        proven: dict[Key, ProvenFile] = {}
        for other in self._needed(key, files):
            file = files[other]
            measured = self.proven[other].measured if other in kept else None
            proven[other] = _judged(run, file, measured, self.expected, files, proven, base, outputs, self.enlarged)
        return proven[key].artifact

    def judged_alone(self, key: Key, planted: Planted, folder: str) -> Artifact:
        """Return the proof of one file of an export in which only its format is requested.

        The other format's files are there, because some are derived from them, but nothing has measured them.
        """
        run = self.run(self.model, folder, formats=(key[0],))
        contents = {
            other: MadeFile(format=other[0], scheme=other[1], content=FileContent.held(content))
            for other, content in planted.contents.items()
        }
        files = {other: contents.get(other, file) for other, file in self.files.items()}
        proven: dict[Key, ProvenFile] = {}
        for other in self._needed(key, files, alone=True):
            measured = self.proven[other].measured if other not in contents and other != key else None
            proven[other] = _judged(
                run, files[other], measured, self.expected, files, proven, self.base, self.base_outputs, self.enlarged
            )
        return proven[key].artifact

    def _planted_base(self, run: ExportRun, planted: Planted) -> tuple[IntegerBase, BaseOutputs | None]:
        """Return the base of integer files with a planted fault, and its outputs for the probe."""
        if planted.calibration is not None:
            base = int8_base(bases_of(run, self.floats))
            return base, base_outputs(run, base)
        base = self.base
        if planted.reconstruction is not None:
            assert planted.reconstruction.model is not None
            base = replace(base, reconstruction=planted.reconstruction, model=planted.reconstruction.model)
        if planted.ranges is not None:
            base = replace(base, int8_ranges=planted.ranges)
        if planted.base is not None:
            path = run.work / f"planted{PRIMARY.suffix}"
            path.write_bytes(planted.base)
            base = observed(run, replace(base, content=FileContent.held(planted.base), path=path), narrow=True)
        same = planted.reconstruction is None and planted.base is None
        return base, self.base_outputs if same else base_outputs(run, base)

    def _needed(self, key: Key, files: Mapping[Key, MadeFile], *, alone: bool = False) -> list[Key]:
        """Return the files that are checked before this one, and this one."""
        wanted = {key, (key[0], FLOAT32)}
        wanted |= {(name, key[1]) for name in FORMATS[key[0]].needs(key[1])}
        if not alone:
            wanted.add((PRIMARY.name, key[1]))
        wanted |= {(name, FLOAT32) for name, _ in wanted}
        return [other for other in files if other in wanted]

    def _with(self, calibration: Samples | None, folder: str) -> Draw:
        if calibration is None:
            return self.samples
        place = self.work / f"{folder}-samples"
        return replace(self.samples, calibration=calibration.save(place), calibration_folder=place)

    def _drawn(self, calibration: Any, probe: Any) -> Draw:
        folders = [self.work / "calibration", self.work / "probe"]
        one, two = (
            recalibrated(photos, self.preprocessing).save(folder)
            for photos, folder in zip((calibration, probe), folders, strict=True)
        )
        return Draw(calibration=one, probe=two, calibration_folder=folders[0], probe_folder=folders[1])

    def _crops(self) -> Draw:
        shape = (self.preprocessing.height, self.preprocessing.width, 3)
        return sources.draw(
            None,
            inputs={"image": InputSpec(shape=shape, dtype="float32")},
            contracts=self.contracts,
            calibration_count=CALIBRATION_COUNT,
            probe_count=PROBE_COUNT,
            seed=0,
            work=self.work,
            random_calibration=False,
        )


def int8_base(bases: Bases) -> IntegerBase:
    """Return the base of integer files."""
    base = bases[INT8.weight_bits]
    assert isinstance(base, IntegerBase)
    return base


def _judged(
    run: ExportRun,
    file: MadeFile,
    measured: Measurement | None,
    expected: Mapping[str, Any],
    files: Mapping[Key, MadeFile],
    proven: Mapping[Key, ProvenFile],
    base: IntegerBase,
    outputs: BaseOutputs | None,
    larger: Enlarged | None,
) -> ProvenFile:
    """Return a file with its proof; it is run if it has not been run before."""
    if file.trouble:
        return without_proof(run, file, file.trouble)
    try:
        measured = measured or measured_on_probe(run, file)
    except (OutsideError, UsageProblemError) as error:
        return without_proof(run, file, str(error))
    return prove(evidence(run, file, measured, expected, files, proven, base, outputs, larger))


def recalibrated(photos: Any, preprocessing: Preprocessing) -> Samples:
    """Return samples of photos (N, H, W, C) as `preprocessing` makes them."""
    return Samples(
        inputs={"image": preprocessing.normalise(photos)}, photos=photos, photo_input="image", source="tests", seed=0
    )


def fashion(preprocessing: Preprocessing) -> tuple[Any, Any]:
    """Return Fashion-MNIST photos; in colour each has its own tint, so that swapped colours change outputs."""
    tints = np.random.default_rng(0).uniform(0.3, 1.0, (CALIBRATION_COUNT, 1, 1, 3))
    with np.load(DATA / "fashion_mnist_500.npz") as arrays:
        drawn = arrays["calibration_photos"][:CALIBRATION_COUNT], arrays["photos"][:PROBE_COUNT]
    if preprocessing.colours == "GRAY":
        return drawn
    one, two = (np.rint(photos * tints[: len(photos)]).astype(np.uint8) for photos in drawn)
    return one, two


def lenet() -> keras.Model:
    architecture = zoo.find("lenet5")
    model = architecture.build()
    assert weights.load(model, architecture).trained
    return model


def two_headed() -> keras.Model:
    """Return LeNet-5 with a second head: the trained one with its classes in reverse order."""
    import keras

    model = lenet()
    head = keras.layers.Dense(10, name="reversed")
    output = head(model.get_layer("f6").output)
    kernel, bias = model.get_layer("logits").get_weights()
    head.set_weights([kernel[:, ::-1], bias[::-1]])
    return keras.Model(model.input, [model.output, output], name="two_headed")


def tiny_mobilenet() -> keras.Model:
    architecture = zoo.find("mobilenet")
    model = architecture.build(**architecture.tiny)
    assert weights.load(model, architecture, "tiny").trained
    return model


def tiny_mobilenet_v2() -> keras.Model:
    architecture = zoo.find("mobilenet_v2")
    model = architecture.build(**architecture.tiny)
    assert weights.load(model, architecture, "tiny").trained
    return model


def mobilenet() -> keras.Model:
    architecture = zoo.find("mobilenet")
    model = architecture.build()
    assert weights.load(model, architecture, "imagenet").trained
    return model


def tiny_efficientnet() -> keras.Model:
    architecture = zoo.find("efficientnet_b0")
    model = architecture.build(**architecture.tiny)
    assert weights.load(model, architecture, "tiny").trained
    return model


def networks(work: Path) -> dict[str, Network]:
    """Return all networks by name; nothing is built yet."""
    grey, architecture = zoo.find("lenet5").preprocess(), zoo.find("mobilenet")
    small, full = architecture.preprocess(**architecture.tiny), architecture.preprocess()
    linear, gated = zoo.find("mobilenet_v2"), zoo.find("efficientnet_b0")
    return {
        name: Network(name, build, preprocessing, draw, work / name)
        for name, build, preprocessing, draw in (
            ("lenet5", lenet, grey, fashion),
            ("two_headed", two_headed, grey, fashion),
            ("mobilenet_tiny", tiny_mobilenet, small, fashion),
            ("mobilenet_v2_tiny", tiny_mobilenet_v2, linear.preprocess(**linear.tiny), fashion),
            ("efficientnet_tiny", tiny_efficientnet, gated.preprocess(**gated.tiny), fashion),
            ("mobilenet", mobilenet, full, None),
        )
    }
