"""The zoo: the architectures that can be exported, with trained weights. Importing it loads no heavy library.

Each module that is imported below is a family of architectures: paper, table of blocks, builder, registration. The
others are:

    architecture    what an architecture is, and the registry of all
    cards           a page about each architecture, with a picture of it
    class_names     names of the classes that a data set has
    datasets        labelled pictures that anybody can download
    detection, segmentation, generation
                    what the outputs of such a network mean, metrics, and pictures to train and test on
    errors          every error that a user can meet, with its exit code
    language        blocks of language networks, the forms of a decoder, tokenizers
    layers          layers that several families share
    metric          how good a model is at its task, as one number
    own_file        .keras files that say which input and outputs their model has
    preprocessing   how a photo becomes an input
    pretrained      where the trained weights of each family come from, and the files that are shipped
    proofs          results of the last proof of every architecture
    pretraining     the command that trained the shipped weights
    weights         download, verify and read weights, and give them to a model
"""

# The one list of architecture families: importing a family registers it.
from zoo import (
    alexnet,
    annalog,
    bert,
    densenet,
    efficientnet,
    efficientnet_lite,
    googlenet,
    gpt2,
    inception_resnet_v2,
    inception_v3,
    lenet,
    llama,
    mlperf_autoencoder,
    mlperf_kws,
    mlperf_resnet8,
    mlperf_vww,
    mlperf_wakeword,
    mobilenet,
    mobilenet_v2,
    mobilenet_v3,
    resnet,
    transformer,
    transformer_dates,
    unet,
    vae,
    vgg,
    xception,
    yolo_v3_tiny,
    yolo_v4_tiny,
)
from zoo.architecture import Architecture, find, names, register

__all__ = [
    "Architecture",
    "alexnet",
    "annalog",
    "bert",
    "densenet",
    "efficientnet",
    "efficientnet_lite",
    "find",
    "googlenet",
    "gpt2",
    "inception_resnet_v2",
    "inception_v3",
    "lenet",
    "llama",
    "mlperf_autoencoder",
    "mlperf_kws",
    "mlperf_resnet8",
    "mlperf_vww",
    "mlperf_wakeword",
    "mobilenet",
    "mobilenet_v2",
    "mobilenet_v3",
    "names",
    "register",
    "resnet",
    "transformer",
    "transformer_dates",
    "unet",
    "vae",
    "vgg",
    "xception",
    "yolo_v3_tiny",
    "yolo_v4_tiny",
]
