"""A model in other programs' formats: its network in plain layers, beside its card.

Each format gives the probabilities that the model gives here, up to the last bits of sums. What a
number needs beside the network is in the card: the pixel recipe, the threshold, the OR rule.
"""

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fracture_core import checksums
from fracture_core.errors import ModelError
from fracture_core.files import make_folder, temporary, writing
from fracture_core.models import model_files
from fracture_core.models.model import Model
from fracture_core.words import short

if TYPE_CHECKING:
    import keras

CARD = "card.json"
EXTRAS = {"onnx": ("tf2onnx", "onnx")}  # packages that a format needs, which few have


def write(model: Model, to: str, out: Path) -> Path:
    """Write a folder with a model's network in another format and its card; return the folder.

    Args:
        model: run, epoch or released model, see `stored_models.find`.
        to: a key of `FORMATS`.
        out: the new folder.

    Raises:
        ModelError: the format is unknown, its extra is missing, the folder exists, or the model's
            weights cannot be used.
        WriteFailed: no space or no permission.
    """
    if to not in FORMATS:
        raise ModelError(f"No format is called {short(to)!r}. Formats: {', '.join(FORMATS)}.")
    if missing := [name for name in EXTRAS.get(to, ()) if not importlib.util.find_spec(name)]:
        raise ModelError(
            f"The format {to} needs {' and '.join(missing)}, not installed here. Install: pip "
            "install -r requirements-onnx.txt"
        )
    if out.exists():
        raise ModelError(f"{out} exists. Name a new folder.")
    make_folder(out.parent)
    draft = temporary(out)
    try:
        make_folder(draft)
        with writing(out):
            FORMATS[to](model, draft)
            (draft / CARD).write_bytes(checksums.json_with_own(model.card.to_dict()))
            draft.rename(out)  # appears whole or not at all
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return out


def plain(network: "keras.Model") -> "keras.Model":
    """Return a network of Keras' own layers alone, with the same weights.

    Args:
        network: of `architectures.build`, or an ensemble; the layers of this package differ from
            Keras' in speed only.

    Returns:
        A model of float32 (n, size, size, 1), 0 to 255, to (n, 1), 0 to 1.
    """
    import keras

    from fracture_core.networks import layers

    own = {
        layers.Conv2D: keras.layers.Conv2D,
        layers.BatchNormalization: keras.layers.BatchNormalization,
    }

    def clone(layer: Any) -> Any:
        if isinstance(layer, keras.Model):
            return plain(layer)
        kind = own.get(type(layer), type(layer))
        return kind.from_config(layer.get_config())

    made = keras.models.clone_model(network, clone_function=clone)
    made.set_weights(network.get_weights())
    return made


def _network(model: Model) -> "keras.Model":
    from fracture_core.prediction.inference import Predictor

    return plain(Predictor(model).network)


def _weights(model: Model, folder: Path) -> None:
    (folder / "model.weights.h5").write_bytes(model_files.weights_content(model))


def _keras(model: Model, folder: Path) -> None:
    for _, options in model.card.networks:
        if options.own:
            raise ModelError(
                f"A .keras file names the layers of {options.own.file}, and no other program has "
                "them. Export saved-model, litert or onnx, which hold their arithmetic, or weights."
            )
    _network(model).save(folder / "model.keras")


def _saved_model(model: Model, folder: Path) -> None:
    _network(model).export(folder / "saved_model", format="tf_saved_model", verbose=False)


def _onnx(model: Model, folder: Path) -> None:
    import numpy as np

    network = _network(model)
    network(np.zeros((1, *network.input_shape[1:]), np.float32))  # Keras refuses one never called
    network.export(folder / "model.onnx", format="onnx", verbose=False)


def _litert(model: Model, folder: Path) -> None:
    _network(model).export(folder / "model.tflite", format="litert", verbose=False)


# By name: writes the files of a model into a folder.
FORMATS: dict[str, Callable[[Model, Path], None]] = {
    "keras": _keras,
    "weights": _weights,
    "saved-model": _saved_model,
    "litert": _litert,
    "onnx": _onnx,
}
