"""What may be taken home of a verdict: a report, JSON and CSV, without names unless asked for."""

import json
from typing import TYPE_CHECKING

import streamlit as st

from fracture_core import study_record, study_report
from fracture_core.cards import Model
from fracture_core.study_record import Case, Exhibit
from ui import cached, doubts_view, film_viewer, state, verdict
from ui.intake import Asked

if TYPE_CHECKING:  # Diagnose alone loads TensorFlow, in a thread
    from fracture_core.inference import JudgedStudy

KINDS = {  # end of the file's name -> its button, its icon, its type
    "html": ("Report", ":material/description:", "text/html"),
    "json": ("JSON", ":material/data_object:", "application/json"),
    "csv": ("CSV", ":material/table:", "text/csv"),
}


def show(
    asked: Asked,
    reference: str,
    model: Model,
    before: "JudgedStudy",
    judged: "JudgedStudy",
    threshold: float,
    maps: dict[str, dict[str, bytes]],
) -> None:
    """Three buttons, whose files are made when they are pressed.

    Args:
        asked: the study.
        reference: of the model.
        model: the one that has judged it.
        before: the films as they were given.
        judged: the same ones without what was brushed over; `before` itself if nothing was.
        threshold: a film is positive when its probability is greater.
        maps: the heat maps that are shown: name of a film -> name of a map -> PNG bytes.
    """
    st.subheader("Take it with you", anchor=False)
    told = case(asked, reference, before, judged, maps)
    with st.container(horizontal=True, vertical_alignment="center"):
        names = st.toggle(
            "With names", key=state.NAMES,
            help="Off: films are film 1, film 2 and so on, and neither study nor patient is named.",
        )  # fmt: skip
        for kind, (label, icon, mime) in KINDS.items():
            st.download_button(
                label,
                data=lambda kind=kind: content(kind, told, model, threshold, names),
                file_name=f"fracture-study.{kind}",
                mime=mime,
                icon=icon,
                on_click="ignore",
                key=f"export-{kind}",
            )
    st.caption(
        "The report is one HTML file with films and numbers in it: it opens offline and prints on "
        "A4. JSON is what `predict --json` prints; CSV has a line a film."
    )


def case(
    asked: Asked,
    reference: str,
    before: "JudgedStudy",
    judged: "JudgedStudy",
    maps: dict[str, dict[str, bytes]],
) -> Case:
    """The judged study with all that is shown of it; for the arguments see `show`."""
    from fracture_core.inference import Film

    key = verdict.viewer_key(asked)
    erased, turned = film_viewer.erased(key), doubts_view.inverted(key)
    whole = {film.name: film.probability for film in before.films}
    spreads = {f.name: cached.spread(reference, f.pixels) for f in judged.films if f.counted}
    exhibits = tuple(
        Exhibit(
            film=Film(
                name=name,
                source=source,
                erased=tuple(erased.get(name, ())),
                inverted=name in turned,
            ),
            whole=whole.get(name) if name in erased else None,
            spread=spreads.get(name),
            maps=maps.get(name, {}),
        )
        for (name, _), source in zip(asked.films, asked.sources, strict=True)
    )
    return Case(
        judged=judged, exhibits=exhibits, study=asked.study, patient=asked.patient,
        real=asked.real, label=asked.label,
    )  # fmt: skip


def content(kind: str, told: Case, model: Model, threshold: float, names: bool) -> str:
    """The text of one of `KINDS`."""
    if kind == "html":
        return study_report.document([told], model, threshold, names=names)
    if kind == "csv":
        return study_record.as_csv([told], model, threshold, names)
    judged = study_record.named([told], names)
    return json.dumps(study_record.as_dict(judged, model, threshold), indent=2)
