"""Large networks on grey films: the same maps as on three equal colours, scaled as meant."""

import keras
import numpy as np
import pytest

from fracture_core.networks import applications, architectures
from tests.core.every_network import LARGE


def of_colours(name: str) -> keras.Model:
    """The network as it is for pictures of 32 px, scaled: (n, 32, 32, 3) to maps."""
    kept = applications.APPLICATIONS[name]
    make = getattr(keras.applications, kept.function)
    return make(include_top=False, weights=None, input_shape=(32, 32, 3), **kept.options)


def copy_weights(colours: keras.Model, network: keras.Model) -> None:
    """Copy weights from colours to grey: the first kernel is summed over its three channels."""
    for layer in colours.layers:
        if values := layer.get_weights():
            own = network.get_layer(layer.name)
            if own.weights[0].shape != values[0].shape:
                values[0] = values[0].sum(axis=2, keepdims=True)
            own.set_weights(values)


def test_every_application_is_in_the_registry_and_slow_in_tests() -> None:
    assert tuple(applications.APPLICATIONS) == LARGE
    assert set(LARGE) <= set(architectures.ARCHITECTURES)


@pytest.mark.parametrize(
    "name", ["mobilenet_v3", *(pytest.param(n, marks=pytest.mark.slow) for n in LARGE[1:])]
)
def test_one_grey_channel_gives_what_three_equal_ones_give(name: str) -> None:
    keras.utils.set_random_seed(1)
    network = architectures.build(name)
    colours = of_colours(name)
    random = np.random.default_rng(2)
    for layer in colours.layers:  # so that no layer is the identity
        layer.set_weights([v * random.uniform(0.8, 1.2, v.shape) for v in layer.get_weights()])
    head = network.layers[-1].get_weights()
    copy_weights(colours, network)
    films = random.integers(0, 256, (3, 32, 32, 1)).astype(np.float32)
    both = [network.get_layer("scale").output, network.get_layer("average").input]
    scaled, maps = keras.Model(network.input, both)(films, training=False)
    expected = colours(np.repeat(scaled, 3, axis=-1), training=False).numpy()
    assert expected.std() > 0
    assert np.allclose(maps, expected, atol=1e-5 * np.abs(expected).max(), rtol=1e-4)
    assert all(map(np.array_equal, head, network.layers[-1].get_weights()))


@pytest.mark.parametrize(
    ("name", "black", "white"), [("mobilenet_v3", -1.0, 1.0), ("densenet121", -1.9867, 2.4381)]
)
def test_films_are_scaled_as_the_networks_authors_did(name, black, white) -> None:
    kept = applications.APPLICATIONS[name]
    for grey, expected in ((0.0, black), (1.0, white)):
        assert grey * kept.scale + kept.offset == pytest.approx(expected, abs=1e-4)
