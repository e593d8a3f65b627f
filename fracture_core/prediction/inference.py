"""Inference: the Predictor takes films and returns probabilities and the study's verdict.

It predicts fixed blocks of 4 films, the last one padded, so that a film's probability does not
depend on the number of films in its study, and page and command line agree to the last bit. A film
that the gate doubts is predicted too, but counts in the verdict only if a person includes it.
"""

import os
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

from fracture_core.config.limits import LIMITS
from fracture_core.epochs import epoch_weights
from fracture_core.errors import FilmError, FractureError, ModelError
from fracture_core.films import burnt_in_text, film_checks, images
from fracture_core.films.eraser import erase, share
from fracture_core.models import model_files
from fracture_core.models.model import Model
from fracture_core.networks import architectures, network_weights
from fracture_core.prediction import gate_features, gate_file
from fracture_core.prediction.study_prediction import FilmInput, FilmPrediction, StudyPrediction
from fracture_core.runs import run_folders
from fracture_core.study_sorting import study_paths

READERS = 8  # films decoded at once, at most: each may take a few hundred MB
BLOCK = 4  # films; three of four studies have no more, and padding costs as much as films


class Predictor:
    """A network ready to predict films and studies.

    Args:
        model: card and weights; see `stored_models.find`.

    Raises:
        ModelError: the weights do not fit the architecture that the card names.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.recipe = model.card.recipe
        self.network = _network(model)
        self._features = gate_features.with_features(self.network)
        size = self.recipe.size
        signature = [tf.TensorSpec((BLOCK, size, size), tf.uint8)]

        def predict(films: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return self._features(tf.cast(films, tf.float32)[..., None])

        # Without autograph: there are no branches to rewrite.
        self._predict = tf.function(predict, input_signature=signature, autograph=False)
        maps = sum(layer.output.shape[-1] for layer in architectures.blocks(self.network))
        self.gate = gate_file.read(model.gate, maps) if model.gate else None
        self._readers = ThreadPoolExecutor(min(os.cpu_count() or 1, READERS))

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """Return the probability of a positive label.

        Args:
            pixels: uint8 (n, size, size), 0 to 255, as the card's recipe makes them.

        Returns:
            float32 (n,), 0 to 1.
        """
        return self.predict(pixels)[0]

    def predict(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the probability of a positive label, and the features for the gate.

        Args:
            pixels: uint8 (n, size, size), 0 to 255, as the card's recipe makes them.

        Returns:
            float32 (n,), 0 to 1; and float32 (n, d), see `gate_features.with_features`.
        """
        blocks = range(0, max(1, len(pixels)), BLOCK)  # at least one block, which determines d
        parts = [self._block(pixels[start : start + BLOCK]) for start in blocks]
        probabilities, features = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return probabilities, features

    def _block(self, films: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        block = np.zeros((BLOCK, *films.shape[1:]), np.uint8)
        block[: len(films)] = films
        probabilities, features = self._predict(block)
        return probabilities.numpy()[: len(films)], features.numpy()[: len(films)]

    def predict_study(
        self, study: str, films: Sequence[FilmInput], count_doubted: bool = False
    ) -> StudyPrediction:
        """Predict the films of one study; an unreadable one is refused alone.

        Args:
            study: its name.
            films: at most `LIMITS.upload_files` are used, the rest refused.
            count_doubted: whether films that the gate doubts count in the verdict.
        """
        most = LIMITS.upload_files
        read = list(self._readers.map(self._read, films[:most]))
        refused = [(one.name, one.reason) for one in read if isinstance(one, FilmError)]
        refused += [(film.name, f"is beyond {most} films per study.") for film in films[most:]]
        predicted = self._predictions([one for one in read if not isinstance(one, FilmError)])
        prediction = StudyPrediction(study=study, films=predicted, refused=tuple(refused))
        return prediction.counting([film.name for film in predicted] if count_doubted else ())

    def _read(self, film: FilmInput) -> tuple[dict[str, Any], np.ndarray] | FilmError:
        """Return a film's facts without the network, and its pixels; or the error of reading it."""
        try:
            reading = images.read(film.source, film.name, self.recipe.missing_rows_percent)
            whole = as_changed(reading.image, film)
            facts = _facts(film, whole, self.recipe.size) | {"notes": reading.notes}
            return facts, images.to_pixels(whole, self.recipe)
        except FilmError as error:
            return error

    def _predictions(
        self, read: list[tuple[dict[str, Any], np.ndarray]]
    ) -> tuple[FilmPrediction, ...]:
        """Return the predictions of these films, with the gate's checks."""
        if not read:
            return ()
        facts, pixels = zip(*read, strict=True)
        probabilities, features = self.predict(np.stack(pixels))
        distances = self.gate.distances(features) if self.gate else np.zeros(len(facts))
        checks = [
            (*some["checks"], *([self.gate.check(float(distance))] if self.gate else []))
            for some, distance in zip(facts, distances, strict=True)
        ]
        doubted = [any(check.doubt for check in some) for some in checks]
        return tuple(
            FilmPrediction(
                **facts[n] | {"checks": checks[n]},
                probability=float(probabilities[n]),
                pixels=pixels[n],
                nearest=self.gate.nearest(features[n]) if self.gate and doubted[n] else (),
            )
            for n in range(len(facts))
        )


def _network(model: Model) -> keras.Model:
    """Return the model's network with its weights; of an ensemble, those of all members."""
    card, size = model.card, model.card.recipe.size
    if not card.members:
        network = architectures.build(card.architecture, size, **card.options.to_dict())
        _load(network, model)
        return network
    members = []
    for number, member in enumerate(card.members, 1):
        network = architectures.build(member.architecture, size, **member.options.to_dict())
        _load(network, model, model_files.member_group(number))
        members.append(network)
    return architectures.ensemble(members)


def _load(network: keras.Model, model: Model, group: str | None = None) -> None:
    """Load a network's weights, which must be finite: a NaN would not show behind a ReLU."""
    network_weights.load_weights(network, model.weights, group)
    if not all(np.isfinite(values).all() for values in network.get_weights()):
        raise ModelError(
            f"The weights of {model.card.name} must be finite numbers; some are not. Choose "
            "another model or epoch."
        )


def _facts(film: FilmInput, whole: Image.Image, size: int) -> dict[str, Any]:
    """Return the fields of a `FilmPrediction` that need no network.

    A checksum takes a quarter of the time of a hash, and there is no attacker to guard against.
    """
    width, height = whole.size
    return {
        "name": film.name,
        "inverted": film.inverted,
        "erased_share": share(whole.size, film.erased),
        "checks": film_checks.check(whole, film_checks.colour(film.source), size),
        "text_lines": len(burnt_in_text.lines(whole)),
        "frames": images.frames(film.source, film.name),
        "checksum": f"{width} x {height}: {zlib.crc32(whole.tobytes()):08x}",
    }


def as_changed(whole: Image.Image, film: FilmInput) -> Image.Image:
    """Return a decoded film for prediction: inverted if requested, without its erased areas."""
    return erase(ImageOps.invert(whole) if film.inverted else whole, film.erased)


def through_epochs(model: Model, pixels: np.ndarray) -> tuple[tuple[int, ...], np.ndarray]:
    """Return a run's predictions of some films at every epoch whose weights are kept.

    Args:
        model: of a run; see `stored_models.find`.
        pixels: uint8 (n, size, size), as the card's recipe makes them.

    Returns:
        The epochs in order, and float32 (epochs, n) probabilities. One network is built, and loads
        the weights of one epoch after the other.

    Raises:
        ModelError: the model is a released one.
    """
    if not model.run:
        raise ModelError(f"{model.reference} is a released model and has one epoch. Pick a run.")
    folder = run_folders.find(model.run) / "checkpoints"
    predictor = Predictor(model)
    epochs: list[int] = []
    rows: list[np.ndarray] = []
    for epoch in epoch_weights.kept(folder):
        try:
            weights = epoch_weights.find(folder, epoch)
            network_weights.load_weights(predictor.network, weights)
        except FractureError:  # deleted since it was listed, or damaged
            continue
        epochs.append(epoch)
        rows.append(predictor.probabilities(pixels))
    return tuple(epochs), np.stack(rows) if rows else np.empty((0, len(pixels)), np.float32)


def studies_of(paths: Sequence[Path]) -> list[tuple[str, list[FilmInput]]]:
    """Return the studies at these paths, ready for prediction; see `study_paths.read`.

    Returns:
        (name, films) of each study.

    Raises:
        ModelError: a path does not exist or cannot be read, or a folder holds no file.
    """
    return films_of(study_paths.read(paths))


def films_of(paths: study_paths.SortedPaths) -> list[tuple[str, list[FilmInput]]]:
    """Return (name, films) of each study, ready for prediction."""
    return [
        (study.name, [FilmInput(name=name, source=source) for name, source in study.films])
        for study in paths.studies
    ]
