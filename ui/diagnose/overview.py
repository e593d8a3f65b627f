"""Overview of an upload with several studies: their verdicts, and the choice of one."""

from dataclasses import replace

import numpy as np
import streamlit as st

from fracture_core.datasets import uploads
from fracture_core.models.study_prediction import StudyPrediction
from fracture_core.verdicts import aggregation
from ui.diagnose import verdict_panel
from ui.diagnose.intake import StudyInput
from ui.shared import file_reasons, theme
from ui.shell import state

WORDS = {
    True: f"{theme.FRACTURE} fracture",
    False: f"{theme.NO_FRACTURE} no fracture",
    None: "no verdict",
}


def show(upload: StudyInput, reference: str, threshold: float) -> StudyInput:
    """Draw a line per study, with progress while they are predicted; return the open one.

    By default that is one with a fracture, else one with a verdict. Files beside the studies of
    which none could be read are no study: they are listed as left out.

    Args:
        upload: its `others` are all studies.
        reference: of the model.
        threshold: a film is positive when its probability is greater.
    """
    predictions = verdict_panel.predict_all(upload.others, reference)
    pairs = list(zip(upload.others, predictions, strict=True))
    studies = {study.study: (study, judged) for study, judged in pairs if judged.films}
    if not studies:
        return _together(upload)
    left = [
        (_place(study, name), reason)
        for study, judged in pairs
        if not judged.films
        for name, reason in judged.refused
    ]
    file_reasons.show(left, f"{theme.plural(len(left), 'file')} left out")
    if len(studies) == 1:
        return next(iter(studies.values()))[0]
    verdicts = {name: judged.verdict(threshold) for name, (_, judged) in studies.items()}
    _table([_line(name, judged, threshold) for name, (_, judged) in studies.items()], verdicts)
    if st.session_state.get(state.OPENED) not in verdicts:
        order = {True: 0, False: 1, None: 2}
        st.session_state[state.OPENED] = min(verdicts, key=lambda name: order[verdicts[name]])
    name = st.selectbox("Study of the upload", list(verdicts), key=state.OPENED)
    return studies[name][0]


def _together(upload: StudyInput) -> StudyInput:
    """One study of all files if none of them could be read: their reasons are listed together."""
    others = upload.others
    films = tuple((_place(study, name), key) for study in others for name, key in study.films)
    sources = tuple(source for study in others for source in study.sources)
    return replace(upload, study=uploads.ALONE, films=films, sources=sources, others=())


def _place(study: StudyInput, name: str) -> str:
    """A file's name with its folder, if it came in one."""
    return f"{study.study}/{name}" if study.folder else name


def _line(name: str, judged: StudyPrediction, threshold: float) -> dict[str, str]:
    highest = max(judged.probabilities, default=None)
    counted = len(judged.probabilities)
    positive = aggregation.is_positive(np.array(judged.probabilities), threshold).sum()
    rest = [
        f"{count} {word}"
        for count, word in ((len(judged.doubted), "doubted"), (len(judged.refused), "refused"))
        if count
    ]
    return {
        "Study": name,
        "Verdict": WORDS[judged.verdict(threshold)],
        "Highest": "–" if highest is None else f"{highest:.3f}",
        "Positive films": f"{positive} of {counted}" if counted else "none counted",
        "Not counted": ", ".join(rest) or "–",
    }


def _table(lines: list[dict[str, str]], verdicts: dict[str, bool | None]) -> None:
    values = list(verdicts.values())
    words = f"the model finds a fracture in {values.count(True)}, none in {values.count(False)}"
    if unsure := values.count(None):
        words += f", and gives no verdict on {unsure}"
    st.markdown(
        f"**{theme.plural(len(lines), 'study')}** in this upload: {words}. Click one to open it."
    )
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
