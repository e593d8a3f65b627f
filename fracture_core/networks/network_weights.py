"""Weights of a network out of a file of Keras': refused where they do not fit, else loaded."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from fracture_core.config.limits import LIMITS
from fracture_core.errors import FileRefused, ModelError
from fracture_core.networks import architectures, weights_file

if TYPE_CHECKING:
    import h5py
    import keras

    from fracture_core.epochs.epoch_weights import WeightsInMemory

MOST_BYTES = 16 * 4 * LIMITS.parameters  # of an ensemble's arrays


def check_weights_file(path: Path) -> None:
    """Refuse a file that cannot hold weights, by its beginning and without loading it.

    Raises:
        ModelError: the file is missing, cannot be read, or is none of Keras' files of weights.
    """
    try:
        weights_file.opened(path, 2 * MOST_BYTES).close()
    except FileRefused as error:
        raise ModelError(
            f"The weights {path} cannot be read: the file {error.reason}. Check the path."
        ) from error
    except ValueError as error:
        raise ModelError(
            f"{path.name} holds no weights: {error}, as Keras saves them (.weights.h5, .h5, "
            ".keras). Choose another file."
        ) from error


def check_weights_fit(path: Path, name: str) -> None:
    """Refuse weights that do not fit this network with default options at 32 px.

    The file's number of parameters decides, without building a network.

    Raises:
        ModelError: see `check_weights_file`; or the number differs.
    """
    import h5py

    check_weights_file(path)
    try:
        with weights_file.opened(path, 2 * MOST_BYTES) as stream, h5py.File(stream) as file:
            count = weights_file.parameters(file)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"{path.name} cannot be read ({error}). Choose another file.") from error
    entry = architectures.find(name)
    if count != entry.parameters:
        raise ModelError(
            f"{path.name} holds {count:,} parameters; {name} has {entry.parameters:,}. "
            "Choose the network that the file was saved from, or another file."
        )


def load_weights(network: "keras.Model", path: Path, group: str | None = None) -> None:
    """Load a network's weights from a file of Keras', which may hold more; see `weights_file`.

    Args:
        network: of `architectures.build`.
        path: of the file.
        group: the group of the file that holds them; by default the whole file.

    Raises:
        ModelError: the file cannot be read, or belongs to another network.
    """
    try:
        _check_sizes(path)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Keras only warns of layers without weights in the file
            if group is not None:
                network.load_weights(_part(path, group))
            elif path.name.endswith(".weights.h5") and not _is_of_keras_2(path):
                network.load_weights(path)
            else:
                _load_others(network, path)
    except (ValueError, OSError, KeyError, RuntimeError, UserWarning, FileRefused) as error:
        raise ModelError(
            f"{path.name} must hold the weights of {network.name} with the same options and "
            "size, as Keras saves them in .weights.h5; it does not. Choose another file or network."
        ) from error


def _is_of_keras_2(path: Path) -> bool:
    import h5py

    with weights_file.opened(path, 2 * MOST_BYTES) as stream, h5py.File(stream) as file:
        return weights_file.of_keras_2(file) is not None


def _load_others(network: "keras.Model", path: Path) -> None:
    """Load a file of Keras 2, or one whose name Keras does not take for a file of weights."""
    import h5py

    from fracture_core.epochs.epoch_weights import WeightsInMemory

    with weights_file.opened(path, 2 * MOST_BYTES) as stream:
        with h5py.File(stream) as file:
            if layers := weights_file.of_keras_2(file):
                weights_file.load_keras_2(network, layers)
                return
        stream.seek(0)
        network.load_weights(WeightsInMemory(stream.read()))


def _check_sizes(path: Path) -> None:
    """Refuse, before reading it, a file whose arrays exceed the largest allowed model."""
    import h5py

    sizes: list[int] = []

    def add(_: str, node: object) -> None:
        if isinstance(node, h5py.Dataset):
            sizes.append(node.size * node.dtype.itemsize)

    with weights_file.opened(path, 2 * MOST_BYTES) as stream, h5py.File(stream) as file:
        file.visititems(add)
    if sum(sizes) > MOST_BYTES:
        raise ValueError(f"its arrays have {sum(sizes) / 2**20:,.0f} MB")


def _part(path: Path, group: str) -> "WeightsInMemory":
    """Return a group of a weights file as a separate file.

    Links are not followed: they may lead into another file. Deeper ones are refused by Keras.
    """
    import h5py

    from fracture_core.epochs.epoch_weights import WeightsInMemory

    content = WeightsInMemory()
    with h5py.File(path) as whole, h5py.File(content, "w") as part:
        _check_no_link(whole, group)
        for name in whole[group]:
            _check_no_link(whole[group], name)
            whole.copy(whole[group][name], part, name=name)
        part.attrs.update(whole[group].attrs)
    content.seek(0)
    return content


def _check_no_link(inside: "h5py.Group", name: str) -> None:
    import h5py

    is_group = isinstance(inside.get(name, getlink=True), h5py.HardLink) and isinstance(
        inside[name], h5py.Group
    )
    if not is_group:
        raise ValueError(f"{name!r} is no group of its own")
