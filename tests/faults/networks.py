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
from export.formats import FORMATS
from export.model import reference
from export.model.subject import Subject
from export.passes.integer_model import Reconstruction
from export.progress import Quiet
from export.proof.artifact import Artifact
from export.proof.prove import Assembly
from export.quantization.build import Making
from export.recipe import Precision, Recipe
from zoo import weights
from zoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras

Key = tuple[str, Precision]  # Format and precision of a file.

DATA = Path(__file__).parents[1] / "data"
PROBE_COUNT, CALIBRATION_COUNT = 32, 64
PRECISIONS = (Precision.FLOAT32, Precision.FLOAT16, Precision.INT8)


@dataclass(frozen=True, kw_only=True)
class Planted:
    """What is wrong in an export.

    Attributes:
        contents: broken files; what is not among them is healthy, or made of them where `remade`.
        remade: whether quantized files are made anew, of the broken float files or the wrong samples.
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
    def healthy(self) -> dict[Key, Artifact]:
        """The right files, judged."""
        return {(file.format, file.precision): file for file in self.right.artifacts()}

    @cached_property
    def right(self) -> Assembly:
        return self.assembly(self.model, "right")

    def content(self, key: Key) -> bytes:
        return self.healthy[key].content

    def assembly(
        self, model: keras.Model, folder: str, samples: Draw | None = None, formats: tuple[str, ...] = ()
    ) -> Assembly:
        """Return an export of `model` to `formats`, or all, that is compared with the right model's outputs."""
        work = self.work / folder
        work.mkdir(parents=True)
        loaded = weights.LoadedWeights(name="trained", trained=True, source="tests", sha256=None)
        subject = Subject(
            name=self.name, title=self.name, model=model, weights=loaded, preprocessing=self.preprocessing, labels=()
        )
        recipe = Recipe(model=self.name, precisions=PRECISIONS, formats=formats, reconstruct=True)
        return Assembly(Making(subject, recipe, samples or self.samples, work, Quiet()), self.expected)

    def judged(self, key: Key, planted: Planted, folder: str) -> Artifact:
        """Return what an export says of one file among these."""
        kept = {
            other: file.content
            for other, file in self.healthy.items()
            if other not in planted.contents and not (planted.remade and other[1] is not Precision.FLOAT32)
        }
        assembly = self.assembly(self.model, folder, self._with(planted.calibration, folder))
        assembly.making.contents.update(kept | dict(planted.contents))
        right = self.right.making
        if planted.calibration is None:
            assembly.making.reconstruction = planted.reconstruction or right.reconstruction
            assembly.making.base = planted.base or right.base
        if planted.calibration is None and planted.base is None:
            assembly.making.observations.update(right.observations)
            assembly.making.narrowed.update({name: planted.ranges or own for name, own in right.narrowed.items()})
            if planted.reconstruction is None and planted.ranges is None:
                assembly.upstream.update(self.right.upstream)
        assembly.measurements.update({other: self.right.measurements[other] for other in kept})
        return assembly.artifact(FORMATS[key[0]], key[1])

    def judged_alone(self, key: Key, planted: Planted, folder: str) -> Artifact:
        """Return what an export says of one file where only files of its format are asked for.

        The other format's files are there, because some are derived from them, but nothing has measured them.
        """
        assembly = self.assembly(self.model, folder, formats=(key[0],))
        assembly.making.contents.update({other: file.content for other, file in self.healthy.items()})
        assembly.making.contents.update(planted.contents)
        right = self.right.making
        assembly.making.reconstruction, assembly.making.base = right.reconstruction, right.base
        own = [other for other in self.healthy if other[0] == key[0] and other not in planted.contents]
        assembly.measurements.update({other: self.right.measurements[other] for other in own if other != key})
        return assembly.artifact(FORMATS[key[0]], key[1])

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
            preprocessing=self.preprocessing,
            calibration_count=CALIBRATION_COUNT,
            probe_count=PROBE_COUNT,
            seed=0,
            work=self.work,
            random_calibration=False,
        )


def recalibrated(photos: Any, preprocessing: Preprocessing) -> Samples:
    """Return samples of photos (N, H, W, C) as `preprocessing` makes them."""
    return Samples(inputs={"image": preprocessing.normalise(photos)}, photos=photos, source="tests", seed=0)


def fashion(preprocessing: Preprocessing) -> tuple[Any, Any]:
    """Return Fashion-MNIST photos; a colour network sees each in a tint of its own, or colours could be swapped."""
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


def networks(work: Path) -> dict[str, Network]:
    """Return all networks by name; nothing is built yet."""
    grey, architecture = zoo.find("lenet5").preprocess(), zoo.find("mobilenet")
    small, full = architecture.preprocess(**architecture.tiny), architecture.preprocess()
    linear = zoo.find("mobilenet_v2")
    return {
        name: Network(name, build, preprocessing, draw, work / name)
        for name, build, preprocessing, draw in (
            ("lenet5", lenet, grey, fashion),
            ("two_headed", two_headed, grey, fashion),
            ("mobilenet_tiny", tiny_mobilenet, small, fashion),
            ("mobilenet_v2_tiny", tiny_mobilenet_v2, linear.preprocess(**linear.tiny), fashion),
            ("mobilenet", mobilenet, full, None),
        )
    }
