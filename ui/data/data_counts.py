"""What a data set holds: counts as a table and a plot, and what was passed over."""

import pandas as pd
import streamlit as st

from fracture_core.datasets import mura
from fracture_core.datasets.catalog import Dataset
from fracture_core.models import cards
from ui.cache import data_cache
from ui.shared import charts, theme
from ui.shell import owner

KINDS = {"mura": "MURA's layout", "fracatlas": "FracAtlas", "class_folders": "Class folders"}
SKIPPED = 50  # lines that a person may read; the count stands above them
DIFFERENCES = 20  # sentences that a person may read; the rest is counted
COLUMNS = {
    "split": "Split",
    "part": "Body part",
    "patients": "Patients",
    "positive_studies": "▲ studies",
    "negative_studies": "● studies",
    "studies": "Studies",
    "published_studies": "Published studies",
    "positive_images": "▲ films",
    "negative_images": "● films",
    "images": "Films",
    "published_images": "Published films",
}
PUBLISHED = ("published_studies", "published_images")
NOT_OF_SINGLE_FILMS = ("patients", "positive_studies", "negative_studies", "studies")
LEFT_OUT = {"fracatlas": NOT_OF_SINGLE_FILMS, "class_folders": ("part", *NOT_OF_SINGLE_FILMS)}


def show_facts(data: Dataset) -> None:
    """Where it lies, what kind it is, and whether it is whole."""
    st.code(owner.place(data.root), language=None)
    # Only a made set is known to be whole; real films have not been opened yet.
    whole = ":green-badge[:material/check: whole]" if data.synthetic else ""
    if not data.complete:
        whole = ":gray-badge[:material/hourglass_empty: not whole yet]"
    badge = theme.synthetic_badge() if data.synthetic else ""
    positive = f", positive class **{theme.plain(data.positive)}**" if data.positive else ""
    st.markdown(f"{KINDS[data.kind]}{positive} {badge} {whole}")
    st.caption(theme.plain(cards.label_meaning(vars(data))))


def show_counts(data: Dataset) -> None:
    """Counts per split, part and label, as a table and as a plot of the studies; of MURA's own
    films, beside what was published."""
    table = data_cache.counts()
    table["negative_studies"] = table["studies"] - table["positive_studies"]
    table["negative_images"] = table["images"] - table["positive_images"]
    parts = table[table["part"] != "all"]
    width = 760 if _is_real_mura(data) else 600  # px that the table needs
    grid = st.grid(2, min_column_width=width, gap="medium")
    with grid.cell():
        one_part = len(parts) == table["split"].nunique()
        _table(parts if one_part else table, data)
        st.caption(f"{theme.FRACTURE} fracture, {theme.NO_FRACTURE} no fracture.")
        if _is_real_mura(data):
            _compare_with_published(table)
    with grid.cell():
        colours = (theme.colour("fracture"), theme.colour("none"))
        figure = charts.counts(parts, *colours, theme.ink())
        st.plotly_chart(figure, key="counts", config={"displayModeBar": False})


def _table(table: pd.DataFrame, data: Dataset) -> None:
    """Numbers to the right; only the films where each is a study, as in class folders; of MURA's
    own films, how many were published as well."""
    left_out = LEFT_OUT.get(data.kind, ())
    if _is_real_mura(data):
        table = _with_published(table)
    else:
        left_out += PUBLISHED
    columns = {name: title for name, title in COLUMNS.items() if name not in left_out}
    numbers = {
        title: st.column_config.NumberColumn(format="localized", width=66)
        for name, title in columns.items()
        if name not in ("split", "part")
    }
    for title in (COLUMNS[name] for name in PUBLISHED if name in columns):
        words = f"{title} of MURA v1.1"
        numbers[title] |= {"label": "Published", "width": 74, "help": words}  # short, to fit
    shown = table[list(columns)].rename(columns=columns)
    st.dataframe(shown, hide_index=True, height="content", column_config=numbers)


def _with_published(table: pd.DataFrame) -> pd.DataFrame:
    """The counts with the columns `PUBLISHED`, empty where nothing was published."""
    keys = zip(table["split"], table["part"], strict=True)
    found = pd.DataFrame([mura.published(*key) for key in keys], index=table.index)
    found = found.reindex(columns=["studies", "images"]).astype("Int64")
    return table.join(found.add_prefix("published_"))


def _compare_with_published(counts: pd.DataFrame) -> None:
    """Whether all films are here that were published, or else what differs."""
    told = mura.differences(counts)
    if not told:
        films = counts.loc[counts["part"] == "all", "images"].sum()
        st.markdown(f":green-badge[:material/check: all {films:,} published films are here]")
    else:
        st.markdown(f"**{theme.plural(len(told), 'difference')}** from MURA v1.1 as published:")
        lines = [f"- {theme.plain(each)}" for each in told[:DIFFERENCES]]
        if len(told) > DIFFERENCES:
            lines.append(f"- and {len(told) - DIFFERENCES:,} more")
        st.markdown("\n".join(lines))
    st.caption(
        "Compared were counts, not contents: studies and films of each split, part and label, with "
        "those of the published lists."
    )


def _is_real_mura(data: Dataset) -> bool:
    return data.kind == "mura" and not data.synthetic


def show_skipped(data: Dataset) -> None:
    """What was passed over, or read with a doubt, and why."""
    if not data.skipped:
        st.caption(
            "No file was passed over for its name. Films are opened when they are first used; "
            "one that cannot be read is named then."
        )
        return
    count = len(data.skipped)
    with st.expander(f"{theme.plural(count, 'note')} on what was passed over"):
        if count > SKIPPED:
            st.caption(f"The first {SKIPPED} of {count:,}.")
        rows = [(each.path, each.reason) for each in data.skipped[:SKIPPED]]
        st.dataframe(pd.DataFrame(rows, columns=["Path", "Why"]), hide_index=True)


def show_sources() -> None:
    """Where a person gets films."""
    mura, fracatlas, own = st.columns(3, gap="medium")
    mura.markdown(
        "**MURA**\n\nStanford ML Group, 40,005 films of 14,656 studies of the upper limb. Free for "
        "research after signing their agreement: search for *Stanford ML Group MURA*. Unpack it "
        "and give the folder `MURA-v1.1`. Its *positive* means abnormal, not only fractures."
    )
    fracatlas.markdown(
        "**FracAtlas**\n\nOpen, CC BY 4.0, true fracture labels: "
        "[doi 10.6084/m9.figshare.22363012](https://doi.org/10.6084/m9.figshare.22363012). Unpack "
        "it and give its folder itself, the one with `dataset.csv`; no class needs to be named."
    )
    own.markdown(
        f"**The phantom** {theme.synthetic_badge()}\n\nFilms drawn by this program, with breaks "
        "whose place is known. Good for trying everything; a network that learned from it knows "
        "nothing of real bones."
    )
