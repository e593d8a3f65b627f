"""Weights of any fitted Keras model, in every format that Keras has written."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

from fracture_core.errors import ConfigError, ModelError
from fracture_core.folders import PROJECT
from fracture_core.networks import architectures, network_weights, weights_file


@pytest.fixture(scope="module")
def fitted() -> keras.Model:
    """A network that a user has compiled with metrics, and trained."""
    model = architectures.build("three_conv")
    model.compile("adam", "binary_crossentropy", metrics=["accuracy", "auc"])
    films = np.random.default_rng(0).integers(0, 255, (8, 32, 32, 1))
    model.fit(films, np.arange(8) % 2, epochs=1, verbose=0)
    return model


def weights_of_keras_2(model: keras.Model, path: Path) -> None:
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


def whole_of_keras_2(model: keras.Model, path: Path) -> None:
    """As `model.save` of Keras 2: weights, optimizer, description."""
    legacy_h5_format.save_model_to_hdf5(model, str(path))


def archive(model: keras.Model, path: Path) -> None:
    model.save(path.with_suffix(".keras"))
    path.with_suffix(".keras").rename(path)


def weights_of_keras_3(model: keras.Model, path: Path) -> None:
    saved = path.with_name("saved.weights.h5")
    model.save_weights(saved)
    saved.rename(path)


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("mine.weights.h5", weights_of_keras_3),
        ("mine.H5", weights_of_keras_3),
        ("mine.hdf5", weights_of_keras_3),
        ("mine.h5", weights_of_keras_2),
        ("mine.weights.h5", weights_of_keras_2),
        ("mine.HDF5", whole_of_keras_2),
        ("mine.keras", archive),
    ],
)
def test_weights_of_a_fitted_model_are_taken(fitted, tmp_path, name, save) -> None:
    path = tmp_path / name
    save(fitted, path)
    network_weights.check_weights_fit(path, "three_conv")
    network = architectures.build("three_conv")
    network_weights.load_weights(network, path)
    pairs = zip(network.get_weights(), fitted.get_weights(), strict=True)
    assert all(np.array_equal(*pair) for pair in pairs)
    with pytest.raises(ModelError, match=r"holds 166,913 parameters; five_conv has 97,409"):
        network_weights.check_weights_fit(path, "five_conv")
    with pytest.raises(ModelError, match="must hold the weights of five_conv"):
        network_weights.load_weights(architectures.build("five_conv"), path)


def test_an_archive_without_weights_and_what_is_none_are_refused(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as packed:
        packed.writestr("config.json", "{}")
    (tmp_path / "b.h5").write_bytes(b"text")
    for name in ("a.keras", "b.h5"):
        with pytest.raises(ModelError, match=rf"{name} holds no weights"):
            network_weights.check_weights_file(tmp_path / name)


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(tmp_path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("model.weights.h5", bytes(10_000))
    (tmp_path / "a.keras").write_bytes(content.getvalue())
    with pytest.raises(ValueError, match="at most"):
        weights_file.opened(tmp_path / "a.keras", 1_000)


def test_no_link_and_no_array_of_another_file_is_followed(fitted, tmp_path) -> None:
    path, other = tmp_path / "mine.h5", tmp_path / "other.h5"
    weights_of_keras_2(fitted, path)
    weights_of_keras_2(fitted, other)
    with h5py.File(path, "a") as file:
        del file["conv_1"]["conv_1"]
        file["conv_1"]["conv_1"] = h5py.ExternalLink(str(other), "/conv_1/conv_1")
    with pytest.raises(ModelError, match="must hold the weights"):
        network_weights.load_weights(architectures.build("three_conv"), path)


SETTINGS = """
import fracture_core, keras, os
from fracture_core.networks import architectures
network = architectures.build("one_conv")
print(keras.config.backend(), keras.config.floatx(), {weight.dtype for weight in network.weights})
"""


@pytest.mark.slow
def test_settings_of_keras_on_this_machine_change_nothing(tmp_path) -> None:
    home = tmp_path / ".keras"
    home.mkdir()
    (home / "keras.json").write_text(
        '{"backend": "jax", "image_data_format": "channels_first", "floatx": "float16"}'
    )
    variables = {"HOME": str(tmp_path), "KERAS_HOME": str(home), "KERAS_BACKEND": "torch"}
    printed = subprocess.run(
        [sys.executable, "-c", SETTINGS],
        cwd=PROJECT,
        env={"PATH": "/usr/bin:/bin", **variables, "KERAS_MAX_EPOCHS": "x"},
        capture_output=True,
        text=True,
    )
    assert printed.stdout == "tensorflow float32 {'float32'}\n", printed.stderr


def test_a_keras_that_was_set_otherwise_in_this_process_is_refused() -> None:
    keras.config.set_floatx("float16")
    try:
        with pytest.raises(ConfigError, match="Import fracture_core before keras"):
            architectures.build("one_conv")
    finally:
        keras.config.set_floatx("float32")
