"""Predictions, heat maps and test-time augmentation of films, kept per browser session."""

import importlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from fracture_core.config.limits import LIMITS
from fracture_core.films.eraser import Stroke
from fracture_core.prediction.study_prediction import FilmInput, StudyPrediction
from ui.cache import film_cache, model_cache
from ui.components.film_viewer import StrokesByFilm
from ui.shared.pictures import Source
from ui.shell import turns

if TYPE_CHECKING:  # only Diagnose may load TensorFlow, see `warm_up`
    from fracture_core.prediction.inference import Predictor

FILMS_AT_ONCE = 4  # predicted between two progress updates, as many as the Predictor takes


@st.cache_resource(show_spinner=False)
def warm_up() -> Future[ModuleType]:
    """Import the Predictor and TensorFlow in a thread, once per server; only for Diagnose."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # its notes on the processor fill the log
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # runs share the GPU with the page
    return ThreadPoolExecutor(1).submit(
        importlib.import_module, "fracture_core.prediction.inference"
    )


_predicting = threading.Lock()  # one network serves all sessions, one study at a time


@st.cache_resource(max_entries=2, show_spinner=False)
def _predictor(reference: str, stamp: tuple[int, ...]) -> "Predictor":
    from fracture_core.prediction.inference import Predictor

    return Predictor(model_cache.read_model(reference, stamp))


def predict(
    reference: str,
    films: tuple[tuple[str, str], ...],
    sources: tuple[Source, ...],
    erased: StrokesByFilm | None = None,
    inverted: tuple[str, ...] = (),
    report: Callable[[int], None] | None = None,
) -> StudyPrediction:
    """Predict some films; the result is kept only for this browser session.

    They are predicted and cached in blocks, so that progress can be shown, and a changed film
    costs its block alone. No film's probability depends on its block.

    Args:
        reference: see `model`.
        films: (name, key) of each; the key identifies its content.
        sources: their content, read only when nothing is cached.
        erased: name of a film -> strokes of the eraser on it.
        inverted: names of films whose black and white are exchanged.
        report: called before each block with the number of films predicted so far.
    """
    most = LIMITS.upload_files
    films, beyond = films[:most], films[most:]
    turned = tuple(name in inverted for name, _ in films)
    strokes = tuple(tuple((erased or {}).get(name, ())) for name, _ in films)
    blocks, stamp = [], model_cache.stamp(reference)
    for first in range(0, max(1, len(films)), FILMS_AT_ONCE):
        if report:
            report(first)
        part = slice(first, first + FILMS_AT_ONCE)
        block = films[part], strokes[part], turned[part]
        blocks.append(_predicted(reference, stamp, *block, _sources=sources[part]))
    refused = [refusal for block in blocks for refusal in block.refused]
    refused += [(name, f"is beyond {most} films per study.") for name, _ in beyond]
    predicted = tuple(film for block in blocks for film in block.films)
    return replace(blocks[0], films=predicted, refused=tuple(refused))


@st.cache_data(scope="session", max_entries=LIMITS.upload_files, show_spinner=False)
def _predicted(
    reference: str,
    stamp: tuple[int, ...],
    films: tuple[tuple[str, str], ...],
    erased: tuple[tuple[Stroke, ...], ...],
    inverted: tuple[bool, ...],
    _sources: tuple[Source, ...],
) -> StudyPrediction:
    with turns.pause(), _predicting:
        inputs = [
            FilmInput(name=name, source=source, erased=strokes, inverted=turned)
            for (name, _), source, strokes, turned in zip(
                films, _sources, erased, inverted, strict=True
            )
        ]
        return _predictor(reference, stamp).predict_study("", inputs)


@dataclass(frozen=True, kw_only=True)
class Maps:
    """A film's heat maps, by method: "grad_cam" and "occlusion"; of an ensemble the latter alone.

    Args:
        over_film: float32 (h, w) in the film's shape, see `heat_maps.overlay`.
        cell: (width, height) of a map's cell in the film's px.
    """

    over_film: dict[str, np.ndarray]
    cell: dict[str, tuple[float, float]]


def maps(reference: str, pixels: np.ndarray, film: tuple[int, int]) -> Maps:
    """Return the heat maps of a film, kept for this browser session.

    Args:
        reference: see `model`.
        pixels: the network's input, uint8 (size, size).
        film: the film's (width, height) in px.
    """
    return _maps(reference, model_cache.stamp(reference), pixels, film)


@st.cache_data(
    scope="session", max_entries=LIMITS.upload_files, show_spinner="Computing heat maps…"
)
def _maps(
    reference: str, stamp: tuple[int, ...], pixels: np.ndarray, film: tuple[int, int]
) -> Maps:
    from fracture_core.explanations import heat_maps

    with turns.pause(), _predicting:
        predictor = _predictor(reference, stamp)
        methods = heat_maps.methods(predictor).items()
        heats = {name: method(predictor, pixels) for name, method in methods}
    recipe = predictor.recipe
    return Maps(
        over_film={name: heat_maps.overlay(heat, film, recipe) for name, heat in heats.items()},
        cell={name: heat_maps.on_film(heat, film, recipe).cell for name, heat in heats.items()},
    )


def spread(reference: str, pixels: np.ndarray) -> tuple[float, float]:
    """Return a film's lowest and highest probability under flips and small rotations, see `tta`."""
    return _spread(reference, model_cache.stamp(reference), pixels)


@st.cache_data(scope="session", max_entries=4 * LIMITS.upload_files, show_spinner=False)
def _spread(reference: str, stamp: tuple[int, ...], pixels: np.ndarray) -> tuple[float, float]:
    from fracture_core.explanations import tta

    with turns.pause(), _predicting:
        result = tta.spread(_predictor(reference, stamp), pixels)
    return result.low, result.high


def through_epochs(reference: str, pixels: np.ndarray) -> tuple[tuple[int, ...], np.ndarray]:
    """Return a run's probabilities of some films at every kept epoch.

    Args:
        reference: see `model`.
        pixels: the network's input, uint8 (n, size, size).

    Returns:
        The epochs and float32 (epochs, n), see `inference.through_epochs`.
    """
    return _through_epochs(reference, model_cache.stamp(reference), pixels)


@st.cache_data(scope="session", max_entries=8, show_spinner="Predicting at every kept epoch…")
def _through_epochs(
    reference: str, stamp: tuple[int, ...], pixels: np.ndarray
) -> tuple[tuple[int, ...], np.ndarray]:
    from fracture_core.prediction import inference

    with turns.pause(), _predicting:
        return inference.through_epochs(model_cache.read_model(reference, stamp), pixels)


def forget_uploads() -> None:
    """Clear everything that this browser session has cached of films."""
    for cache in (
        film_cache.sorted_uploads,
        film_cache.picture,
        _predicted,
        _maps,
        _spread,
        _through_epochs,
    ):
        cache.clear()
