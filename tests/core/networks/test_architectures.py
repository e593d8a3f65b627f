"""The three networks of the report, their variants, and those that it did not build."""

from pathlib import Path

import keras
import numpy as np
import pytest

from fracture_core.errors import ConfigError, ModelError
from fracture_core.networks import architectures, network_weights
from tests.core.every_network import EVERY

# Counted from the report: Appendix A for five_conv, its text for the other two (see docs/data.md).
REPORT_COUNTS = {"one_conv": 922_305, "three_conv": 166_913, "five_conv": 97_409}


@pytest.mark.parametrize("name", REPORT_COUNTS)
def test_each_network_has_the_reports_parameters(name: str) -> None:
    assert architectures.build(name).count_params() == REPORT_COUNTS[name]
    assert architectures.ARCHITECTURES[name].parameters == REPORT_COUNTS[name]


def test_the_variant_in_the_reports_text_has_its_parameters() -> None:
    text = architectures.build("five_conv", dense=(128,), dense_normalization=False)
    assert text.count_params() == 88_705


def test_five_conv_has_the_layer_order_of_appendix_a() -> None:
    kinds = [type(layer).__name__ for layer in architectures.build("five_conv").layers]
    block = ["Conv2D", "BatchNormalization", "ReLU"]
    assert kinds == [
        *("InputLayer", "Rescaling"),
        *(block + block + ["MaxPooling2D"]),
        *(block + block + ["MaxPooling2D"]),
        *("Conv2D", "ReLU", "BatchNormalization", "MaxPooling2D"),
        *("Flatten", "Dense", "BatchNormalization", "Dropout", "Dense", "Dense"),
    ]


def test_all_conv_has_no_pooling_and_no_dense_layer_but_the_output() -> None:
    network = architectures.build("all_conv")
    assert network.count_params() == architectures.find("all_conv").parameters
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds == [
        *("InputLayer", "Rescaling"),
        *(["Conv2D", "BatchNormalization", "ReLU"] * 5),
        *("GlobalAveragePooling2D", "Dense"),
    ]
    assert [conv.strides[0] for conv in network.layers if "Conv2D" in str(type(conv))] == [
        1,
        2,
        1,
        2,
        1,
    ]


def test_the_output_of_all_conv_is_a_mean_over_places() -> None:
    network = architectures.build("all_conv", 64)
    films = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 1)).astype(np.uint8)
    maps = keras.Model(network.input, network.get_layer("relu_5").output)(films).numpy()
    kernel, bias = network.get_layer("probability").get_weights()
    places = maps @ kernel[:, 0] + bias  # as a 1 x 1 convolution
    expected = 1 / (1 + np.exp(-places.mean(axis=(1, 2))))
    assert np.allclose(network(films).numpy()[:, 0], expected, atol=1e-6)


def test_dropout_lies_before_the_output_where_there_is_no_dense_layer() -> None:
    network = architectures.build("all_conv", dropout=0.3)
    assert [layer.name for layer in network.layers][-3:] == ["average", "dropout", "probability"]
    assert architectures.build("three_conv", dense=(), dropout=0.3).layers[-2].rate == 0.3


def test_options_change_the_layers_that_they_name() -> None:
    network = architectures.build("three_conv", dense=(128, 64), dropout=0.25)
    names = [layer.name for layer in network.layers]
    assert names[-4:] == ["dense_1", "dropout", "dense_2", "probability"]
    assert network.get_layer("dense_2").units == 64
    assert network.get_layer("dropout").rate == 0.25


@pytest.mark.parametrize("name", EVERY)
def test_the_arithmetic_of_a_film_is_as_stated(name: str) -> None:
    flop, first = 0, True
    for layer in architectures.build(name).layers:
        if "kernel" not in [weight.name for weight in layer.weights]:
            continue
        places = int(np.prod(layer.output.shape[1:-1]))  # 1 of a dense layer
        # Forward, and back to the weights and to the input, except to the film itself.
        flop += 2 * places * layer.kernel.shape.num_elements() * (2 if first else 3)
        first = False
    assert round(flop / 1e6, 1) == architectures.find(name).mega_flop


@pytest.mark.parametrize("name", EVERY)
def test_every_network_gives_a_probability_for_each_film(name: str) -> None:
    films = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 1)).astype(np.uint8)
    probabilities = architectures.build(name)(films).numpy()
    assert probabilities.shape == (2, 1)
    assert ((probabilities > 0) & (probabilities < 1)).all()


@pytest.mark.parametrize("name", EVERY)
def test_the_smallest_size_builds_and_one_below_is_refused(name: str) -> None:
    smallest = architectures.ARCHITECTURES[name].smallest
    assert architectures.build(name, smallest).output_shape == (None, 1)
    with pytest.raises(ConfigError, match=f"size for {name} must be from {smallest}"):
        architectures.build(name, smallest - 1)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="one_conv, three_conv, five_conv, all_conv"):
        architectures.build("vgg")


def test_an_unknown_option_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="does not know 'depth'"):
        architectures.build("one_conv", depth=3)


def test_a_file_that_cannot_hold_weights_is_refused_without_loading_it(tmp_path) -> None:
    whole = tmp_path / "whole.weights.h5"
    whole.write_bytes(b"\x89HDF\r\n\x1a\nand more")
    network_weights.check_weights_file(whole)
    for content in (b"", b"PK\x03\x04", b"\x89HDF"):
        (tmp_path / "other.h5").write_bytes(content)
        with pytest.raises(ModelError, match=r"other\.h5 holds no weights"):
            network_weights.check_weights_file(tmp_path / "other.h5")
    for path in (tmp_path / "nowhere.h5", tmp_path, Path("a\0b")):
        with pytest.raises(ModelError, match="cannot be read"):
            network_weights.check_weights_file(path)
