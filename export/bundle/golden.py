"""golden.npz: a few samples of the proof with the outputs of the model and of each file at the export."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from calibration.samples import Array, Samples
from calibration.sources.array_rows import ArrayRows, BrokenArrayError
from zoo.errors import CheckFailedError

# Far more than an export writes (20 samples); protects against archives that unpack to a huge size.
MAX_UNPACKED_BYTES = 2_000_000_000
# Zeros pack to a thousandth. An archive that is larger than this when unpacked, and packed as well as that, is refused.
SMALL_BYTES, MAX_RATIO = 50_000_000, 200
MAX_SAMPLES = 1000
# Enough to detect a broken file, and a small part of an export's size; more of small photos, up to 96 x 96.
COUNT, MOST_COUNT, MOST_INPUT_BYTES = 8, 20, 2_500_000
MOST_OUTPUT_BYTES = 16_000_000  # of one file: the logits of a text have megabytes, and then fewer samples are enough.


@dataclass(frozen=True, kw_only=True, eq=False)
class Golden:
    """The content of golden.npz.

    Attributes:
        inputs: preprocessed inputs (N, ...) by name.
        photos: the uint8 photos (N, H, W, C) that the inputs were computed from; None for other inputs.
        expected: outputs of the Keras model (N, ...) by name.
        stored: outputs of each file as stored (N, ...), by file name, then by output name.
    """

    inputs: Mapping[str, Array]
    photos: Array | None
    expected: Mapping[str, Array]
    stored: Mapping[str, Mapping[str, Array]]

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def samples(self, photo_input: str | None) -> Samples:
        """Return the inputs as samples; `photo_input` is the one that was computed from the photos."""
        name = photo_input if photo_input in self.inputs else None
        photos = self.photos if name is not None else None
        return Samples(inputs=self.inputs, photos=photos, photo_input=name, source="golden inputs", seed=0)


def stored_count(expected: Mapping[str, Array], inputs: Mapping[str, Array]) -> int:
    """Return how many of the samples of a proof are stored.

    Args:
        expected: some outputs of the Keras model (N, ...) by name.
        inputs: some inputs (N, ...) by name that were computed from photos; none for others, of which fewer are enough.
    """
    inputs_bytes = MOST_COUNT * _sample_bytes(inputs)
    count = MOST_COUNT if 0 < inputs_bytes <= MOST_INPUT_BYTES else COUNT
    return max(1, min(count, MOST_OUTPUT_BYTES // max(1, _sample_bytes(expected))))


def _sample_bytes(arrays: Mapping[str, Array]) -> int:
    return sum(int(values[0].nbytes) for values in arrays.values())


def content(probe: Samples, expected: Mapping[str, Array], outputs: Mapping[str, Mapping[str, Array]]) -> bytes:
    """Return the bytes of golden.npz: a few inputs with the outputs of the Keras model and of each file.

    Args:
        probe: the samples of the proof.
        expected: outputs of the Keras model (N, ...) by name.
        outputs: outputs of each file as stored (N, ...), by file name, then by output name.
    """
    arrays: dict[str, Any] = {f"input/{name}": values for name, values in probe.inputs.items()}
    if probe.photos is not None:
        arrays["photos"] = probe.photos
    arrays |= {f"expected/{name}": values for name, values in expected.items()}
    for file, stored in outputs.items():
        arrays |= {f"stored/{file}/{name}": values for name, values in stored.items()}
    packed = io.BytesIO()
    count = stored_count(expected, probe.inputs if probe.photos is not None else {})
    few: dict[str, Any] = {name: np.asarray(values[:count]) for name, values in arrays.items()}
    np.savez_compressed(packed, **few)
    return packed.getvalue()


def read(path: Path) -> Golden:
    """Return the content of the golden.npz at `path`, without unpickling anything.

    Raises:
        CheckFailedError: the file is missing, damaged, too large, or not written by an export.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise CheckFailedError("it is not a regular file")
    try:
        arrays = _arrays(path)
    except FileNotFoundError:
        raise CheckFailedError("the file is missing, so no outputs can be compared; export the model again") from None
    except (OSError, BadZipFile, BrokenArrayError, NotImplementedError, RuntimeError, ValueError) as error:
        # RuntimeError: an encrypted member; NotImplementedError: a compression that zipfile does not support.
        raise CheckFailedError(f"it cannot be read: {error}") from error
    groups: dict[str, dict[str, Any]] = {"input": {}, "expected": {}, "stored": {}}
    photos = arrays.pop("photos", None)
    for key, values in arrays.items():
        group, _, name = key.partition("/")
        if group not in groups or not name:
            raise CheckFailedError(f"it contains the array {key!r}, which no export writes")
        if group == "stored":
            file, _, output = name.partition("/")
            groups[group].setdefault(file, {})[output] = values
        else:
            groups[group][name] = values
    if not groups["input"] or not groups["expected"]:
        raise CheckFailedError("it contains no inputs or no expected outputs")
    if len({len(values) for values in (*arrays.values(), *([] if photos is None else [photos]))}) != 1:
        raise CheckFailedError("its arrays do not have the same number of samples")
    return Golden(inputs=groups["input"], photos=photos, expected=groups["expected"], stored=groups["stored"])


def _arrays(path: Path) -> dict[str, Array]:
    with ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
        packed = sum(member.compress_size for member in archive.infolist())
        if unpacked > MAX_UNPACKED_BYTES or unpacked > max(SMALL_BYTES, MAX_RATIO * packed):
            raise ValueError(f"it unpacks from {packed / 1e6:.1f} MB to {unpacked / 1e9:.2g} GB")
        arrays = {}
        for member in archive.namelist():
            with archive.open(member) as file:
                rows = ArrayRows(file)
                if rows.count > MAX_SAMPLES:
                    raise ValueError(f"{member} contains {rows.count} samples; at most {MAX_SAMPLES} are allowed")
                arrays[member.removesuffix(".npy")] = np.stack([rows.read() for _ in range(rows.count)])
    return arrays
