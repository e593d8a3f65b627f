"""One study: its films as large as the window allows, everything else around them."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import streamlit as st

from fracture_core.config.film_settings import PixelRecipe
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import FilmError
from fracture_core.models import model_card
from fracture_core.phantom import phantom_set
from fracture_core.phantom.study_plan import Break
from fracture_core.verdicts import aggregation
from fracture_core.words import plural, short
from ui.cache import film_cache, study_cache
from ui.components import film_viewer
from ui.components.film_viewer import Frame, Neighbours, OtherStudy
from ui.shared import pictures, theme
from ui.shell import state, tab_data
from ui.studies import (
    comparison,
    label_panel,
    quiz,
    selection,
    selection_bar,
    similar_films,
    wall,
)

SEEN = tuple(  # the inputs of networks, shown beside a film
    PixelRecipe(size=size, resample=resample)
    for size in (32, 64, 128)
    for resample in ("area", "nearest")
)

HEADING_WIDTH = 290  # px; with it the row fits a 1280 px window


def show(data: Dataset, studies: pd.DataFrame, matching: pd.DataFrame, key: str) -> None:
    """Draw the study of this key.

    Args:
        data: the data set in use.
        studies: all its studies, see `study_cache.studies`.
        matching: those that pass the filters, in order; Previous and Next go through them.
        key: see `catalog.study_key`.
    """
    row = studies[studies["key"] == key]
    if row.empty:
        st.warning(
            f"The data in use ({theme.plain(data.root.name)}) has no study "
            f"{theme.plain(short(key))}. "
            "Go back to all studies, or choose its data set on the Data page."
        )
        st.button("All studies", icon=":material/grid_view:", on_click=_back)
        return
    study = next(row.itertuples())
    way, other_key = _bar(
        data, study, studies, matching if key in set(matching["key"]) else studies
    )
    selection_bar.show(data)
    films = st.container()
    breaks = _below(data, study, studies)
    with films:
        film_viewer.show(
            _frames(data, study, breaks),
            " ".join(filter(None, (data.hash, key, other_key))),  # another data set has the same
            title=wall.describe(study),
            other=_other(data, study, studies, other_key) if other_key else None,
            neighbours=way,
            quiz=quiz.of_viewer(key),
        )
    similar_films.show(data, study, studies)


def _bar(
    data: Dataset, study: Any, studies: pd.DataFrame, listed: pd.DataFrame
) -> tuple[Neighbours, str]:
    """The way to other studies, label and names, and the way to the verdict.

    Returns:
        The studies before and after; the key of the study to compare with, or "".
    """
    keys = listed["key"].tolist()
    here = keys.index(study.key)
    there = {-1: keys[here - 1] if here else "", 1: keys[here + 1] if here + 1 < len(keys) else ""}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("All studies", icon=":material/grid_view:", shortcut="Esc", on_click=_back)
        for label, step, shortcut in (("Previous", -1, "Left"), ("Next", 1, "Right")):
            st.button(
                label,
                shortcut=shortcut,
                disabled=not there[step],
                on_click=wall.open_study,
                args=(there[step] or study.key,),
            )
        with st.container(gap=None, width=HEADING_WIDTH):
            place = f"{here + 1:,} of {plural(len(keys), 'study')}"
            st.markdown(f"**{quiz.mark(study)}** · {place}")
            st.caption(theme.plain(wall.describe(study)))
        st.space("stretch")
        if quiz.hides(study.key):
            icon = ":material/visibility:"
            st.button("Reveal", icon=icon, on_click=quiz.reveal, args=(study.key,))
        other = comparison.ask(study, studies, listed)
        if st.button("Diagnose this study", type="primary", icon=":material/radiology:"):
            address = tab_data.address(study.key, data.hash if data.complete else None)
            st.switch_page("pages/diagnose.py", query_params=address)
    way = Neighbours(
        previous=bool(there[-1]),
        next=bool(there[1]),
        on_step=lambda step: wall.open_study(there[step]) if there.get(step) else None,
    )
    return way, other


def _below(data: Dataset, study: Any, studies: pd.DataFrame) -> dict[str, list[Break]] | None:
    """Show what stands below the films; return a phantom's known breaks, if switched on."""
    hidden = quiz.hides(study.key)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        selection.tick(study.key, "", "open")
        switched = data.synthetic and study.label and not hidden
        if switched:
            st.toggle("Show the known break", key=state.BREAK, bind="query-params")
        if others := int((studies["patient"] == study.patient).sum()) - 1:
            st.button(
                f"All {others + 1} studies of this patient",
                icon=":material/person:",
                type="tertiary",
                on_click=wall.open_patient,
                args=(study.patient,),
            )
        if not hidden:
            meaning = theme.plain(model_card.label_meaning(vars(data)))
            verdict = wall.verdict(study.key, study_cache.study_predictions(), long=True)
            st.caption(f"{verdict} {label_panel.words(data, study.key)} {meaning}")
            label_panel.show(data, study)
    return phantom_set.breaks(data.root) if switched and st.session_state[state.BREAK] else None


def _other(data: Dataset, study: Any, studies: pd.DataFrame, key: str) -> OtherStudy:
    """The films of the study to compare with, under both studies' names."""
    other = next(studies[studies["key"] == key].itertuples())
    names = (comparison.heading(study), comparison.heading(other))
    return OtherStudy(names=names, frames=_frames(data, other, None))


def _frames(data: Dataset, study: Any, breaks: dict[str, list[Break]] | None) -> list[Frame]:
    hidden = quiz.hides(study.key)
    predictions = None if hidden else study_cache.study_predictions()
    paths = wall.film_paths(data, study)
    return [_frame(data.root, path, breaks, predictions, hidden) for path in paths]


def _frame(
    root: Path,
    path: Path,
    breaks: dict[str, list[Break]] | None,
    predictions: study_cache.StudyPredictions | None,
    hidden: bool,
) -> Frame:
    """One film with a network's input and prediction, or the reason why it cannot be shown."""
    place = path.relative_to(root).as_posix()
    own_breaks = tuple((breaks or {}).get(place, ()))
    try:
        film = film_cache.film(path)
        seen = film_cache.network_pictures(path, SEEN)
    except FilmError as error:
        return Frame(name=path.name, film=None, note=str(error))
    tone: Literal["fracture", "none", ""] = ""
    words = [] if hidden else ["no prediction"]
    if predictions and (probability := predictions.probabilities.get(place)) is not None:
        positive = bool(aggregation.is_positive(probability, predictions.threshold))
        tone = "fracture" if positive else "none"
        words = [f"score {probability:.3f}: {_word(positive)}"]
    if breaks is not None:
        words.append(_breaks_in_words(own_breaks))
    if film.notes:
        words.append(pictures.brief(film.notes))
    boxes = tuple(_in_shares(each.box, film.file_size) for each in own_breaks)
    note = "; ".join(words)
    return Frame(name=path.name, film=film, note=note, tone=tone, seen=seen, boxes=boxes)


def _breaks_in_words(breaks: Sequence[Break]) -> str:
    """Return "displaced spiral break: radius, ulna"; before version 3 bones have no names."""
    if bones := ", ".join(each.bone for each in breaks if each.bone):
        return f"{breaks[0].kind} {breaks[0].pattern} break: {bones}"
    kinds = Counter(f"{each.kind} break" for each in breaks)
    return ", ".join(plural(n, kind) for kind, n in kinds.items()) or "shows no break"


def _in_shares(box: tuple[int, int, int, int], size: tuple[int, int]) -> film_viewer.Box:
    """A break's box with some room around it, in shares of the film."""
    (x0, y0, x1, y1), (width, height) = box, size
    return ((x0 - 4) / width, (y0 - 4) / height, (x1 + 4) / width, (y1 + 4) / height)


def _word(positive: bool) -> str:
    shape = theme.FRACTURE if positive else theme.NO_FRACTURE
    return f"{shape} fracture" if positive else f"{shape} no fracture"


def _back() -> None:
    wall.open_study("")
