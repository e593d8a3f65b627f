"""Mistakes of the report: the first eight of nine points; the ninth is in `ninth_mistake`."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from fracture_core.analysis.report_2018 import ExperimentRuns
from fracture_core.config import REPORT_RECIPE, PixelRecipe
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import FilmError
from fracture_core.films import images
from fracture_core.networks.architectures import ARCHITECTURES
from fracture_core.networks.augmentation import preview, sheared
from fracture_core.verdicts import metrics
from ui.cache import run_cache
from ui.report_2018 import single_studies
from ui.shared import figures, pictures, theme

SIDE = 176  # px of a film
# Counts of MURA-v1.1's shoulder, from its own lists.
STUDIES, IMAGES = {"train": 2821, "valid": 194}, {"train": 8379, "valid": 563}
SHOWN, EVALUATED = 2820, 190  # images that the report's "epoch" and its validation used
MAJORITY = 99  # of the 194 valid studies are negative
WIDTH = 420


def show(dataset: Dataset, runs: ExperimentRuns) -> None:
    """Draw the first eight mistakes, two side by side."""
    st.subheader("What the report got wrong", anchor=False)
    st.caption(
        "Counts are from MURA-v1.1's own lists for shoulder; films are from the data in use. None "
        "of this is a reproach: it was a student's first network, and most of it became visible "
        "only afterwards."
    )
    film = single_studies.first_valid_film(dataset)
    grid = st.grid(2, min_column_width=WIDTH, border=True)
    for point in (
        _counted_studies,
        _a_third,
        lambda: _nearest(dataset, film),
        lambda: _shear(dataset, film),
        _parameters,
        _few_evaluated,
        _trial_studies,
        lambda: _study_level(runs),
    ):
        with grid.cell():
            point()


def _counted_studies() -> None:
    st.markdown("**1. Its images are studies.** It counts 2,821 and 194 images; these are studies.")
    rows = [
        ("studies, train", STUDIES["train"]),
        ("images, train", IMAGES["train"]),
        ("studies, valid", STUDIES["valid"]),
        ("images, valid", IMAGES["valid"]),
    ]
    _bars(rows, "mistake-1")


def _a_third() -> None:
    share = figures.percent(SHOWN / IMAGES["train"])
    st.markdown(
        f"**2. An epoch showed a third of the films.** 2821 // 10 steps of 10 films: {SHOWN:,} of "
        f"{IMAGES['train']:,} ({share}). Here an epoch is every film once; the preset *2018 "
        "report* keeps the 282 steps."
    )
    _bars([("shown in an epoch", SHOWN), ("training films", IMAGES["train"])], "mistake-2")


def _nearest(dataset: Dataset, film: str | None) -> None:
    st.markdown(
        "**3. It kept one pixel in 256.** Its loader resized 512 px to 32 by nearest neighbour; an "
        "area filter averages all of them."
    )
    area = PixelRecipe(size=REPORT_RECIPE.size, resample="area", fit=REPORT_RECIPE.fit)
    _side_by_side(dataset, film, {"nearest, as it did": REPORT_RECIPE, "area": area})


def _shear(dataset: Dataset, film: str | None) -> None:
    st.markdown(
        "**4. Its shear of 0.2 is 0.2 degrees.** Next to nothing, which fits its remark that shear "
        "changed no result. It speaks of rotations; its code has none."
    )
    whole = PixelRecipe(size=128, resample="area", fit="pad")
    try:
        pixels = images.load(dataset.root / film, whole) if film else None
    except FilmError as error:
        st.caption(theme.plain(str(error)))
        return
    if pixels is not None:
        changed = preview(np.stack([pixels] * 3), sheared(len(pixels), np.array([0.0, 0.2, 20.0])))
        _films(dict(zip(("as it is", "0.2 degrees", "20 degrees"), changed, strict=True)))


def _parameters() -> None:
    st.markdown(
        "**5. Its largest network is the smallest.** Its remarks on training difficulty and "
        "overfitting concern depth, not size."
    )
    built = ("one_conv", "three_conv", "five_conv")
    rows = [(f"{name}, parameters", ARCHITECTURES[name].parameters) for name in built]
    _bars(rows, "mistake-5")


def _few_evaluated() -> None:
    st.markdown(
        f"**6. It evaluated {EVALUATED} of {IMAGES['valid']} validation films,** another shuffle "
        "each epoch: part of the fluctuation is the draw. A share of "
        f"{figures.percent(0.7)} and its {figures.LEVEL} interval:"
    )
    few, all_of = (metrics.wilson(round(0.7 * n), n) for n in (EVALUATED, IMAGES["valid"]))
    figure = go.Figure()
    for name, p, colour in (("190 films", few, "grey"), ("563 films", all_of, "accent")):
        if p.value is None or p.low is None or p.high is None:
            continue
        figure.add_scatter(
            x=[p.value],
            y=[name],
            mode="markers",
            marker={"size": 12},
            marker_color=theme.colour(colour),
            showlegend=False,
            error_x={
                "type": "data",
                "array": [p.high - p.value],
                "arrayminus": [p.value - p.low],
                "symmetric": False,
                "thickness": 3,
            },
            hovertemplate=f"{figures.with_interval(p)}<extra></extra>",
        )
    figure.update_xaxes(tickformat=".0%", range=[0.55, 0.85])
    _plot(figure, "mistake-6", 150)
    st.caption(f"{figures.interval(few)} against {figures.interval(all_of)}.")


def _trial_studies() -> None:
    st.markdown(
        "**7. Two of its four trial studies had been trained on.** It counts 3 of 4 right; of the "
        "two from validation, one was."
    )
    st.markdown(
        "| Patient | Study | From | Verdict | |\n|:--|:--|:--|:--|:--|\n"
        f"| 00007 | positive | train | {theme.mark(True)} | right |\n"
        f"| 00007 | negative | train | {theme.mark(False)} | right |\n"
        f"| 11417 | positive | valid | {theme.mark(True)} | right |\n"
        f"| 11417 | negative | valid | {theme.mark(True)} | **wrong** |"
    )
    one = metrics.wilson(1, 2)
    st.caption(f"1 of 2 says nothing: its {figures.LEVEL} interval is {figures.interval(one)}.")


def _study_level(runs: ExperimentRuns) -> None:
    guess = metrics.wilson(MAJORITY, STUDIES["valid"])
    st.markdown(
        "**8. It never measured whole studies,** on a whole validation set. The baseline, always "
        f'"no fracture", is right on {figures.percent(guess.value)} of the {STUDIES["valid"]} '
        "shoulder studies."
    )
    rows = []
    for key in ("one", "three", "five"):
        run = runs.get((key, 1))
        if run is None:
            continue
        table = run_cache.metrics_of(run.folder)
        if len(table) and "valid.study_accuracy" in table:
            last = table.iloc[-1]
            n = int(last["valid.studies"])
            p = metrics.wilson(round(last["valid.study_accuracy"] * n), n)
            rows.append(
                f"| {run.config.architecture} | {int(last['epoch'])} | {p.count} of {n} | "
                f"{figures.percent(p.value)} | {figures.interval(p)} |"
            )
    if not rows:
        st.caption("Results of its networks will appear here after the experiments.")
        return
    head = "| Network | Epoch | Studies right | Share | 95 % interval |\n|:--|--:|--:|--:|--:|"
    st.markdown("\n".join([head, *rows]))


# --- drawing ------------------------------------------------------------------------------------


def _bars(rows: list[tuple[str, int]], key: str) -> None:
    figure = go.Figure()
    figure.add_bar(
        x=[count for _, count in rows],
        y=[name for name, _ in rows],
        orientation="h",
        marker={"color": theme.colour("accent")},
        text=[f"{count:,}" for _, count in rows],
        textposition="auto",
        hovertemplate="%{y}: %{x:,}<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed")
    _plot(figure, key, 60 + 34 * len(rows))


def _plot(figure: go.Figure, key: str, height: int) -> None:
    ink = theme.ink()
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 6, "b": 30},
        dragmode=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": ink.text, "size": 13},
    )
    figure.update_xaxes(gridcolor=ink.grid, zeroline=False, fixedrange=True)
    figure.update_yaxes(automargin=True, fixedrange=True)
    st.plotly_chart(figure, key=key, config={"displayModeBar": False})


def _side_by_side(dataset: Dataset, film: str | None, recipes: dict[str, PixelRecipe]) -> None:
    if film is None:
        return
    try:
        whole = images.decode(dataset.root / film)
    except FilmError as error:
        st.caption(theme.plain(str(error)))
        return
    _films({words: images.to_pixels(whole, recipe) for words, recipe in recipes.items()})


def _films(shown: dict[str, np.ndarray]) -> None:
    with st.container(horizontal=True):
        for words, pixels in shown.items():
            with st.container(width=SIDE, gap=None):
                st.image(pictures.network_picture(pixels), width=SIDE, alt=words)
                st.caption(words)
