"""A study read with a model: its prediction, as altered by hand, for all parts of the page."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from fracture_core.models.model import Model
from fracture_core.prediction.study_prediction import FilmPrediction, StudyPrediction
from fracture_core.words import duration
from ui.components import film_viewer
from ui.components.film_viewer import StrokesByFilm
from ui.diagnose import prediction_cache
from ui.diagnose.intake import StudyInput
from ui.shell import state

UNNOTICED = 0.4  # s; longer predictions show their progress
Progress = Callable[[float, str, str], None]  # share of the films done, in words, time left


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A study read with a model at a threshold.

    Args:
        study: its films.
        reference: of the model, as picked.
        model: the model itself.
        threshold: a film is positive when its probability is greater.
        whole: the prediction of the whole films.
        prediction: that without the erased regions; `whole` itself if nothing was erased.
        erased: strokes of the eraser.
        inverted: names of the films predicted with inverted greys.
    """

    study: StudyInput
    reference: str
    model: Model
    threshold: float
    whole: StudyPrediction
    prediction: StudyPrediction
    erased: StrokesByFilm
    inverted: tuple[str, ...]

    @property
    def counted(self) -> list[FilmPrediction]:
        """The films that count in the verdict."""
        return [film for film in self.prediction.films if film.counted]

    @property
    def verdict(self) -> bool | None:
        """The verdict at the threshold: `True` is a fracture, `None` where no film counts."""
        return self.prediction.verdict(self.threshold)


def read(
    studies: Sequence[StudyInput],
    reference: str,
    model: Model,
    threshold: float,
    progress: Progress | None = None,
) -> list[Reading]:
    """Predict some studies; show progress if that takes long.

    Films are erased and inverted, and doubted ones counted, as the person has chosen.

    Args:
        studies: their films.
        reference: of the model, as picked.
        model: the model itself.
        threshold: a film is positive when its probability is greater.
        progress: shows the share of the films that are done, in words, and the time left.
    """
    total = sum(len(study.films) for study in studies)
    report = _reporter(total, progress) if progress else lambda _: None
    readings, before = [], 0
    for study in studies:
        erased, inverted = film_viewer.strokes_of(study.viewer_key), _ticked(state.INVERTED, study)
        whole = _prediction(study, reference, {}, inverted, partial(_after, report, before))
        without = _prediction(study, reference, erased, inverted) if erased else whole
        readings.append(
            Reading(
                study=study,
                reference=reference,
                model=model,
                threshold=threshold,
                whole=whole,
                prediction=without,
                erased=erased,
                inverted=inverted,
            )
        )
        before += len(study.films)
    return readings


def _after(report: Callable[[int], None], before: int, films: int) -> None:
    """Report the films of one study that are done, after those of the studies before it."""
    report(before + films)


def _reporter(total: int, progress: Progress) -> Callable[[int], None]:
    """A function that shows how many of `total` films are done, once that takes long."""
    began = time.monotonic()

    def report(done: int) -> None:
        if (passed := time.monotonic() - began) < UNNOTICED:
            return
        left = f"{duration(passed / done * (total - done))} left" if done else "Just begun"
        progress(done / max(1, total), f"Reading films: {done:,} of {total:,}", left)

    return report


def _prediction(
    study: StudyInput,
    reference: str,
    erased: StrokesByFilm,
    inverted: tuple[str, ...],
    report: Callable[[int], None] | None = None,
) -> StudyPrediction:
    """The prediction of a study, in which doubted films count as the person has ticked."""
    prediction = prediction_cache.predict(
        reference, study.films, study.sources, erased, inverted, report
    )
    return prediction.counting(_ticked(state.COUNTED, study))


def _ticked(choice: str, study: StudyInput) -> tuple[str, ...]:
    """The names of the films ticked in a choice of `doubts`."""
    return tuple(st.session_state.get(f"{choice}-{study.viewer_key}") or ())
