"""Mean intersection over union, the metric of masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def confusion(truth: NDArray[np.integer], found: NDArray[np.integer], classes: int) -> NDArray[np.int64]:
    """Return the confusion matrix (classes, classes): pixels by true class (rows) and predicted class (columns).

    Args:
        truth: class indices, of any shape.
        found: predicted class indices, of the same shape.
        classes: number of classes.

    Raises:
        ValueError: the shapes differ, or an index is not a class.
    """
    import numpy as np

    if truth.shape != found.shape:
        raise ValueError(f"the masks differ in shape: {truth.shape} and {found.shape}")
    pairs = []
    for name, mask in (("truth", truth), ("found", found)):
        if mask.size and (int(mask.min()) < 0 or int(mask.max()) >= classes):
            raise ValueError(f"the {name} holds {mask.min()} to {mask.max()}, the classes are 0 to {classes - 1}")
        pairs.append(mask.astype(np.int64).ravel())
    counts = np.bincount(pairs[0] * classes + pairs[1], minlength=classes * classes)
    return counts.reshape(classes, classes)


def mean_iou(counts: NDArray[np.int64]) -> float:
    """Return the mean intersection over union of a confusion matrix (classes, classes), between 0 and 1.

    A class in neither mask does not count (Everingham et al. 2015, "The Pascal Visual Object Classes
    Challenge: A Retrospective", section 3.3: true positives over true and false positives and false negatives).

    Raises:
        ValueError: there are no pixels.
    """
    import numpy as np

    exact = counts.astype(np.float64)
    shared = np.diag(exact)
    covered = exact.sum(0) + exact.sum(1) - shared
    if not covered.any():
        raise ValueError("there are no pixels to compare")
    present = covered > 0
    return float((shared[present] / covered[present]).mean())
