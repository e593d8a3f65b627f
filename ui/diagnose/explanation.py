"""Why the network says so: heat maps over the films, and the same films through the epochs."""

import io

import numpy as np
import streamlit as st
from PIL import Image

from fracture_core.models.cards import Model
from fracture_core.models.study_prediction import StudyPrediction
from fracture_core.reports.study_record import OCCLUSION_FULL
from fracture_core.verdicts import aggregation
from ui.cache import prediction_cache
from ui.diagnose import verdict_charts
from ui.shared import theme
from ui.shell import state

NAMES = {"grad_cam": "Grad-CAM", "occlusion": "Occlusion"}
MOST_OPAQUE = 235  # of 255: a film shows through the strongest cell


def ask(model: Model) -> None:
    """The switches, above the films."""
    with st.container(horizontal=True):
        st.toggle(
            "Where it comes from", key=state.WHY, bind="query-params",
            help="Heat maps of the films: which places speak for a fracture.",
        )  # fmt: skip
        if "@" in model.reference:
            st.toggle(
                "Through the epochs", key=state.THROUGH, bind="query-params",
                help="The same films, judged by the weights of every kept epoch of this run.",
            )  # fmt: skip


def is_on(what: str) -> bool:
    """Whether a switch is on: `state.WHY` or `state.THROUGH`."""
    return bool(st.session_state.get(what))


def pictures(found: "prediction_cache.Maps") -> dict[str, bytes]:
    """A film's maps for the viewer: name -> PNG with transparency, over the whole film."""
    return {
        NAMES[method]: _png(values, OCCLUSION_FULL if method == "occlusion" else 0.0)
        for method, values in found.over_film.items()
    }


def _png(values: np.ndarray, full: float) -> bytes:
    """Orange where a place speaks for a fracture, blue where against; as strong as it speaks.

    Args:
        values: float32 (h, w).
        full: the least value that has the full colour, where none is greater.
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
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


def explain(found: dict[str, "prediction_cache.Maps"]) -> None:
    """What the maps are, and how coarse, below the films."""
    if not found:
        return
    first = next(iter(found.values()))
    cells = {
        method: " × ".join(f"{side:.0f}" for side in sides) for method, sides in first.cell.items()
    }
    falls = {name: float(each.over_film["occlusion"].max()) for name, each in found.items()}
    most = max(falls, key=falls.get)
    if "grad_cam" in cells:
        inside = (
            "**Grad-CAM** asks the network's last convolution; one cell covers "
            f"{cells['grad_cam']} px of the first film, and the strongest has the full colour, "
            "however little it says."
        )
    else:
        inside = "Grad-CAM looks into one network, and this model is the mean of several."
    st.caption(
        f"Orange speaks for a fracture, blue against it. {inside} **Occlusion** "
        f"blurs one place after the other, {cells['occlusion']} px a cell; the probability falls "
        f"by up to {falls[most]:.3f} where a place of {theme.plain(most)} is hidden, and a change "
        f"of less than {OCCLUSION_FULL} is pale. A map shows where a network looks, not whether it "
        "is right."
    )


def through_epochs(judged: StudyPrediction, reference: str, model: Model, threshold: float) -> None:
    """The counted films' probabilities at every kept epoch, and when the verdict was reached."""
    films = [film for film in judged.films if film.counted]
    if not films:
        return
    epochs, values = prediction_cache.through_epochs(
        reference, np.stack([film.pixels for film in films])
    )
    if not len(values):
        return
    st.subheader("Through the epochs", anchor=False)
    said = aggregation.is_positive(values, threshold).any(axis=1)
    changed = np.flatnonzero(said[1:] != said[:-1]) + 1
    since = epochs[int(changed[-1])] if len(changed) else epochs[0]
    colours = theme.colour("fracture"), theme.colour("none"), theme.ink(), theme.run_colours()
    names = [film.name for film in films]
    figure = verdict_charts.through_epochs(
        epochs, values, names, threshold, model.card.epoch, *colours
    )
    st.plotly_chart(figure, key="through-epochs", config={"displayModeBar": False})
    st.caption(
        f"A line a film, {theme.plural(len(epochs), 'kept epoch')} from {epochs[0]} to "
        f"{epochs[-1]}. The verdict of the last one, {theme.mark(bool(said[-1]))}, stands since "
        f"epoch {since}; it changed {theme.plural(len(changed), 'time')}. "
        f"The verdict above is that of epoch {model.card.epoch}."
    )
