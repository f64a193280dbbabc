"""The section of a microcontroller's README about the front end that turns a sound into the input."""

from __future__ import annotations

from textwrap import fill

from export.bundle.read import Delivered
from zoo.audio import FrontEnd, fixed_gain, fixed_point, mel
from zoo.inputs.sound import front_end_of

WIDTH = 118  # of a line


def section(delivered: Delivered) -> str:
    """Return the section about the front end; empty if no sound is the input."""
    front_end = front_end_of(delivered.inputs)
    if front_end is None:
        return ""
    described = (
        _in_fixed_point(front_end) if front_end.arithmetic == "fixed point" else fill(_in_float(front_end), WIDTH)
    )
    first = fill(
        f"The input is {front_end.describe()}, window after window. The folder has no code for it: `NextInputs` of "
        "main.cc computes the features and stores each of them by the functions of model.h.",
        WIDTH,
    )
    return f"\n## From a sound to the input\n\n{first}\n\n{described.rstrip()}\n"


def _in_float(front_end: FrontEnd) -> str:
    loudness = "divided by its largest sample; " if front_end.loudness == "largest is 1" else ""
    count, bands = front_end.coefficients, front_end.bands
    cepstra = f"; of those the first {count} numbers of a DCT-II, times sqrt(2 / {bands})" if count else ""
    scaled = f"; all times {front_end.scale:g}" if front_end.scale != 1 else ""
    return (
        f"Samples from -1 to 1; {loudness}a periodic Hann window of {front_end.window} samples every {front_end.hop}; "
        f"the magnitudes of its Fourier transform; {bands} triangles from {front_end.low_hz:g} to "
        f"{front_end.high_hz:g} Hz in mel, 1127 ln(1 + f / 700); the logarithm of their sums and {mel.FLOOR:g}"
        f"{cepstra}{scaled}. For a board without floating point train the network with the front end in integers: "
        "`zoo train NAME --set front_end=fixed_point --data FOLDER`."
    )


def _in_fixed_point(front_end: FrontEnd) -> str:
    window, hop = (1000 * samples / front_end.rate for samples in (front_end.window, front_end.hop))
    return f"""\
TensorFlow Lite Micro's front end, tensorflow/lite/experimental/microfrontend/lib, computes the same integers from
samples of 16 bits with these settings; a feature is its output times {front_end.scale:g}:

    FrontendConfig config;
    FrontendFillConfigWithDefaults(&config);
    config.window.size_ms = {window:g};
    config.window.step_size_ms = {hop:g};
    config.filterbank.num_channels = {front_end.bands};
    config.filterbank.lower_band_limit = {front_end.low_hz:.1f}f;
    config.filterbank.upper_band_limit = {front_end.high_hz:.1f}f;
    config.noise_reduction.smoothing_bits = {fixed_point.SMOOTHING_BITS};
    config.noise_reduction.even_smoothing = {fixed_point.EVEN_SMOOTHING}f;
    config.noise_reduction.odd_smoothing = {fixed_point.ODD_SMOOTHING}f;
    config.noise_reduction.min_signal_remaining = {fixed_point.LEAST_SIGNAL}f;
    config.pcan_gain_control.enable_pcan = {int(front_end.automatic_gain)};
    config.pcan_gain_control.strength = {fixed_gain.STRENGTH}f;
    config.pcan_gain_control.offset = {fixed_gain.OFFSET}f;
    config.pcan_gain_control.gain_bits = {fixed_gain.GAIN_BITS};
    config.log_scale.enable_log = 1;
    config.log_scale.scale_shift = {fixed_point.OUTPUT_BITS};
    FrontendState state;
    FrontendPopulateState(&config, &state, {front_end.rate});

The state is populated again before each sound, since it holds the noise of those before.
"""
