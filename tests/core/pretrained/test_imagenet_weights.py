"""ImageNet weights in a network of grey films, and runs that start from them."""

from pathlib import Path

import keras
import numpy as np
import pytest

from fracture_core.errors import ModelError
from fracture_core.networks import architectures
from fracture_core.pretrained import imagenet_weights
from tests.core.every_network import LARGE, marked
from tests.core.pretrained.made_imagenet import colours, content


@pytest.mark.parametrize("name", ["mobilenet_v3", *marked(LARGE[1:])])
def test_a_grey_film_gives_the_maps_of_three_equal_channels(name: str, tmp_path: Path) -> None:
    source = colours(name)
    data = content(source, tmp_path / "w.h5")
    source.set_weights([0 * each for each in source.get_weights()])
    source.load_weights(tmp_path / "w.h5")  # as keras.applications does
    keras.utils.set_random_seed(1)
    network = architectures.build(name)
    head = network.layers[-1].get_weights()
    imagenet_weights.load(network, data)
    films = np.random.default_rng(3).integers(0, 256, (3, 32, 32, 1)).astype(np.float32)
    both = [network.get_layer("scale").output, network.get_layer("average").input]
    scaled, maps = keras.Model(network.input, both)(films, training=False)
    expected = source(np.repeat(scaled, 3, axis=-1), training=False).numpy()
    assert expected.std() > 0
    assert np.allclose(maps, expected, atol=1e-5 * np.abs(expected).max(), rtol=1e-4)
    assert all(map(np.array_equal, head, network.layers[-1].get_weights()))


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    other = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])
    network = architectures.build("mobilenet_v3")
    with pytest.raises(ModelError, match="do not fit mobilenet_v3"):
        imagenet_weights.load(network, content(other, tmp_path / "w.h5"))
    with pytest.raises(ModelError, match="do not fit mobilenet_v3"):
        imagenet_weights.load(network, b"no HDF5")
