"""An upload of several studies: the choice of one, all verdicts in a table, and files left out."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fracture_core.answers import study_answers
from fracture_core.answers.study_answers import Answers
from fracture_core.study_sorting import uploads
from fracture_core.verdicts import aggregation
from fracture_core.words import plural
from ui.diagnose import answer, next_study, reading
from ui.diagnose.intake import StudyInput
from ui.diagnose.reading import Reading
from ui.shared import file_reasons, theme
from ui.shell import state

WORDS = {
    True: f"{theme.FRACTURE} fracture",
    False: f"{theme.NO_FRACTURE} no fracture",
    None: "no verdict",
}
_MARKS = {True: f"{theme.FRACTURE} ", False: f"{theme.NO_FRACTURE} ", None: ""}
_ORDER = {True: 0, False: 1, None: 2}  # of verdicts: which study is open at first


def studies(upload: Sequence[Reading]) -> dict[str, Reading]:
    """Return the studies of an upload of which a film could be read, by name."""
    return {each.study.study: each for each in upload if each.whole.films}


def choose(upload: Sequence[Reading], place: DeltaGenerator) -> Reading:
    """Draw the choice of a study of an upload; return the open one.

    By default that is one with a fracture, else one with a verdict. Files beside the studies of
    which none could be read are no study: `lists` names them.

    Args:
        upload: the upload's studies.
        place: for the choice.
    """
    named = studies(upload)
    if not named:
        return _together(upload)
    if len(named) == 1:
        return next(iter(named.values()))
    verdicts = {name: each.whole.verdict(each.threshold) for name, each in named.items()}
    if st.session_state.get(state.OPENED) not in verdicts:
        st.session_state[state.OPENED] = min(verdicts, key=lambda name: _ORDER[verdicts[name]])
    with place, st.container(horizontal=True, vertical_alignment="center", gap="small"):
        next_study.buttons(next_study.of_upload(list(named), st.session_state[state.OPENED]))
        name = st.selectbox(
            "Study of the upload",
            list(verdicts),
            format_func=lambda name: f"{_MARKS[verdicts[name]]}{name}",
            key=state.OPENED,
            label_visibility="collapsed",
            width=260,
        )
        st.markdown(_summary(list(verdicts.values())), width="content")
    return named[name]


def _summary(verdicts: list[bool | None]) -> str:
    words = f"fracture in {verdicts.count(True)}, none in {verdicts.count(False)}"
    if unsure := verdicts.count(None):
        words += f", no verdict on {unsure}"
    return f"**{plural(len(verdicts), 'study')} in this upload**: {words}"


def _together(upload: Sequence[Reading]) -> Reading:
    """One study of all files if none of them could be read: their reasons are listed together."""
    first, inputs = upload[0], [each.study for each in upload]
    films = tuple((_place(study, name), key) for study in inputs for name, key in study.films)
    sources = tuple(source for study in inputs for source in study.sources)
    study = replace(first.study, study=uploads.ALONE, films=films, sources=sources, others=())
    return reading.read([study], first.reference, first.model, first.threshold)[0]


def _place(study: StudyInput, name: str) -> str:
    """A file's name with its folder, if it came in one."""
    return f"{study.study}/{name}" if study.folder else name


def lists(shown: Reading, upload: Sequence[Reading]) -> None:
    """Show all verdicts of an upload, refused files, notes and left-out files, each folded.

    Args:
        shown: the open study.
        upload: all studies of its upload.
    """
    named, refused = studies(upload), shown.prediction.refused
    if len(named) > 1:
        with st.expander(f"All {len(named)} studies of this upload"):
            answers = answer.of(shown)  # one model and threshold: the same for all
            _table([_line(each, answers) for each in named.values()])
            st.caption(
                "The answers are by the promise below; a calibrated probability is given where the "
                "model's card has a calibration."
            )
    is_all = not shown.prediction.films
    file_reasons.show(refused, f"{plural(len(refused), 'file')} could not be read", expanded=is_all)
    noted = [(film.name, " ".join(film.notes)) for film in shown.prediction.films if film.notes]
    file_reasons.show(noted, f"Notes on {plural(len(noted), 'file')}")
    left = [*shown.study.left_out, *(_unreadable(upload) if named else ())]
    file_reasons.show(left, f"{plural(len(left), 'file')} left out", expanded=is_all)


def _unreadable(upload: Sequence[Reading]) -> list[tuple[str, str]]:
    """Files beside the studies of an upload, with the reasons why none could be read."""
    return [
        (_place(each.study, name), reason)
        for each in upload
        if not each.whole.films
        for name, reason in each.whole.refused
    ]


def _line(shown: Reading, answers: Answers) -> dict[str, str]:
    probability = answers.probability(shown.whole)
    whole, threshold = shown.whole, shown.threshold
    highest = max(whole.probabilities, default=None)
    counted = len(whole.probabilities)
    positive = aggregation.is_positive(np.array(whole.probabilities), threshold).sum()
    rest = [
        f"{count} {word}"
        for count, word in ((len(whole.doubted), "set aside"), (len(whole.refused), "refused"))
        if count
    ]
    return {
        "Study": shown.study.study,
        "Verdict": WORDS[whole.verdict(threshold)],
        "Answer": answers.of(whole, shown.study.real).answer.value if counted else "–",
        "Calibrated": "–" if probability is None else study_answers.words(probability),
        "Highest": "–" if highest is None else f"{highest:.3f}",
        "Positive films": f"{positive} of {counted}" if counted else "none counted",
        "Not counted": ", ".join(rest) or "–",
    }


def _table(lines: list[dict[str, str]]) -> None:
    st.dataframe(
        lines,
        key=state.STUDIES_TABLE,
        on_select=lambda: _open(lines),
        hide_index=True,
        selection_mode="single-row",
        height=min(400, 38 + 35 * len(lines)),
        column_config={"Highest": st.column_config.TextColumn(alignment="right")},
    )


def _open(lines: list[dict[str, str]]) -> None:
    rows = st.session_state[state.STUDIES_TABLE]["selection"]["rows"]
    if rows:
        st.session_state[state.OPENED] = lines[rows[0]]["Study"]
