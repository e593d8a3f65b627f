"""What may be taken home of a verdict: a report, JSON and CSV, without names unless asked for."""

import json
from collections.abc import Sequence

import streamlit as st

from fracture_core.models.cards import Model
from fracture_core.models.study_prediction import FilmInput, StudyPrediction
from fracture_core.reports import study_record, study_report
from fracture_core.reports.study_record import Case, Exhibit
from ui.cache import model_cache, prediction_cache, study_cache
from ui.components import film_viewer
from ui.diagnose import doubts, verdict_panel
from ui.diagnose.intake import StudyInput
from ui.shell import state

KINDS = {  # end of the file's name -> its button, its icon, its type
    "html": ("Report", ":material/description:", "text/html"),
    "json": ("JSON", ":material/data_object:", "application/json"),
    "csv": ("CSV", ":material/table:", "text/csv"),
}


def show(
    asked: StudyInput,
    reference: str,
    model: Model,
    before: StudyPrediction,
    judged: StudyPrediction,
    threshold: float,
    maps: dict[str, dict[str, bytes]],
    upload: Sequence[StudyInput],
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
        upload: all studies that came with it; none where it came alone.
    """
    st.subheader("Take it with you", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        names = st.toggle(
            "With names", key=state.NAMES,
            help="Off: films are film 1, film 2 and so on, and neither study nor patient is named.",
        )  # fmt: skip
        whole = sum(bool(verdict_panel.prediction(study, reference).films) for study in upload)
        everything = whole > 1 and st.toggle(
            f"All {whole} studies of the upload", key=state.EVERYTHING,
            help="Off: the study that is open, with its maps and spreads.",
        )  # fmt: skip

        # Now, since what a session keeps is out of reach when a button is pressed.
        told = (
            all_cases(upload, reference)
            if everything
            else [case(asked, reference, before, judged, maps)]
        )
        for kind, (label, icon, mime) in KINDS.items():
            st.download_button(
                label,
                data=lambda kind=kind: content(kind, told, model, threshold, names, asked.left_out),
                file_name=f"fracture-study.{kind}",
                mime=mime,
                icon=icon,
                on_click="ignore",
                key=f"export-{kind}",
            )
    st.caption(
        "The report is one HTML file with films and numbers in it: it opens offline and prints on "
        "A4; with many films their pictures are smaller, "
        f"{study_report.PICTURES_BYTES / 1e6:.0f} MB in all. JSON is what "
        "`predict --json` prints; CSV has a line a film."
    )


def case(
    asked: StudyInput,
    reference: str,
    before: StudyPrediction,
    judged: StudyPrediction,
    maps: dict[str, dict[str, bytes]] | None = None,
) -> Case:
    """The judged study with all that is shown of it; for the arguments see `show`.

    Without `maps` its films are not judged mirrored and turned either, and no training films are
    shown beside the doubted ones.
    """

    key = verdict_panel.viewer_key(asked)
    erased, turned = film_viewer.strokes_of(key), doubts.inverted(key)
    whole = {film.name: film.probability for film in before.films}
    shown = [film for film in judged.films if film.counted and maps is not None]
    beside = {}
    if maps is not None:
        beside = doubts.training_films(judged.films, model_cache.model(reference))
    spreads = {film.name: prediction_cache.spread(reference, film.pixels) for film in shown}
    exhibits = tuple(
        Exhibit(
            film=FilmInput(
                name=name,
                source=source,
                erased=tuple(erased.get(name, ())),
                inverted=name in turned,
            ),
            whole=whole.get(name) if name in erased else None,
            spread=spreads.get(name),
            maps=(maps or {}).get(name, {}),
            nearest=beside,
        )
        for (name, _), source in zip(asked.films, asked.sources, strict=True)
    )
    return Case(
        judged=judged, exhibits=exhibits, study=asked.study, patient=asked.patient,
        real=asked.real, label=asked.label,
        acquaintance=study_cache.training_overlap(reference, asked.patient),
    )  # fmt: skip


def all_cases(upload: Sequence[StudyInput], reference: str) -> list[Case]:
    """Every study of an upload as it is judged now, without maps and spreads, which take long.

    Files beside the studies, of which none could be read, are a case without films.
    """
    found = []
    for study in upload:
        before = judged = verdict_panel.prediction(study, reference)
        if erased := film_viewer.strokes_of(verdict_panel.viewer_key(study)):
            judged = verdict_panel.prediction(study, reference, erased)
        found.append(case(study, reference, before, judged))
    return found


def content(
    kind: str,
    cases: Sequence[Case],
    model: Model,
    threshold: float,
    names: bool,
    left_out: Sequence[tuple[str, str]] = (),
) -> str:
    """The text of one of `KINDS`; of several cases only those with a film that could be read.

    What was `left_out` of the upload, (name, reason), is in each of them.
    """
    several = [each for each in cases if each.judged.films]
    beside = [each for each in cases if not each.judged.films] if several else []
    cases = several or cases
    left = [*left_out, *(reason for each in beside for reason in each.judged.refused)]
    if kind == "html":
        return study_report.document(cases, model, threshold, names=names, left_out=left)
    if kind == "csv":
        return study_record.as_csv(cases, model, threshold, names, left)
    judged, left = study_record.named(cases, names), study_record.renamed_left_out(left, names)
    real = any(each.real for each in cases)
    return json.dumps(study_record.as_dict(judged, model, threshold, left, real), indent=2)
