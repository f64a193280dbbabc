"""The autoencoder of MLPerf Tiny: does the machine sound as it always did?

Koizumi et al. 2020, "Description and Discussion on DCASE2020 Challenge Task 2", https://arxiv.org/abs/2006.05822,
section 4; Banbury et al. 2021, "MLPerf Tiny Benchmark", https://arxiv.org/abs/2106.07597: anomaly detection.
The reference is github.com/mlcommons/tiny, benchmark/training/anomaly_detection. Dense layers squeeze the spectrum of
five windows into eight numbers and back; sounds that training never met do not come back as they were. So the mean
squared error of the reconstruction is the score of anomaly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.architecture import Architecture, register
from zoo.inputs import Features, Input
from zoo.pretrained import mlperf_autoencoder as pretrained

if TYPE_CHECKING:
    import keras

WINDOWS, BANDS = 5, 128  # windows of 64 ms in steps of 32 ms; mel bands
CODE = 5  # the number of the layer in the middle
EPSILON = 1e-3


def build(*, width: int = 128, code: int = 8) -> keras.Model:
    """Return the autoencoder: log-mel spectra (N, 640) in dB to reconstructions (N, 640).

    Args:
        width: units of the hidden layers.
        code: units of the layer in the middle.
    """
    import keras
    from keras import layers

    spectrum = keras.Input((WINDOWS * BANDS,), name="log_mel")
    x: Any = spectrum
    for index in range(1, 2 * CODE):  # 128, 128, 128, 128, 8, 128, 128, 128, 128
        x = layers.Dense(code if index == CODE else width, name=f"dense{index}")(x)
        x = layers.BatchNormalization(epsilon=EPSILON, name=f"dense{index}_bn")(x)
        x = layers.ReLU(name=f"dense{index}_relu")(x)
    reconstruction = layers.Dense(WINDOWS * BANDS, name="reconstruction")(x)
    return keras.Model(spectrum, reconstruction, name="mlperf_autoencoder")


def _log_mel(**_: object) -> dict[str, Input]:
    """Return the meaning of the input, and the range of its numbers in MLPerf's int8 file."""
    words = "128 log-mel bands in dB of 5 windows of 64 ms, 32 ms apart, at 16 kHz"
    return {"log_mel": Features(words=words, samples="toy_car", low=-84.9, high=14.9)}


MLPERF_AUTOENCODER = register(
    Architecture(
        name="mlperf_autoencoder",
        title="Autoencoder of MLPerf Tiny, anomaly detection (Koizumi et al., 2020)",
        task="anomaly detection",
        paper="https://arxiv.org/abs/2006.05822",
        build=build,
        inputs=_log_mel,
        parameter_count=269_992,
        weights=(pretrained.TOYADMOS,),
    )
)
