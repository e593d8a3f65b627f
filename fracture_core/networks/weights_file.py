"""Files of weights as Keras writes them: HDF5 of Keras 3 (`.weights.h5`), HDF5 of Keras 2 (`.h5`,
`.hdf5`, of `save_weights` or of the whole model), and the `.keras` archive. Only arrays are read.

What a file is, its content decides, not its ending. What a fitted model adds to its weights (the
optimizer, metrics, the model's own description) is passed over.
"""

import io
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from fracture_core import file_reader

if TYPE_CHECKING:
    import h5py
    import keras
    import numpy as np

MARK = b"\x89HDF\r\n\x1a\n"  # first bytes of an HDF5 file
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError)
_ZIP = b"PK\x03\x04"
_INSIDE = "model.weights.h5"  # the weights in a `.keras` archive
_NOT_WEIGHTS = ("optimizer", "metric", "loss")  # beginnings or endings of other groups


def opened(path: Path, limit: int) -> BinaryIO:
    """Open the HDF5 content of a file; of an archive it is unpacked in memory.

    Raises:
        FileRefused: it is missing, no regular file, or too large.
        ValueError: it holds no weights, or unpacks to more than `limit` bytes.
    """
    stream = file_reader.opened(path, limit)
    mark = stream.read(len(MARK))
    stream.seek(0)
    if mark == MARK:
        return stream
    with stream:
        if not mark.startswith(_ZIP):
            raise ValueError("it is no file of weights")
        try:
            with zipfile.ZipFile(stream) as archive:
                entry = archive.getinfo(_INSIDE)
                if entry.file_size > limit:
                    raise ValueError(file_reader.too_large(entry.file_size, limit))
                content = archive.read(entry)
        except (*_DAMAGED, KeyError, NotImplementedError, RuntimeError) as error:
            raise ValueError(f"it is an archive without weights ({error})") from error
    return io.BytesIO(content)


def of_keras_2(file: "h5py.File") -> "h5py.Group | None":
    """Return the group of Keras 2's weights, layer by layer; `None` in a file of Keras 3."""
    group = file.get("model_weights", file)
    return group if _names(group, "layer_names") else None


def _names(group: "h5py.Group", key: str) -> list[str]:
    """Return a list of names among a group's attributes; a long one is in pieces."""
    values = list(group.attrs.get(key, ()))
    piece = 0
    while f"{key}{piece}" in group.attrs:
        values += list(group.attrs[f"{key}{piece}"])
        piece += 1
    return [
        each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in values
    ]


def arrays(group: "h5py.Group") -> "list[h5py.Dataset]":
    """Return Keras 2's arrays in the order of the network.

    Raises:
        ValueError: one is missing, or leads into another file.
    """
    found = []
    for layer in _names(group, "layer_names"):
        inner = _inside(group, layer)
        found += [_inside(inner, name) for name in _names(inner, "weight_names")]
    return found


def _inside(group: "h5py.Group", path: str) -> "h5py.Group | h5py.Dataset":
    """Return what lies at a path, following no link: one may lead into another file."""
    import h5py

    for name in path.split("/"):
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{path!r} is missing")
        group = group[name]
    if isinstance(group, h5py.Dataset) and (group.external or group.is_virtual):
        raise ValueError(f"{path!r} lies in another file")
    return group


def parameters(file: "h5py.File") -> int:
    """Return the number of parameters of the network in a file."""
    import h5py

    if group := of_keras_2(file):
        return sum(array.size for array in arrays(group))
    sizes: list[int] = []

    def count(name: str, node: object) -> None:
        top = name.split("/")[0]
        of_network = not (top.startswith(_NOT_WEIGHTS) or top.endswith(_NOT_WEIGHTS))
        if of_network and isinstance(node, h5py.Dataset) and node.dtype.kind == "f":
            sizes.append(node.size)  # no dropout's seeds

    file.visititems(count)
    return sum(sizes)


def load_keras_2(network: "keras.Model", group: "h5py.Group") -> None:
    """Load Keras 2's weights into a network of the same layers, whatever their names.

    Raises:
        ValueError: number or shapes of the arrays differ from the network's.
    """
    assign(network.layers, [array[()] for array in arrays(group)])


def assign(layers: "Sequence[keras.Layer]", values: "Sequence[np.ndarray]") -> None:
    """Assign values to the variables of layers, in the order of Keras 2's files.

    Raises:
        ValueError: number or shapes of the values differ from the variables'.
    """
    variables = [
        variable
        for layer in layers
        for variable in (*layer.trainable_weights, *layer.non_trainable_weights)
    ]
    if [value.shape for value in values] != [tuple(each.shape) for each in variables]:
        raise ValueError("its arrays have other shapes than the network's")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
