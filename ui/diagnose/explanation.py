"""Explanations of a prediction: heat maps over the films, and the films through the epochs."""

import io

import numpy as np
import streamlit as st
from PIL import Image

from fracture_core.models.model import Model
from fracture_core.reports.study_record import OCCLUSION_FULL
from fracture_core.verdicts import aggregation
from fracture_core.words import plural
from ui.diagnose import prediction_cache, verdict_charts
from ui.diagnose.reading import Reading
from ui.shared import plots, theme
from ui.shell import state

NAMES = {"grad_cam": "Grad-CAM", "occlusion": "Occlusion"}
MOST_OPAQUE = 235  # of 255: a film shows through the strongest cell


def ask(model: Model) -> None:
    """Draw the switches, in a row that is open."""
    st.toggle(
        "Heat maps",
        key=state.WHY,
        bind="query-params",
        help="Shows which places of a film raise the score.",
    )
    if model.is_run:
        st.toggle(
            "Through the epochs",
            key=state.THROUGH,
            bind="query-params",
            help="Scores of the same films at every kept epoch of this run.",
        )


def is_on(switch: str) -> bool:
    """Return True if a switch is on: `state.WHY` or `state.THROUGH`."""
    return bool(st.session_state.get(switch))


def pictures(maps: "prediction_cache.Maps") -> dict[str, bytes]:
    """Return a film's maps for the viewer: name -> PNG with transparency, over the whole film."""
    return {
        NAMES[method]: _png(values, OCCLUSION_FULL if method == "occlusion" else 0.0)
        for method, values in maps.over_film.items()
    }


def _png(values: np.ndarray, full: float) -> bytes:
    """Colour a map: orange for a fracture, blue against it, more opaque for greater values.

    Args:
        values: float32 (h, w).
        full: the lowest value with full colour, if no value is greater.
    """
    shade = np.abs(values) / (max(full, float(np.abs(values).max())) or 1.0)
    colours = [_rgb(theme.on_film(positive)) for positive in (False, True)]
    pixels = np.empty((*values.shape, 4), np.uint8)
    pixels[..., :3] = np.where((values > 0)[..., None], colours[1], colours[0])
    pixels[..., 3] = np.rint(MOST_OPAQUE * shade)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


def explain(maps: dict[str, "prediction_cache.Maps"]) -> None:
    """Explain the colours of the maps; their resolution on request."""
    if not maps:
        return
    st.markdown(
        "Orange: evidence for a fracture; blue: against it. A map shows where a network looks, "
        "not whether it is right."
    )
    with st.expander("How these maps are made"):
        st.markdown("\n".join(f"- {line}" for line in _methods(maps)))


def _methods(maps: dict[str, "prediction_cache.Maps"]) -> list[str]:
    """Describe each map: how it is made, how coarse it is, how much an occluded score falls."""
    first = next(iter(maps.values()))
    cells = {
        method: " × ".join(f"{side:.0f}" for side in sides) for method, sides in first.cell.items()
    }
    falls = {name: float(each.over_film["occlusion"].max()) for name, each in maps.items()}
    most = max(falls, key=falls.__getitem__)
    inside = "Grad-CAM needs a single network, and this model is the mean of several."
    if "grad_cam" in cells:
        inside = (
            "**Grad-CAM** uses the network's last convolution; one cell covers "
            f"{cells['grad_cam']} px of the first film, and the strongest has the full colour, "
            "even if its effect is small."
        )
    return [
        inside,
        f"**Occlusion** blurs one place after the other, {cells['occlusion']} px per cell. The "
        f"score falls by up to {falls[most]:.3f} when a place of {theme.plain(most)} is hidden; "
        f"changes below {OCCLUSION_FULL} are pale.",
    ]


def through_epochs(reading: Reading) -> None:
    """Draw the counted films' probabilities at every kept epoch, and the verdict's changes."""
    films, threshold, epoch = reading.counted, reading.threshold, reading.model.card.epoch
    if not films:
        return
    epochs, values = prediction_cache.through_epochs(
        reading.reference, np.stack([film.pixels for film in films])
    )
    if not len(values):
        return
    st.header("Through the epochs", anchor=False)
    positive: np.ndarray = np.asarray(aggregation.is_positive(values, threshold))
    verdicts = positive.max(axis=1)
    changed = np.flatnonzero(verdicts[1:] != verdicts[:-1]) + 1
    since = epochs[int(changed[-1])] if len(changed) else epochs[0]
    names = [film.name for film in films]
    course = verdict_charts.Course(epochs=epochs, scores=values, names=names, current=epoch)
    colours = theme.colour("fracture"), theme.colour("none"), theme.ink(), theme.run_colours()
    plots.show(
        verdict_charts.through_epochs(course, threshold, *colours),
        "through-epochs",
        "Scores through the epochs",
        words=verdict_charts.course_in_words(course, threshold),
        table=verdict_charts.course_as_table(course),
        config={"displayModeBar": False},
    )
    st.markdown(
        f"One line per film, {plural(len(epochs), 'kept epoch')} from {epochs[0]} to "
        f"{epochs[-1]}. The verdict changed {plural(len(changed), 'time')}; the last, "
        f"{theme.mark(bool(verdicts[-1]))}, holds since epoch {since}."
    )
