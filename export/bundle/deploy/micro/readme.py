"""README.md of a microcontroller's folder."""

from __future__ import annotations

from math import prod

from export.bundle.deploy.device import licence
from export.bundle.deploy.micro import sound
from export.bundle.deploy.micro.record import MicroModel
from export.bundle.deploy.target import Files
from export.units import size_in_words

TREE = "tensorflow/lite/micro/tools/project_generation/create_tflm_tree.py"


def readme(model: MicroModel, files: Files) -> bytes:
    """Return the README of a folder with these files."""
    name = model.chosen.file.path.name
    return f"""\
# {model.delivered.title} on a microcontroller

{name} as C++ for TensorFlow Lite Micro.

{chr(10).join(model.memory_words())}

{model.checked_words()} {_on_board(model)}

| file | |
|---|---|
| {name} | the network as a file, for other tools |
| model.h, model.cc | the network as bytes, the size of the arena, and how inputs and outputs are stored |
| operators.h | the {len(model.chosen.footprint.kernels)} operators that the network needs |
{_optional(files)}| golden.h, golden.cc, selfcheck.h, selfcheck.cc | samples, and a check on the board |
| main.cc | an example: self-check, then your inputs |
| model.json | the same facts for programs |

## Build

TensorFlow Lite Micro comes as source code. For a Cortex-M4 with floating point, with its kernels for Arm:

    git clone https://github.com/tensorflow/tflite-micro
    cd tflite-micro
    python3 {TREE} \\
        --makefile_options "TARGET=cortex_m_generic TARGET_ARCH=cortex-m4+fp OPTIMIZED_KERNEL_DIR=cmsis_nn" \\
        ../tflm-tree

In your project, compile the sources of that tree and of this folder, with the folders of the tree for includes:

    arm-none-eabi-g++ -std=c++17 -Os -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 \\
        -ffp-contract=off -I../tflm-tree -I../tflm-tree/third_party/flatbuffers/include \\
        -I../tflm-tree/third_party/gemmlowp -c model.cc golden.cc selfcheck.cc main.cc{_more_sources(files)}

main.cc calls `{"NextPhoto" if "photo_input.h" in files else "NextInputs"}`, which you write for your board. Leave
golden.cc and selfcheck.cc out of the product. Other kernels need more memory than the plain ones: the example prints
what the arena really uses. {_not_counted(model, files)}

These commands were not run here: no package carries the sources of TensorFlow Lite Micro. The C++ of this folder was
compiled against declarations written from its published interface. `sha256sum -c SHA256SUMS` checks that everything
was copied.
{sound.section(model.delivered)}
{licence(model.delivered)}
""".encode()


def _on_board(model: MicroModel) -> str:
    if model.chosen.footprint.has_floats:
        return "Some operators compute in float, which a board may round by a step otherwise."
    return "Integers do not depend on the processor: a board with the plain kernels computes the same."


def _optional(files: Files) -> str:
    rows = {
        "photo_input.h": "| photo_input.h | turns the bytes of a photo into the input |\n",
        "labels.h": "| labels.h, labels.cc | names of the classes |\n",
    }
    return "".join(row for name, row in rows.items() if name in files)


def _not_counted(model: MicroModel, files: Files) -> str:
    code = "The code of the runtime takes flash too, which is not counted above"
    if "photo_input.h" not in files:
        return f"{code}."
    (photo,) = model.chosen.file.inputs
    return (
        f"{code}; nor are the\n{size_in_words(3 * prod(photo.shape[1:3]))} of RAM in which the example holds a photo."
    )


def _more_sources(files: Files) -> str:
    return " labels.cc" if "labels.cc" in files else ""
