"""A file of weights as Keras publishes them, made of a network with random weights."""

import dataclasses
import hashlib
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

from fracture_core.datasets.download import WebFile
from fracture_core.networks import applications, architectures
from fracture_core.pretrained import frozen_base, imagenet_files

ADDRESS = "http://127.0.0.1:9/nobody/listens"


def colours(name: str) -> keras.Model:
    """The pretrained layers of a network for pictures of 32 px, none of them the identity."""
    if entry := applications.APPLICATIONS.get(name):
        make = getattr(keras.applications, entry.function)
        network = make(include_top=False, weights=None, input_shape=(32, 32, 3), **entry.options)
    else:  # a small network in the place of a large one
        grey = architectures.build(name)
        base = keras.Model(grey.input, grey.get_layer(frozen_base.END).output)
        network = keras.models.clone_model(base, keras.Input((32, 32, 3)))
    random = np.random.default_rng(2)
    for layer in network.layers:
        layer.set_weights(
            [
                v * random.uniform(0.8, 1.2, v.shape) + 0.01 * (v.ndim == 1)
                for v in layer.get_weights()
            ]
        )
    return network


def content(network: keras.Model, path: Path) -> bytes:
    """The weights as Keras' file has them, written to a path."""
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, network)
    return path.read_bytes()


def publish(
    name: str, data: bytes, monkeypatch: pytest.MonkeyPatch, address: str = ADDRESS
) -> None:
    """Have this file be the one that Keras publishes for a network."""
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    known = imagenet_files.FILES.get(name, WebFile(name=f"{name}.h5", address="", size=0, md5=""))
    file = dataclasses.replace(known, address=address, size=len(data), md5=md5)
    monkeypatch.setitem(imagenet_files.FILES, name, file)
