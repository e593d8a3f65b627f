"""ImageNet weights in a network of grey films.

A grey film stands for three equal channels, so the first kernel is summed over its channels: the
maps are the same, and the network stays the one that is built from new weights.
"""

import io
from typing import TYPE_CHECKING

from fracture_core.errors import ModelError
from fracture_core.networks import weights_file
from fracture_core.pretrained import frozen_base

if TYPE_CHECKING:
    import keras


def load(network: "keras.Model", content: bytes) -> None:
    """Load the weights of all layers but the last ones, which keep theirs.

    Args:
        network: of `architectures.build`, one of `imagenet_files.FILES`.
        content: of its file there, HDF5 of Keras 2.

    Raises:
        ModelError: the file holds other weights.
    """
    import h5py

    try:
        with h5py.File(io.BytesIO(content)) as file:
            group = weights_file.of_keras_2(file)
            if group is None:
                raise ValueError("it is no file of Keras 2")
            values = [array[()] for array in weights_file.arrays(group)]
        if values:
            values[0] = values[0].sum(axis=2, keepdims=True)
        weights_file.assign(frozen_base.layers(network), values)
    except (ValueError, OSError, KeyError, RuntimeError) as error:
        raise ModelError(
            f"The ImageNet weights do not fit {network.name} ({error}). Install the versions of "
            "requirements.txt."
        ) from error
