"""All studies of an upload at a glance: each one's verdict, as it is found."""

import streamlit as st

from fracture_core import aggregation
from ui import cached, state, theme
from ui.intake import Asked

WORDS = {
    True: f"{theme.FRACTURE} fracture",
    False: f"{theme.NO_FRACTURE} no fracture",
    None: "no verdict",
}


def show(asked: Asked, reference: str, threshold: float) -> None:
    """A line a study, with progress while they are judged; a click opens one.

    Args:
        asked: the study that is shown; `others` are all of the upload.
        reference: of the model.
        threshold: a film is positive when its probability is greater.
    """
    progress, table, lines = st.empty(), st.empty(), []
    for number, study in enumerate(asked.others):
        progress.progress(
            number / len(asked.others),
            f"Judges {theme.plain(study.study)}, {number + 1} of {len(asked.others)} studies.",
        )
        judged = cached.judged(reference, study.films, study.sources)
        highest = max(judged.probabilities, default=None)
        verdict = judged.verdict(threshold)
        positive = aggregation.is_positive(judged.probabilities, threshold).sum()
        lines.append(
            {
                "Study": study.study,
                "Verdict": WORDS[verdict],
                "Highest": highest,
                "Positive films": f"{positive} of {len(judged.probabilities)}",
                "Refused": len(judged.refused),
                "Doubted": len(judged.doubted),
            }
        )
    progress.empty()
    fractures = sum(line["Verdict"] == WORDS[True] for line in lines)
    with table.container():
        st.markdown(
            f"**{theme.plural(len(lines), 'study')}** in this upload, {fractures} with a fracture. "
            "Click one to open it."
        )
        st.dataframe(
            lines, key=state.STUDIES_TABLE, on_select=lambda: _open(lines), hide_index=True,
            selection_mode="single-row", height=min(400, 38 + 35 * len(lines)),
            column_config={"Highest": st.column_config.NumberColumn(format="%.3f")},
        )  # fmt: skip


def _open(lines: list[dict]) -> None:
    rows = st.session_state[state.STUDIES_TABLE]["selection"]["rows"]
    if rows:
        st.session_state[state.OPENED] = lines[rows[0]]["Study"]
