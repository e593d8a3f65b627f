"""A model in other programs' formats: the same verdicts there as here."""

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fracture_core.cli import command_line
from fracture_core.errors import ModelError
from fracture_core.exports import model_formats
from fracture_core.films import images
from fracture_core.folders import PROJECT
from fracture_core.models import released_models
from fracture_core.models.model import Model
from fracture_core.prediction.inference import Predictor

MODEL = "starter-five-conv"
FILMS = 200
CLOSE = 1e-5  # between probabilities: sums in another order


@pytest.fixture(scope="module")
def model() -> Model:
    return released_models.read(PROJECT / "models" / MODEL)


@pytest.fixture(scope="module")
def pixels(model: Model, phantom_root: Path) -> np.ndarray:
    """Two hundred films, uint8 (n, size, size): those of the phantom, turned and brightened too."""
    paths = sorted(phantom_root.rglob("*.png"))
    own = np.stack([images.to_pixels(images.decode(path), model.card.recipe) for path in paths])
    turned = [own, own[:, :, ::-1], own[:, ::-1], np.minimum(own, 200) + 40, own // 2, 255 - own]
    made = np.concatenate(turned)[:FILMS].astype(np.uint8)
    assert len(made) == FILMS
    return made


def as_keras(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    import keras

    network = keras.saving.load_model(folder / "model.keras")
    assert {type(each).__module__.split(".")[0] for each in network.layers} == {"keras"}
    return lambda films: network.predict(films, verbose=0)


def as_weights(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    from fracture_core.networks import architectures

    card = json.loads((folder / "card.json").read_text())
    network = architectures.build(card["architecture"], card["recipe"]["size"], **card["options"])
    plain = model_formats.plain(network)
    plain.load_weights(folder / "model.weights.h5")
    return lambda films: plain.predict(films, verbose=0)


def as_saved_model(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    import tensorflow as tf

    served = tf.saved_model.load(str(folder / "saved_model"))
    return lambda films: served.serve(tf.constant(films)).numpy()


def as_litert(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    from ai_edge_litert.interpreter import Interpreter

    network = Interpreter(model_path=str(folder / "model.tflite"))
    (source,), (target,) = network.get_input_details(), network.get_output_details()

    def predict(films: np.ndarray) -> np.ndarray:
        network.resize_tensor_input(source["index"], films.shape)
        network.allocate_tensors()
        network.set_tensor(source["index"], films)
        network.invoke()
        return np.asarray(network.get_tensor(target["index"]))

    return predict


def as_onnx(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    import onnxruntime

    network = onnxruntime.InferenceSession(folder / "model.onnx")
    (source,) = network.get_inputs()
    return lambda films: np.asarray(network.run(None, {source.name: films})[0])


READERS = {
    "keras": as_keras,
    "weights": as_weights,
    "saved-model": as_saved_model,
    "litert": as_litert,
    "onnx": as_onnx,
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning:keras.src.export.tf2onnx_lib")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the converters
@pytest.mark.parametrize("to", model_formats.FORMATS)
def test_every_format_gives_the_same_verdicts(
    model: Model, pixels: np.ndarray, tmp_path: Path, to: str
) -> None:
    folder = model_formats.write(model, to, tmp_path / "out")
    there = READERS[to](folder)(pixels.astype(np.float32)[..., None])[:, 0]
    here = Predictor(model).probabilities(pixels)
    assert np.abs(there - here).max() < CLOSE
    threshold = model.card.threshold
    assert ((there > threshold) == (here > threshold)).all()
    assert len(set(here > threshold)) == 2
    assert json.loads((folder / "card.json").read_text())["threshold"] == threshold


def test_an_ensemble_is_one_network_of_plain_layers(model: Model, pixels: np.ndarray) -> None:
    from fracture_core.networks import architectures

    members = [architectures.build("three_conv", 32), architectures.build("all_conv", 32)]
    network = architectures.ensemble(members)
    films = pixels[:8].astype(np.float32)[..., None]
    plain = model_formats.plain(network).predict(films, verbose=0)
    assert np.abs(plain - network.predict(films, verbose=0)).max() < CLOSE


def test_what_cannot_be_exported_leaves_nothing(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match="No format is called 'torch'"):
        model_formats.write(model, "torch", tmp_path / "out")
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tf2onnx" else real(name)
    )
    with pytest.raises(ModelError, match=r"needs tf2onnx.*pip install -r requirements-onnx.txt"):
        model_formats.write(model, "onnx", tmp_path / "out")
    with pytest.raises(ModelError, match="Name a new folder"):
        model_formats.write(model, "weights", tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_command_names_its_files_and_their_use(
    folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(PROJECT / "models" / MODEL, folders / "models" / MODEL)
    out = tmp_path / "out"
    assert command_line.main(["export", MODEL, str(out), "--to", "weights"]) == 0
    text = capsys.readouterr().out
    assert f"{out}/model.weights.h5" in text and "32 x 32 px, 0 to 255" in text
    assert command_line.main(["export", MODEL, str(out), "--to", "weights"]) == 2
