"""The task embedding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from calibration.inputs import InputSpec
from calibration.samples import Array
from export.analysis.tasks.embedding.labelled import EXAMPLES, RatedPairs, read_pairs
from export.analysis.tasks.prediction import Described, Prediction, Row
from export.model import signature
from zoo.errors import UsageProblemError
from zoo.inputs import tokenizer_of
from zoo.metric import SPEARMAN, Metric

if TYPE_CHECKING:
    import keras

    from export.model.subject import Subject

SHOWN = 8  # numbers of a vector in JSON


class Embedding:
    """Vectors of texts."""

    name = "embedding"
    metrics: tuple[Metric, ...] = (SPEARMAN,)
    examples = EXAMPLES
    takes_photos = False
    makes_pictures = False

    def suits(self, model: keras.Model) -> bool:
        """Return False: nothing but its task tells vectors from class scores."""
        return False

    def find(self, subject: Subject, source: str) -> RatedPairs:
        """Return the pairs in the .csv `source`."""
        path = Path(source).expanduser()
        if tokenizer_of(subject.inputs) not in subject.companions:
            raise UsageProblemError("--evaluate with pairs of texts needs a model whose tokenizer is known")
        if path.suffix != ".csv" or not path.is_file():
            raise UsageProblemError(f"--evaluate {source!r} is not {EXAMPLES}")
        specs = signature.inputs(subject.model)
        return RatedPairs(
            source=path.name,
            pairs=read_pairs(path),
            inputs={spec.name: InputSpec(shape=spec.shape[1:], dtype=spec.dtype) for spec in specs},
            contracts=subject.inputs,
            companions=subject.companions,
            output=signature.outputs(subject.model)[0].name,
        )

    def reads(self, described: Described) -> bool:
        """Return whether there is a single output (N, width)."""
        return len(described.outputs) == 1 and len(described.outputs[0].shape) == 2

    def class_count(self, described: Described) -> int:
        """Return 0."""
        return 0

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
        """Return for each text the other texts that are most like it."""
        (vectors,) = outputs.values()
        unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        cosines = unit @ unit.T
        return tuple(_prediction(place, vectors[place], cosines[place], names, top) for place in range(len(vectors)))


def _prediction(place: int, vector: Array, cosines: Array, names: Sequence[str], top: int) -> Prediction:
    others = [other for other in np.argsort(-cosines, kind="stable") if other != place][:top]
    nearest = [{"text": names[other], "cosine": float(cosines[other])} for other in others]
    rows = tuple(Row(share=max(0.0, float(cosines[other])), title=names[other]) for other in others)
    first = ", ".join(f"{number:.3f}" for number in vector[:SHOWN])
    return Prediction(
        record={"nearest": nearest, "embedding": [float(number) for number in vector]},
        rows=rows,
        nothing=f"{len(vector)} numbers: {first}, ...; give more texts to compare them, or type --out FILE.npz",
    )


EMBEDDING = Embedding()
