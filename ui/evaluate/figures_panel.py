"""Every figure of an evaluation with its interval, of all films or a slice; published results."""

import hashlib
from typing import Any

import pandas as pd
import streamlit as st

from fracture_core.analysis import published_results
from fracture_core.datasets.catalog import STUDY
from fracture_core.models.evaluation import Evaluation
from fracture_core.verdicts import estimates, resampling
from fracture_core.verdicts.figure_words import NOTES, PERCENT, TITLES
from fracture_core.verdicts.resampling import Interval
from ui.cache import data_cache, estimate_cache
from ui.shared import figures, theme
from ui.shared.number_field import number
from ui.shell import state

WHOLE = "all films"
TABLE_PX, NOTES_PX = 634, 480
PREVALENCE, COST = (0.0, 100.0), (0.0, 10_000.0)  # percent; false alarms


def show(result: Evaluation) -> None:
    """Draw the table of figures behind a fold, with its slice, prevalence and cost."""
    fold = st.expander(
        "All figures, with intervals over patients", key=state.ALL_FIGURES, on_change="rerun"
    )
    if not fold.open:
        return
    with fold:
        _content(result)


def _content(result: Evaluation) -> None:
    slices = {WHOLE: result.films, **estimates.slices(result.films)}
    wrong: list[str] = []
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Films", list(slices), key=state.SLICE, width=200)
        films = slices[name]
        own = 100 * float(films.groupby(list(STUDY))["label"].first().mean())
        prevalence = number(
            "Prevalence (%)",
            # Other films have a prevalence of their own, that an older value must not replace.
            f"{state.PREVALENCE}-{result.model}-{result.split}-{name}",
            round(own, 1),
            PREVALENCE,
            wrong,
            width=150,
            help="Share of positive studies where the model would be used; PPV, NPV and cost "
            f"depend on it. These films: {own:.1f} %.",
        )
        ratio = number(
            "Cost of a miss (false alarms)",
            state.COST_RATIO,
            1.0,
            COST,
            wrong,
            width=230,
            help="How many false alarms weigh as much as one missed fracture.",
        )
    if wrong:
        for sentence in wrong:
            st.error(theme.plain(sentence))
        return
    share = None if prevalence == round(own, 1) else prevalence / 100
    digest = hashlib.blake2b(films["probability"].to_numpy().tobytes(), digest_size=12)
    key = (result.model, result.split, str(result.data.get("hash")), name, digest.hexdigest())
    levels = estimate_cache.of_films(key, result.threshold, share, float(ratio), films)
    with st.container(horizontal=True, gap="medium"):
        st.dataframe(
            table(levels, films),
            width=TABLE_PX,
            height="content",
            hide_index=True,
            key="figures",
            column_config=_columns(),
        )
        with st.container(width=NOTES_PX):  # beside the table, or below it in a narrow window
            st.markdown(":small[What the figures say, and when they mislead]")
            notes = (f"- :small[**{TITLES[name]}**: {NOTES[name]}]" for name in estimates.NAMES)
            st.markdown("\n".join(notes))
    patients = levels["studies"]["accuracy"].groups
    at = "the films' own prevalence" if share is None else f"a prevalence of {prevalence:.1f} %"
    st.caption(
        f"{theme.plural(len(films), 'film')} of {theme.plural(patients, 'patient')}. Intervals: "
        f"{figures.LEVEL}, bootstrap over patients, {resampling.RESAMPLES:,} resamples. "
        f"PPV, NPV and cost at {at}."
    )
    _published(result)


def table(levels: estimates.Levels, films: pd.DataFrame) -> pd.DataFrame:
    """Return one row per figure: its value, interval and n, of studies and of images."""
    label = films.groupby(list(STUDY))["label"].first()
    majority = {"Studies": _majority(label), "Images": _majority(films["label"])}
    rows = [{"Figure": "Baseline", **majority}]  # exact, no estimate: without an interval
    for name in estimates.NAMES:
        studies, images = levels["studies"][name], levels["images"][name]
        is_share = name in PERCENT
        rows.append(
            {
                "Figure": TITLES[name],
                "Studies": value(studies, is_share),
                "95 % interval": interval(studies, is_share),
                "n": f"{studies.n:,}",
                "Images": value(images, is_share),
                "95 % interval ": interval(images, is_share),
                "n ": f"{images.n:,}",
            }
        )
    columns = ["Figure", "Studies", "95 % interval", "n", "Images", "95 % interval ", "n "]
    return pd.DataFrame(rows, columns=columns).fillna("")


def _majority(labels: "pd.Series[int]") -> str:
    share = float(labels.mean())
    return figures.percent(max(share, 1 - share))


def value(figure: Interval, is_share: bool) -> str:
    """Format a figure: "67.5 %" or "0.672", a dash where it has no meaning."""
    if figure.value is None:
        return figures.MISSING
    return figures.percent(figure.value) if is_share else f"{figure.value:.3f}"


def interval(figure: Interval, is_share: bool) -> str:
    """Format an interval: "60.6 to 73.7" or "0.612 to 0.731"."""
    if figure.low is None or figure.high is None:
        return figures.MISSING
    scale, digits = (100, 1) if is_share else (1, 3)
    return f"{scale * figure.low:.{digits}f} to {scale * figure.high:.{digits}f}"


def _columns() -> dict[str, Any]:
    """Return the columns' widths in px, `TABLE_PX` in all."""
    text = st.column_config.TextColumn
    widths = {"Studies": 75, "95 % interval": 115, "n": 60}
    doubled = {**widths, "Images": 75, "95 % interval ": 115, "n ": 60}
    numbers = {
        name: text(name.strip(), width=width, alignment="right") for name, width in doubled.items()
    }
    return {"Figure": text(width=130, pinned=True), **numbers}


def _published(result: Evaluation) -> None:
    """Others' results, where these films are MURA's."""
    dataset = data_cache.dataset()
    if dataset.hash != result.data.get("hash") or dataset.kind != "mura" or dataset.synthetic:
        return
    st.markdown("**Published results on MURA**, each on its own films: not to be ranked.")
    rows = [
        (each.what, each.test_set, each.figure, each.shoulder, each.source)
        for each in published_results.RESULTS
    ]
    columns = ["Network or reader", "Films", "All parts", "Shoulder", "Source"]
    st.dataframe(pd.DataFrame(rows, columns=columns), hide_index=True, key="published")
    st.caption(published_results.NONE_SMALL)
