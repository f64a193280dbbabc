"""Arrays of a checkpoint of llama2.c: seven numbers, then float32 matrices without names.

The order is in memory_map_weights of https://github.com/karpathy/llama2.c/blob/master/run.c.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.weights.readers.damage import refused

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEADER_BYTES = 28


@refused
def read(files: Sequence[Path]) -> dict[str, NDArray[Any]]:
    """Return the arrays by the names of run.c, those of all blocks in one; bytes behind the checkpoint are left out.

    Raises:
        ValueError: not a checkpoint with a shared classifier, or one that is cut off.
    """
    import numpy as np

    (path,) = files
    content = path.read_bytes()
    if len(content) < HEADER_BYTES:
        raise ValueError(f"{path.name} is cut off: {len(content)} bytes are less than a header")
    header = [int(number) for number in np.frombuffer(content[:HEADER_BYTES], "<i4")]
    if min(header) <= 0 or header[0] % header[3]:  # a negative vocabulary: the classifier has a matrix of its own
        raise ValueError(f"{path.name} is no checkpoint of llama2.c with a shared classifier: its sizes are {header}")
    found, start = {}, HEADER_BYTES
    for name, shape in _shapes(*header).items():
        count = int(np.prod(shape))
        if len(content) < start + 4 * count:
            raise ValueError(f"{path.name} is cut off within {name}")
        found[name] = np.frombuffer(content, "<f4", count, start).reshape(shape)
        start += 4 * count
    return found


def _shapes(
    width: int, hidden: int, blocks: int, heads: int, key_heads: int, vocabulary: int, context: int
) -> dict[str, tuple[int, ...]]:
    """Return the shape of every array in the order of the file; matrices are (blocks, outputs, inputs)."""
    size = width // heads
    return {
        "token_embedding_table": (vocabulary, width),
        "rms_att_weight": (blocks, width),
        "wq": (blocks, heads * size, width),
        "wk": (blocks, key_heads * size, width),
        "wv": (blocks, key_heads * size, width),
        "wo": (blocks, width, heads * size),
        "rms_ffn_weight": (blocks, width),
        "w1": (blocks, hidden, width),
        "w2": (blocks, width, hidden),
        "w3": (blocks, hidden, width),
        "rms_final_weight": (width,),
    }
