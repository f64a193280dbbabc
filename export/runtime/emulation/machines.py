"""The emulated machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class System:
    """A version of Debian, from which that of Raspberry Pi OS is made.

    Attributes:
        release: its name.
        python: version of its Python.
        ssl: name of its package of OpenSSL, which Python imports.
    """

    release: str
    python: str
    ssl: str

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages of its Python."""
        libraries = ("libc6", "libgcc-s1", "libstdc++6", "zlib1g", "libexpat1", "libffi8", "libbz2-1.0", "liblzma5")
        parts = ("python{}-minimal", "libpython{}-minimal", "libpython{}-stdlib")
        return (*libraries, "libcrypt1", self.ssl, *(part.format(self.python) for part in parts))


BOOKWORM = System(release="bookworm", python="3.11", ssl="libssl3")
TRIXIE = System(release="trixie", python="3.13", ssl="libssl3t64")

_NUMPY = ("python3-numpy", "libblas3", "liblapack3", "libgfortran5")

_ARM64_WHEELS = ("numpy>=2,<3", "ai-edge-litert==2.3.0", "onnxruntime==1.31.1")


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A processor architecture, with all that its Python needs.

    Attributes:
        name: as Python states it.
        system: the version of Debian.
        debian: name of the architecture in Debian.
        program: of QEMU.
        packages: of Debian, beside those of Python.
        wheels: of PyPI.
        platforms: tags of these wheels.
        libraries: folders of libraries, which are linked one folder up; Debian's alternatives would do it.
        is_redirected: whether QEMU finds all paths below the root; else modules need their real paths.
    """

    name: str
    system: System
    debian: str
    program: str
    wheels: tuple[str, ...]
    platforms: tuple[str, ...]
    packages: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    is_redirected: bool = True


AARCH64 = Architecture(
    name="aarch64",
    system=BOOKWORM,
    debian="arm64",
    program="qemu-aarch64",
    wheels=_ARM64_WHEELS,
    platforms=("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux2014_aarch64"),
)
AARCH64_TRIXIE = replace(AARCH64, system=TRIXIE)
ARMV7 = Architecture(
    name="armv7l",
    system=BOOKWORM,
    debian="armhf",
    program="qemu-arm",
    packages=_NUMPY,
    # The only runtime for 32 bits, and the last of its versions.
    wheels=("tflite-runtime==2.14.0",),
    platforms=("manylinux_2_34_armv7l",),
    libraries=("usr/lib/arm-linux-gnueabihf/blas", "usr/lib/arm-linux-gnueabihf/lapack"),
    is_redirected=False,
)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """An emulated machine.

    Attributes:
        title: for display.
        architecture: of its processor.
        cpu: QEMU's name of the processor.
        part: number of the processor, from which libraries choose their kernels.
    """

    title: str
    architecture: Architecture
    cpu: str
    part: str

    def cpuinfo(self, cores: int = 4) -> str:
        """Return the content of /proc/cpuinfo, without which libraries read that of the host and crash."""
        lines = (
            "BogoMIPS\t: 108.00",
            "Features\t: half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt fp asimd evtstrm crc32 cpuid",
            "CPU implementer\t: 0x41",
            "CPU architecture: 8",
            "CPU variant\t: 0x0",
            f"CPU part\t: {self.part}",
            "CPU revision\t: 3",
        )
        return "".join("\n".join((f"processor\t: {core}", *lines, "", "")) for core in range(cores))


# By the word after `--on`.
MACHINES: Mapping[str, Machine] = {
    "aarch64": Machine(title="Raspberry Pi 4 (emulated)", architecture=AARCH64, cpu="cortex-a72", part="0xd08"),
    "pi3": Machine(title="Raspberry Pi 3 (emulated)", architecture=AARCH64, cpu="cortex-a53", part="0xd03"),
    "pi4": Machine(title="Raspberry Pi 4 (emulated)", architecture=AARCH64, cpu="cortex-a72", part="0xd08"),
    "pi5": Machine(title="Raspberry Pi 5 (emulated)", architecture=AARCH64, cpu="cortex-a76", part="0xd0b"),
    "pi5-trixie": Machine(
        title="Raspberry Pi 5 with Python 3.13 (emulated)",
        architecture=AARCH64_TRIXIE,
        cpu="cortex-a76",
        part="0xd0b",
    ),
    "armv7": Machine(title="Raspberry Pi OS, 32 bits (emulated)", architecture=ARMV7, cpu="cortex-a15", part="0xc0f"),
}
