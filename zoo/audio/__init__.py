"""How a sound becomes a model's input: .wav files, and front ends that compute features of them.

Plain numpy and the standard library, so that a device can run it.
"""

from zoo.audio.front_end import Arithmetic, FrontEnd, Loudness

__all__ = ["Arithmetic", "FrontEnd", "Loudness"]
