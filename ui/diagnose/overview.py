"""Overview of an upload with several studies: their verdicts, and the choice of one."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from fracture_core.datasets import uploads
from fracture_core.verdicts import aggregation
from ui.diagnose import reading
from ui.diagnose.intake import StudyInput
from ui.diagnose.reading import Reading
from ui.shared import file_reasons, theme
from ui.shell import state

WORDS = {
    True: f"{theme.FRACTURE} fracture",
    False: f"{theme.NO_FRACTURE} no fracture",
    None: "no verdict",
}


def show(upload: Sequence[Reading]) -> Reading:
    """Draw a line per study of an upload; return the open one.

    By default that is one with a fracture, else one with a verdict. Files beside the studies of
    which none could be read are no study: they are listed as left out.
    """
    studies = {each.study.study: each for each in upload if each.whole.films}
    if not studies:
        return _together(upload)
    left = [
        (_place(each.study, name), reason)
        for each in upload
        if not each.whole.films
        for name, reason in each.whole.refused
    ]
    file_reasons.show(left, f"{theme.plural(len(left), 'file')} left out")
    if len(studies) == 1:
        return next(iter(studies.values()))
    verdicts = {name: each.whole.verdict(each.threshold) for name, each in studies.items()}
    _table([_line(each) for each in studies.values()], verdicts)
    if st.session_state.get(state.OPENED) not in verdicts:
        order = {True: 0, False: 1, None: 2}
        st.session_state[state.OPENED] = min(verdicts, key=lambda name: order[verdicts[name]])
    name = st.selectbox("Study of the upload", list(verdicts), key=state.OPENED)
    return studies[name]


def _together(upload: Sequence[Reading]) -> Reading:
    """One study of all files if none of them could be read: their reasons are listed together."""
    first, studies = upload[0], [each.study for each in upload]
    films = tuple((_place(study, name), key) for study in studies for name, key in study.films)
    sources = tuple(source for study in studies for source in study.sources)
    study = replace(first.study, study=uploads.ALONE, films=films, sources=sources)
    return reading.read([study], first.reference, first.model, first.threshold)[0]


def _place(study: StudyInput, name: str) -> str:
    """A file's name with its folder, if it came in one."""
    return f"{study.study}/{name}" if study.folder else name


def _line(shown: Reading) -> dict[str, str]:
    whole, threshold = shown.whole, shown.threshold
    highest = max(whole.probabilities, default=None)
    counted = len(whole.probabilities)
    positive = aggregation.is_positive(np.array(whole.probabilities), threshold).sum()
    rest = [
        f"{count} {word}"
        for count, word in ((len(whole.doubted), "doubted"), (len(whole.refused), "refused"))
        if count
    ]
    return {
        "Study": shown.study.study,
        "Verdict": WORDS[whole.verdict(threshold)],
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
