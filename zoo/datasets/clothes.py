"""Fashion-MNIST: the training data of the weights that are shipped with the zoo.

Xiao, Rasul, Vollgraf 2017, https://arxiv.org/abs/1708.07747. 60,000 training and 10,000 test images, 28 x 28 grey, ten
kinds of clothes. From a folder of the user's, Debian's package dataset-fashion-mnist, or the URLs of keras.datasets.
"""

from __future__ import annotations

from pathlib import Path

from zoo.datasets.data_set import DataSet
from zoo.datasets.idx import IdxFile, reader
from zoo.pinned import Source

_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def _file(name: str, md5: str, sha256: str) -> IdxFile:
    """Return a published file, by the md5 that its authors state and the sha256 of its content."""
    return IdxFile(name=name, sha256=sha256, sources=(Source(kind="url", location=_URL + name, md5=md5),))


FILES = {
    ("train", "images"): _file(
        "train-images-idx3-ubyte.gz",
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    ("train", "labels"): _file(
        "train-labels-idx1-ubyte.gz",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    ("test", "images"): _file(
        "t10k-images-idx3-ubyte.gz",
        "bef4ecab320f06d8554ea6380940ec79",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    ("test", "labels"): _file(
        "t10k-labels-idx1-ubyte.gz",
        "bb300cfdad3c16e7a12a480ee83cd310",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}

FASHION_MNIST = DataSet(
    name="fashion_mnist",
    title="Fashion-MNIST (Xiao et al., 2017)",
    licence="MIT",
    labels="fashion_mnist",
    mirrored=True,
    read=reader(FILES, Path("/usr/share/datasets/fashion-mnist")),
)
