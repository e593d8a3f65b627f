"""Contents of a data set: counts as a table and a plot, and ignored files."""

import pandas as pd
import streamlit as st

from fracture_core.data_folders import ignored_files
from fracture_core.datasets.catalog import Dataset
from fracture_core.models import model_card
from fracture_core.readers import mura, own_table
from fracture_core.reports import page_receipts
from fracture_core.words import plural
from ui.cache import data_cache
from ui.shared import chart_words, charts, plots, receipt, theme
from ui.shell import owner

KINDS = {
    "mura": "MURA's layout",
    "fracatlas": "FracAtlas",
    "grazpedwri": "GRAZPEDWRI-DX",
    "class_folders": "Class folders",
    "table": "A table of films",
}
SKIPPED = 50  # lines shown; the count is above them
DIFFERENCES = 20  # sentences shown; the rest is counted
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


def show_facts(data: Dataset) -> None:
    """Show folder, kind and completeness of a data set."""
    st.code(owner.place(data.root), language=None)
    # Only a generated set is known to be complete; real films have not been opened yet.
    completeness = ":green-badge[:material/check: complete]" if data.synthetic else ""
    if not data.complete:
        completeness = ":gray-badge[:material/hourglass_empty: incomplete]"
    badge = theme.synthetic_badge() if data.synthetic else ""
    positive = f", positive class **{theme.plain(data.positive)}**" if data.positive else ""
    st.markdown(f"{KINDS[data.kind]}{positive} {badge} {completeness}")
    st.caption(theme.plain(model_card.label_meaning(vars(data))))
    if data.table and owner.is_owner():
        st.caption(theme.plain(own_table.Table.parse(data.table).words))


def show_counts(data: Dataset) -> None:
    """Show counts per split, part and label, as a table and as a plot of the studies.

    Those of MURA are shown beside the published counts.
    """
    receipt.offer("counts", lambda: page_receipts.of_data(data))
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
        title = "Studies of each split"
        rows = chart_words.tabulated(figure).rename(columns={"": "Split"})
        plots.show(figure, "counts", title, table=rows, config={"displayModeBar": False})


def _table(table: pd.DataFrame, data: Dataset) -> None:
    """The counts; only films where each film is a study, with MURA's published counts."""
    left_out: tuple[str, ...] = () if data.patients else NOT_OF_SINGLE_FILMS
    if data.kind == "class_folders":
        left_out += ("part",)
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
    """The counts with the columns `PUBLISHED`, empty without published counts."""
    keys = zip(table["split"], table["part"], strict=True)
    counts = pd.DataFrame([mura.published(*key) for key in keys], index=table.index)
    counts = counts.reindex(columns=["studies", "images"]).astype("Int64")
    return table.join(counts.add_prefix("published_"))


def _compare_with_published(counts: pd.DataFrame) -> None:
    """The differences from the published counts, if any."""
    differences = mura.differences(counts)
    if not differences:
        films = counts.loc[counts["part"] == "all", "images"].sum()
        st.markdown(f":green-badge[:material/check: all {films:,} published films are here]")
    else:
        number = plural(len(differences), "difference")
        st.markdown(f"**{number}** from MURA v1.1 as published:")
        lines = [f"- {theme.plain(each)}" for each in differences[:DIFFERENCES]]
        if len(differences) > DIFFERENCES:
            lines.append(f"- and {len(differences) - DIFFERENCES:,} more")
        st.markdown("\n".join(lines))
    st.caption(
        "Compares counts, not contents: studies and films of each split, part and label with the "
        "published lists."
    )


def _is_real_mura(data: Dataset) -> bool:
    return data.kind == "mura" and not data.synthetic


def show_skipped(data: Dataset) -> None:
    """List ignored files and folders with reasons; those that are no films are counted by kind."""
    if data.ignored:
        st.caption(theme.plain(ignored_files.sentence(data.ignored)))
    if not data.skipped and data.ignored:
        return
    if not data.skipped:
        st.caption(
            "No files ignored.",
            help="Films are opened when they are first used; unreadable ones are named then.",
        )
        return
    count = len(data.skipped)
    with st.expander(f"{plural(count, 'note')} on files and folders"):
        if count > SKIPPED:
            st.caption(f"The first {SKIPPED} of {count:,}.")
        rows = [(each.path, each.reason) for each in data.skipped[:SKIPPED]]
        st.dataframe(pd.DataFrame(rows, columns=["Path", "Reason"]), hide_index=True)


def show_sources() -> None:
    """Show sources of films."""
    mura, fracatlas, own = st.columns(3, gap="medium")
    mura.markdown(
        "**MURA**\n\nStanford ML Group, 40,005 films of 14,656 studies of the upper limb. Free for "
        "research after signing their agreement: search for *Stanford ML Group MURA*. Unpack it "
        "and give the folder `MURA-v1.1`. Its *positive* means abnormal, not only fractures."
    )
    fracatlas.markdown(
        "**FracAtlas**\n\nOpen, CC BY 4.0, true fracture labels: "
        "[doi 10.6084/m9.figshare.22363012](https://doi.org/10.6084/m9.figshare.22363012). Unpack "
        "it and give the folder with `dataset.csv`; no class needs to be named. Or fetch it below."
    )
    own.markdown(
        f"**The phantom** {theme.synthetic_badge()}\n\nFilms drawn by this program, with breaks "
        "at known places. Good for trying everything; a network trained on it knows nothing of "
        "real bones."
    )
