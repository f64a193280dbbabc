"""What MLPerf itself publishes beside its trained networks: its int8 files, and recorded words as features."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from calibration.samples import Array
from zoo.pinned import Source
from zoo.pretrained.mlperf_tiny import FOLDER
from zoo.weights import sources


def _pinned(path: str, sha256: str) -> Source:
    return Source(kind="url", location=FOLDER + path, sha256=sha256)


INT8 = {
    "mlperf_resnet8": _pinned(
        "image_classification/trained_models/pretrainedResnet_quant.tflite",
        "3c002613d1b2475eb51dd78dfb85a546c8ae658dee71cf6ade43b022fe205415",
    ),
    "mlperf_vww": _pinned(
        "visual_wake_words/trained_models/vww_96_int8.tflite",
        "597a384c8c2c8a1276f04702f25013b7838f2f814f1ca7c174d295b73e3d6b7b",
    ),
    "mlperf_kws": _pinned(
        "keyword_spotting/trained_models/kws_ref_model.tflite",
        "aeea436800704fce17b17292e4412630ad856e9d777c044c64ef748a880bd0ae",
    ),
    "mlperf_autoencoder": _pinned(
        "anomaly_detection/trained_models/ad01_int8.tflite",
        "87cf24194ef93d1d9b11a591d805526b98008e351655d29883c825c9c106ba24",
    ),
    "mlperf_wakeword": _pinned(
        "streaming_wakeword/trained_models/str_ww_ref_model.tflite",
        "3af8550895ba7d5c584277102b5075c52dcfa63ba9d2b2240f37c4e6abd5dd2b",
    ),
}
_RECORDED = _pinned(
    "streaming_wakeword/calibration_samples.npz", "43e84d3ac605461d9b08d14d927a8c562d9c09e4e02b8ef6d89bba2be16c6533"
)


def int8(network: str) -> Path:
    """Return MLPerf's own int8 file of a network.

    Raises:
        OutsideError: it is not in the cache and cannot be downloaded.
    """
    (path,) = sources.fetch(INT8[network])
    return path


def recorded_words() -> tuple[Array, Array]:
    """Return the 45 recordings on which MLPerf calibrated the wake word: log-mel spectra, and their classes.

    Raises:
        OutsideError: they are not in the cache and cannot be downloaded.
    """
    (path,) = sources.fetch(_RECORDED)
    with np.load(path) as stored:
        return stored["specs"].astype(np.float32), stored["labels"].astype(int)
