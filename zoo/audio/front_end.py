"""From a sound to the features that a network reads: data, not code, so that devices and manifests can carry it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.audio.wave_file import Wave

Loudness = Literal["as recorded", "largest is 1"]
Arithmetic = Literal["float", "fixed point"]
_LEAST_WINDOW, _MOST_WINDOW = 16, 1 << 14
_MOST_BANDS, _MOST_NUMBERS = 1024, 1 << 24  # in all windows together
_MOST = 1 << 20  # samples, windows, bands: what a damaged record cannot ask for


@dataclass(frozen=True, kw_only=True)
class FrontEnd:
    """The features of a sound: log-mel bands or MFCCs of windows.

    Attributes:
        rate: of the sound, in Hz; others are resampled.
        length: of the sound, in samples; longer ones are cut, shorter ones are followed by silence.
        window: length of a window, in samples.
        hop: from the begin of a window to that of the next, in samples.
        bands: number of mel bands.
        low_hz: where the first band begins.
        high_hz: where the last band ends.
        coefficients: number of MFCCs; 0 for the log-mel bands themselves.
        loudness: "largest is 1" divides the sound by its largest sample.
        arithmetic: "float" as TensorFlow's tf.signal; "fixed point" as the audio front end of TFLite Micro.
        automatic_gain: in fixed point, whether each band's gain follows its noise (PCAN).
        scale: what the features are multiplied by.
    """

    rate: int = 16000
    length: int = 16000
    window: int = 480
    hop: int = 320
    bands: int = 40
    low_hz: float = 20.0
    high_hz: float = 4000.0
    coefficients: int = 0
    loudness: Loudness = "as recorded"
    arithmetic: Arithmetic = "float"
    automatic_gain: bool = True
    scale: float = 1.0

    def __post_init__(self) -> None:
        counts = (self.rate, self.length, self.window, self.hop, self.bands)
        if not all(isinstance(one, int) and 0 < one <= _MOST for one in counts) or not (
            _LEAST_WINDOW <= self.window <= min(self.length, _MOST_WINDOW)
        ):
            raise ValueError("rate, length, window, hop and bands are whole numbers, and a window fits into the length")
        if self.bands > _MOST_BANDS or self.frames * self.window > _MOST_NUMBERS:
            raise ValueError(f"there are too many windows ({self.frames}) or bands ({self.bands})")
        if not 0 <= self.low_hz < self.high_hz <= self.rate / 2 or not math.isfinite(self.scale):
            raise ValueError(f"bands lie between 0 and {self.rate / 2:g} Hz, not at {self.low_hz} to {self.high_hz} Hz")
        if not isinstance(self.coefficients, int) or not 0 <= self.coefficients <= self.bands:
            raise ValueError(f"there are 0 to {self.bands} MFCCs, not {self.coefficients}")
        if self.loudness not in get_args(Loudness) or self.arithmetic not in get_args(Arithmetic):
            raise ValueError(f"an unknown loudness {self.loudness!r} or arithmetic {self.arithmetic!r}")
        if self.arithmetic == "fixed point" and (self.coefficients or self.high_hz >= self.rate / 2):
            raise ValueError(f"in fixed point there are no MFCCs, and bands end below {self.rate / 2:g} Hz")

    @property
    def frames(self) -> int:
        """Number of windows."""
        return 1 + (self.length - self.window) // self.hop

    @property
    def width(self) -> int:
        """Number of features of a window."""
        return self.coefficients or self.bands

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the input: (windows, features, 1)."""
        return self.frames, self.width, 1

    def describe(self) -> str:
        """Return "10 MFCCs of 49 windows of 30 ms, 20 ms apart, of 1 s at 16000 Hz"."""
        kind = f"{self.coefficients} MFCCs" if self.coefficients else f"{self.bands} log-mel bands"
        fixed = " in fixed point" if self.arithmetic == "fixed point" else ""
        window, hop = (1000 * one / self.rate for one in (self.window, self.hop))
        whole = f"{self.length / self.rate:g} s at {self.rate} Hz"
        return f"{kind}{fixed} of {self.frames} windows of {window:g} ms, {hop:g} ms apart, of {whole}"

    def fitted(self, wave: Wave) -> NDArray[np.float64]:
        """Return the sound (length,) at the rate of the front end, cut or followed by silence."""
        import numpy as np

        from zoo.audio.resampling import resampled

        enough = -(-self.length * wave.rate // self.rate) + wave.rate // 10  # what resampling needs of a long sound
        found = resampled(wave.samples[:enough], wave.rate, self.rate)[: self.length]
        return np.pad(found, (0, self.length - len(found)))

    def features(self, wave: Wave) -> NDArray[np.float32]:
        """Return the features (windows, features, 1) of a sound."""
        return self.of_samples(self.fitted(wave))

    def of_samples(self, sound: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return the features (windows, features, 1) of samples (length,) from -1 to 1."""
        import numpy as np

        if self.loudness == "largest is 1" and sound.max() > 0:
            sound = sound / sound.max()
        if self.arithmetic == "fixed point":
            found = self._in_fixed_point(sound)
        else:
            found = self._in_float(np.lib.stride_tricks.sliding_window_view(sound, self.window)[:: self.hop])
        return (found * self.scale).astype(np.float32)[..., None]

    def _in_float(self, windows: NDArray[np.float64]) -> NDArray[np.float64]:
        from zoo.audio import mel

        spectra = mel.magnitudes(windows)
        weights = mel.triangles(spectra.shape[1], self.bands, self.rate, self.low_hz, self.high_hz)
        bands = mel.log_mel(spectra, weights)
        return mel.cepstra(bands, self.coefficients) if self.coefficients else bands

    def _in_fixed_point(self, sound: NDArray[np.float64]) -> NDArray[np.float64]:
        import numpy as np

        from zoo.audio import fixed_bands, fixed_point, mel

        whole = np.clip(np.rint(sound * 2.0**15), -(2**15), 2**15 - 1).astype(np.int16)
        bins = mel.fft_length(self.window) // 2 + 1
        bands = fixed_bands.bands(self.bands, bins, self.rate, self.low_hz, self.high_hz)
        found = fixed_point.log_bands(whole, self.window, self.hop, bands, gain=self.automatic_gain)
        return found.astype(np.float64)

    def record(self) -> dict[str, Any]:
        """Return plain data for a manifest."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the front end that `record()` described.

        Raises:
            ValueError, TypeError: the record makes no sense.
        """
        known = {one.name for one in fields(cls)}
        if strange := set(record) - known:
            raise ValueError(f"a front end of sounds has no {sorted(strange)[0]!r}")
        return cls(**record)
