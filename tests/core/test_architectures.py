"""The three networks of the report, and their variants."""

from pathlib import Path

import numpy as np
import pytest

from fracture_core import architectures
from fracture_core.errors import ConfigError, ModelError

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


def test_options_change_the_layers_that_they_name() -> None:
    network = architectures.build("three_conv", dense=(128, 64), dropout=0.25)
    names = [layer.name for layer in network.layers]
    assert names[-4:] == ["dense_1", "dropout", "dense_2", "probability"]
    assert network.get_layer("dense_2").units == 64
    assert network.get_layer("dropout").rate == 0.25


@pytest.mark.parametrize("name", architectures.ARCHITECTURES)
def test_every_network_gives_a_probability_for_each_film(name: str) -> None:
    films = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 1)).astype(np.uint8)
    probabilities = architectures.build(name)(films).numpy()
    assert probabilities.shape == (2, 1)
    assert ((probabilities > 0) & (probabilities < 1)).all()


@pytest.mark.parametrize("name", architectures.ARCHITECTURES)
def test_the_smallest_size_builds_and_one_below_is_refused(name: str) -> None:
    smallest = architectures.ARCHITECTURES[name].smallest
    assert architectures.build(name, smallest).output_shape == (None, 1)
    with pytest.raises(ConfigError, match=f"size for {name} must be from {smallest}"):
        architectures.build(name, smallest - 1)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="one_conv, three_conv, five_conv"):
        architectures.build("resnet")


def test_an_unknown_option_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="does not know 'depth'"):
        architectures.build("one_conv", depth=3)


def test_a_file_that_cannot_hold_weights_is_refused_without_loading_it(tmp_path) -> None:
    whole = tmp_path / "whole.weights.h5"
    whole.write_bytes(b"\x89HDF\r\n\x1a\nand more")
    architectures.check_weights_file(whole)
    for content in (b"", b"PK\x03\x04", b"\x89HDF"):
        (tmp_path / "other.h5").write_bytes(content)
        with pytest.raises(ModelError, match=r"other\.h5 holds no weights"):
            architectures.check_weights_file(tmp_path / "other.h5")
    for path in (tmp_path / "nowhere.h5", tmp_path, Path("a\0b")):
        with pytest.raises(ModelError, match="cannot be read"):
            architectures.check_weights_file(path)
