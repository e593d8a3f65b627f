"""The size of a network by its numbers, and as Keras builds it."""

import dataclasses

import numpy as np
import pytest

from fracture_core.config.limits import LIMITS
from fracture_core.config.network_options import NetworkOptions
from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import ConfigError
from fracture_core.networks import architectures, network_size
from tests.core.every_network import EVERY, LARGE

QUICK = [name for name in architectures.ARCHITECTURES if name not in LARGE]


@pytest.mark.parametrize(
    ("name", "size", "options"),
    [
        *((name, size, {}) for name in QUICK for size in (32, 57)),
        *(pytest.param(name, 57, {}, marks=pytest.mark.slow) for name in LARGE),
        ("residual", 40, {"dense": (16,), "dense_normalization": True}),
        ("one_conv", 24, {"dense": (7, 5, 3), "dense_normalization": True}),
        ("five_conv", 28, {"dense": (), "dropout": 0.5}),
        ("all_conv", 40, {"dense": (16,), "dense_normalization": True}),
    ],
)
def test_the_arithmetic_is_that_of_the_network(name: str, size: int, options: dict) -> None:
    built = architectures.build(name, size, **options)
    own = sum(
        weight.value.shape.num_elements() for weight in built.weights if "seed" not in weight.path
    )
    assert network_size.of(name, size, NetworkOptions(**options)).parameters == own


@pytest.mark.parametrize("name", EVERY)
def test_the_outputs_for_a_film_are_about_those_of_the_network(name: str) -> None:
    for size in (32, 96):
        layers = architectures.build(name, size).layers
        held = sum(int(np.prod(layer.output.shape[1:])) for layer in layers)
        stated = network_size.of(name, size, NetworkOptions()).values
        assert 0.9 * held <= stated <= 1.25 * held


@pytest.mark.parametrize("name", architectures.ARCHITECTURES)
def test_every_network_of_its_own_options_may_be_built_at_every_size(name: str) -> None:
    for size in (architectures.find(name).smallest, *LIMITS.size[1:]):
        network_size.check(name, size, NetworkOptions())


def test_a_network_that_no_machine_holds_is_refused_before_it_is_built() -> None:
    with pytest.raises(ConfigError, match="Number of dense layers must be from 0 to 16"):
        NetworkOptions(dense=(4096,) * 2_000)
    with pytest.raises(ConfigError, match=r"one_conv at 512 px .* has 8,523 million"):
        architectures.build("one_conv", 512, dense=(4096,))


def test_what_training_holds_grows_with_batch_size_and_optimizer() -> None:
    small = TrainConfig(data="", batch_size=10, normalization="running")
    more = TrainConfig(data="", batch_size=20, normalization="running")
    assert 0.8e9 < network_size.training_bytes(small) < network_size.training_bytes(more) < 0.9e9
    recomputed, running = (
        TrainConfig.from_dict({"data": "", "normalization": way, "recipe": {"size": 96}})
        for way in ("recomputed", "running")
    )
    more_maps = network_size.training_bytes(recomputed) - network_size.training_bytes(running)
    assert 0.4e9 < more_maps < network_size.KEPT_BYTES
    large = TrainConfig.from_dict({"data": "", "batch_size": 256, "recipe": {"size": 512}})
    assert network_size.training_bytes(large) > 50e9


def test_an_average_of_the_weights_holds_each_parameter_once_more() -> None:
    plain, averaged = (TrainConfig(data="", weight_average=decay) for decay in (0.0, 0.99))
    parameters = network_size.of(plain.architecture, 32, plain.options).parameters
    more = network_size.training_bytes(averaged) - network_size.training_bytes(plain)
    assert more == 4 * parameters


def test_a_run_that_does_not_fit_is_told_a_batch_that_does() -> None:
    config = TrainConfig.from_dict(
        {"data": "", "architecture": "densenet169", "batch_size": 100, "recipe": {"size": 320}}
    )
    assert network_size.memory_warning(config, None) == ""
    assert network_size.memory_warning(config, 10**12) == ""
    assert network_size.fitting_batch(config, 10**12) == 100
    free = 16 * 10**9
    batch = network_size.fitting_batch(config, free)
    assert (batch, batch.bit_count()) == (8, 1)
    for films, fits in ((batch, True), (2 * batch, False)):
        other = dataclasses.replace(config, batch_size=films)
        assert (network_size.training_bytes(other) <= free) == fits
    assert "16.0 GB are free" in network_size.memory_warning(config, free)
    assert "Batches of up to 8 films fit." in network_size.memory_warning(config, free)
    assert "Not even a batch of one film fits" in network_size.memory_warning(config, 10**9)
