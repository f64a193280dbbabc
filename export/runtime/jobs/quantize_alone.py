"""Job: quantize a float file without a sibling, by a way of its own format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from calibration.samples import Samples
from export.formats import format_of
from export.scheme import SCHEMES


def quantize_alone(path: str, samples: str, scheme: str, output: str) -> dict[str, Any]:
    """Write the file at `path` in the precision `scheme` to `output`.

    Args:
        path: of a float file.
        samples: a folder that `Samples.save` wrote.
        scheme: name of the precision.
        output: path of the file to write.

    Raises:
        ConversionError: the format has no such way, or it fails.
    """
    content = format_of(Path(path)).quantize_alone(Path(path), Samples.load(Path(samples)), SCHEMES[scheme])
    Path(output).write_bytes(content)
    return {}
