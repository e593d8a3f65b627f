"""Export of a verdict: a report, JSON and CSV, by default without names."""

import json
from collections.abc import Sequence
from functools import partial

import streamlit as st

from fracture_core.models.model import Model
from fracture_core.operating_points.promise import Promise
from fracture_core.prediction.study_prediction import FilmInput
from fracture_core.reports import study_record, study_report
from fracture_core.reports.study_record import Case, Exhibit
from ui.cache import study_cache
from ui.diagnose import doubts, prediction_cache
from ui.diagnose.reading import Reading
from ui.shared import promise_fields, theme
from ui.shell import state

KINDS = {  # end of the file's name -> its button, its icon, its type
    "html": ("Report", ":material/description:", "text/html"),
    "json": ("JSON", ":material/data_object:", "application/json"),
    "csv": ("CSV", ":material/table:", "text/csv"),
}
HELP = {
    "html": "One HTML file with films and scores: it opens offline and prints on A4. With many "
    f"films their pictures are smaller, {study_report.PICTURES_BYTES / 1e6:.0f} MB in total.",
    "json": "The output of the command predict --json.",
    "csv": "One line per film.",
}


def show(reading: Reading, maps: dict[str, dict[str, bytes]], upload: Sequence[Reading]) -> None:
    """Draw three buttons, whose files are made when they are pressed.

    Args:
        reading: the study shown.
        maps: the heat maps shown: name of a film -> name of a map -> PNG bytes.
        upload: all studies of the same upload.
    """
    st.header("Export", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        names = st.toggle(
            "With names",
            key=state.NAMES,
            help="Off: films are called film 1, film 2 ..., study and patient are not named.",
        )
        readable = sum(bool(each.whole.films) for each in upload)
        everything = readable > 1 and st.toggle(
            f"All {readable} studies of the upload",
            key=state.EVERYTHING,
            help="Off: the study shown, with its heat maps and test-time augmentation.",
        )

        # Computed now: the session's caches cannot be reached when a button is pressed.
        cases = [case(each) for each in upload] if everything else [case(reading, maps)]
        shown = upload if everything else [reading]
        model, threshold, left_out = reading.model, reading.threshold, reading.study.left_out
        promise = promise_fields.chosen(model)
        for kind, (label, icon, mime) in KINDS.items():
            st.download_button(
                label,
                data=partial(content, kind, cases, model, threshold, names, left_out, promise),
                file_name=f"fracture-study.{kind}",
                mime=mime,
                icon=icon,
                on_click="ignore",
                help=HELP[kind],
                key=f"export-{kind}",
            )
    if warning := study_record.text_warning([each.prediction for each in shown]):
        st.warning(theme.plain(warning), icon=":material/text_fields:")
    # Said beside the buttons: their files are those of the page as it is drawn.
    st.caption("Films, study and patient are named." if names else "Nobody and no file is named.")


def case(reading: Reading, maps: dict[str, dict[str, bytes]] | None = None) -> Case:
    """Return a study's prediction with everything shown of it; for the arguments see `show`.

    Without `maps` there is no test-time augmentation either, and no training films beside the
    doubted ones.
    """
    study, erased, films = reading.study, reading.erased, reading.prediction.films
    whole = {film.name: film.probability for film in reading.whole.films}
    shown = reading.counted if maps is not None else []
    spreads = {film.name: prediction_cache.spread(reading.reference, film.pixels) for film in shown}
    nearest = doubts.training_films(films, reading.model) if maps is not None else {}
    exhibits = tuple(
        Exhibit(
            film=FilmInput(
                name=name,
                source=source,
                erased=tuple(erased.get(name, ())),
                inverted=name in reading.inverted,
            ),
            whole=whole.get(name) if name in erased else None,
            spread=spreads.get(name),
            maps=(maps or {}).get(name, {}),
            nearest=nearest,
        )
        for (name, _), source in zip(study.films, study.sources, strict=True)
    )
    return Case(
        prediction=reading.prediction,
        exhibits=exhibits,
        study=study.study,
        patient=study.patient,
        real=study.real,
        label=study.label,
        acquaintance=study_cache.training_overlap(reading.reference, study.patient),
        recipe=reading.model.card.recipe,
    )


def content(
    kind: str,
    cases: Sequence[Case],
    model: Model,
    threshold: float,
    names: bool,
    left_out: Sequence[tuple[str, str]] = (),
    promise: Promise | None = None,
) -> str:
    """Return the text of one of `KINDS`; of several cases only those with a readable film.

    The files `left_out` of the upload, (name, reason), are in each of them.
    """
    several = [each for each in cases if each.prediction.films]
    beside = [each for each in cases if not each.prediction.films] if several else []
    cases = several or cases
    left = [*left_out, *(reason for each in beside for reason in each.prediction.refused)]
    if kind == "html":
        return study_report.document(
            cases, model, threshold, names=names, left_out=left, promise=promise
        )
    if kind == "csv":
        return study_record.as_csv(cases, model, threshold, names, left, promise)
    studies, left = study_record.named(cases, names), study_record.renamed_left_out(left, names)
    real = any(each.real for each in cases)
    record = study_record.as_dict(studies, model, threshold, left, real, promise=promise)
    return json.dumps(record, indent=2)
