"""Mistakes of the report: the first eight of nine points; the ninth is in `ninth_mistake`."""

import io

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from PIL import Image

from fracture_core.analysis.report_2018 import ExperimentRuns
from fracture_core.config.film_settings import REPORT_RECIPE, PixelRecipe
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import FilmError
from fracture_core.films import images
from fracture_core.networks.architectures import ARCHITECTURES
from fracture_core.networks.augmentation import preview, sheared
from fracture_core.verdicts import closed_intervals
from ui.cache import run_cache
from ui.report_2018 import ninth_mistake, single_studies
from ui.shared import figures, pictures, plots, theme
from ui.shared.charts import CLEAR

# Counts of MURA-v1.1's shoulder, from its own lists.
STUDIES, IMAGES = {"train": 2821, "valid": 194}, {"train": 8379, "valid": 563}
SHOWN, EVALUATED = 2820, 190  # images that the report's "epoch" and its validation used
MAJORITY = 99  # of the 194 valid studies are negative
GAP_SHARE, GROUND = 16, 128  # of a film's width; the grey between films
COLUMNS, MIN_WIDTH = 4, 250  # px: eight fill their rows at every width


def show(dataset: Dataset, runs: ExperimentRuns) -> None:
    """Draw the mistakes as a gallery; what is measured of the ninth follows at the page's end."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(
            "What the report got wrong",
            anchor=False,
            width="content",
            help="Counts are from MURA-v1.1's own lists for shoulder; films are from the data in "
            "use. None of this is a reproach: it was a student's first network, and most of it "
            "became visible only afterwards.",
        )
    film = single_studies.first_valid_film(dataset)
    grid = st.grid(COLUMNS, min_column_width=MIN_WIDTH, border=True)
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
    with st.container(border=True):
        ninth_mistake.words()


def _counted_studies() -> None:
    st.markdown('**1. Its images are studies.** Its "3015 images" count studies.')
    rows = [
        ("train studies", STUDIES["train"]),
        ("train images", IMAGES["train"]),
        ("valid studies", STUDIES["valid"]),
        ("valid images", IMAGES["valid"]),
    ]
    _bars(rows, "mistake-1", "Studies and images")


def _a_third() -> None:
    share = figures.percent(SHOWN / IMAGES["train"])
    st.markdown(
        f"**2. An epoch showed a third of the films:** 282 steps of 10 films, {share}. Here it is "
        "every film once, but for the preset *2018 report*."
    )
    rows = [("used in an epoch", SHOWN), ("training films", IMAGES["train"])]
    _bars(rows, "mistake-2", "Films in an epoch")


def _nearest(dataset: Dataset, film: str | None) -> None:
    st.markdown(
        "**3. It kept one pixel in 256.** Nearest neighbour drops the others; an area filter "
        "averages them."
    )
    area = PixelRecipe(size=REPORT_RECIPE.size, resample="area", fit=REPORT_RECIPE.fit)
    _side_by_side(dataset, film, {"nearest neighbour": REPORT_RECIPE, "area": area})


def _shear(dataset: Dataset, film: str | None) -> None:
    st.markdown(
        "**4. Its shear of 0.2 is 0.2 degrees:** next to nothing, as in its remark that shear "
        "changed no result."
    )
    whole = PixelRecipe(size=128, resample="area", fit="pad")
    try:
        pixels = images.load(dataset.root / film, whole) if film else None
    except FilmError as error:
        st.caption(theme.plain(str(error)))
        return
    if pixels is not None:
        changed = preview(np.stack([pixels] * 3), sheared(len(pixels), np.array([0.0, 0.2, 20.0])))
        _films(dict(zip(("no shear", "0.2°", "20°"), changed, strict=True)))


def _parameters() -> None:
    st.markdown("**5. Its largest network is the smallest.** What it says of size is about depth.")
    built = ("one_conv", "three_conv", "five_conv")
    rows = [(name, ARCHITECTURES[name].parameters) for name in built]
    _bars(rows, "mistake-5", "Parameters")


def _few_evaluated() -> None:
    st.markdown(
        f"**6. It evaluated {EVALUATED} of {IMAGES['valid']} validation films,** others in each "
        f"epoch: part of its fluctuation is the draw. {figures.percent(0.7)} with its "
        f"{figures.LEVEL} interval:"
    )
    few, all_of = (closed_intervals.wilson(round(0.7 * n), n) for n in (EVALUATED, IMAGES["valid"]))
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
    words = f"190 films {figures.interval(few)}, 563 films {figures.interval(all_of)}"
    rows = [("190", figures.interval(few)), ("563", figures.interval(all_of))]
    table = pd.DataFrame(rows, columns=["Films", f"{figures.LEVEL} interval"])
    _plot(figure, "mistake-6", "The intervals", 150, f"{words}.", table)


def _trial_studies() -> None:
    st.markdown(
        "**7. Two of its four trial studies had been trained on.** Of the two from validation, one "
        "was right."
    )
    st.markdown(
        "| Patient | Label | Verdict |\n|:--|:-:|:--|\n"
        "| 00007, train | ▲ | ▲ right |\n"
        "| 00007, train | ● | ● right |\n"
        "| 11417, valid | ▲ | ▲ right |\n"
        "| 11417, valid | ● | ▲ **wrong** |"
    )
    one = closed_intervals.wilson(1, 2)
    st.caption(
        f"▲ fracture, ● no fracture. 1 of 2: {figures.LEVEL} interval {figures.interval(one)}."
    )


def _study_level(runs: ExperimentRuns) -> None:
    guess = closed_intervals.wilson(MAJORITY, STUDIES["valid"])
    st.markdown(
        '**8. It never measured whole studies.** The baseline, always "no fracture", is right on '
        f"{figures.percent(guess.value)} of the {STUDIES['valid']} shoulder studies."
    )
    rows = []
    for key in ("one", "three", "five"):
        run = runs.get((key, 1))
        table = run_cache.metrics_of(run.folder) if run else None
        if run and table is not None and "valid.study_accuracy" in table:
            last = table.iloc[-1]
            n = int(last["valid.studies"])
            p = closed_intervals.wilson(round(last["valid.study_accuracy"] * n), n)
            share = f"{figures.percent(p.value)} ({figures.interval(p)})"
            rows.append(f"| {run.config.architecture} | {share} | {p.n} |")
    if not rows:
        st.caption("Results of its networks will appear here after the experiments.")
        return
    head = "| Network | Studies right (95 % interval) | n |\n|:--|--:|--:|"
    st.markdown("\n".join([head, *rows]))


# --- drawing ------------------------------------------------------------------------------------


def _bars(rows: list[tuple[str, int]], key: str, title: str) -> None:
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
    figure.update_xaxes(showticklabels=False)
    words = f"{title}: {', '.join(f'{name} {count:,}' for name, count in rows)}."
    table = pd.DataFrame([(name, f"{count:,}") for name, count in rows], columns=["Which", title])
    _plot(figure, key, title, 24 + 30 * len(rows), words, table)


def _plot(
    figure: go.Figure, key: str, title: str, height: int, words: str, table: pd.DataFrame
) -> None:
    ink = theme.ink()
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 6, "b": 24},
        dragmode=False,
        **CLEAR,
        font={"color": ink.text, "size": 13},
    )
    figure.update_xaxes(gridcolor=ink.grid, zeroline=False, fixedrange=True)
    figure.update_yaxes(automargin=True, fixedrange=True)
    plots.show(figure, key, title, words=words, table=table, config={"displayModeBar": False})


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
    """Films side by side as one picture, which keeps its proportions at every width."""
    films = [Image.open(io.BytesIO(pictures.network_picture(each))) for each in shown.values()]
    gap = films[0].width // GAP_SHARE
    strip = Image.new("L", (sum(f.width + gap for f in films) - gap, films[0].height), GROUND)
    for number, film in enumerate(films):
        strip.paste(film, (number * (film.width + gap), 0))
    words = ", ".join(shown)
    st.image(strip, width="stretch", alt=f"A film, from left to right: {words}")
    st.caption(f"From left to right: {words}")
