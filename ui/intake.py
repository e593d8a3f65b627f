"""What is to be judged on Diagnose: films that were dropped, or a study of the data set in use."""

import contextlib
import itertools
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd
import streamlit as st
from starlette.formparsers import MultiPartParser
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fracture_core import datasets
from fracture_core.config import LIMITS
from fracture_core.datasets import Dataset
from fracture_core.errors import DataError, FilmError
from fracture_core.layouts import natural
from ui import cached, state, theme
from ui.pictures import Source

# Streamlit's server would put an upload of more than 1 MB into a temporary file while it arrives;
# a film must never touch the disk.
MultiPartParser.spool_max_size = LIMITS.file_bytes + 2**20

PRIVACY = (
    "Uploads stay in this browser session: never written to disk, never logged, gone with a reload."
)
EXAMPLE_VIEWS = (2, 4)  # enough to see OR at work, few enough to see all the films at once


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One study to judge.

    Args:
        study: what sentences call it.
        patient: `None` for uploads, whose patient nobody needs to know.
        films: (name, key) of each; the key stands for the content.
        sources: their content, in the same order.
        real: whether these are real films, as any upload is taken to be.
        key: of the study in the data set in use; `None` for uploads.
        label: 1 positive, 0 negative; `None` where nobody said.
    """

    study: str
    patient: str | None
    films: tuple[tuple[str, str], ...]
    sources: tuple[Source, ...]
    real: bool
    key: str | None = None
    label: int | None = None


def ask() -> Asked | None:
    """The uploader; gives what is to be judged, `None` if nothing is."""
    files = st.file_uploader(
        "Drop the films of one study here",
        accept_multiple_files=True,
        key=state.upload_key(),
        on_change=state.judge_uploads,
        help=f"PNG, JPEG, WebP or TIFF, up to {LIMITS.upload_files} films of "
        f"{LIMITS.file_bytes / 2**20:g} MB. One that cannot be read is named; the rest is judged.",
    )
    st.caption(PRIVACY)
    if files:
        return _uploaded(files)
    key = st.query_params.get(state.STUDY)
    try:
        return of_dataset(cached.dataset(), key) if key else None
    except DataError as error:
        st.warning(theme.plain(str(error)))
        return None


def _uploaded(files: list[UploadedFile]) -> Asked:
    ordered = sorted(files, key=lambda file: natural(file.name))
    names = _told_apart([file.name for file in ordered])
    films = tuple((name, file.file_id) for name, file in zip(names, ordered, strict=True))
    return Asked(
        study="the uploaded study", patient=None, films=films, sources=tuple(ordered), real=True
    )


def _told_apart(names: list[str]) -> list[str]:
    """The second `image1.png` becomes `image1.png (2)`: folders are lost in an upload."""
    told: dict[str, None] = {}
    for name in names:
        others = (f"{name} ({number})" for number in itertools.count(2))
        told[next(n for n in itertools.chain([name], others) if n not in told)] = None
    return list(told)


def of_dataset(dataset: Dataset, key: str) -> Asked:
    """A study of the data set.

    Raises:
        DataError: there is no such study.
    """
    rows = dataset.manifest[datasets.study_key(dataset.manifest) == key]
    if rows.empty:
        raise DataError(
            f"The data in use, {dataset.root.name}, has no study {key!r}. Choose one on Studies."
        )
    first = rows.iloc[0]
    return Asked(
        study=first["study"],
        patient=first["patient"],
        films=tuple((PurePosixPath(path).name, f"{dataset.root}/{path}") for path in rows["path"]),
        sources=tuple(dataset.root / path for path in rows["path"]),
        real=not dataset.synthetic,
        key=key,
        label=int(first["label"]),
    )


def example(dataset: Dataset) -> pd.Series | None:
    """A positive study, with several views and from valid if possible; `None` if there is none."""
    studies = datasets.studies(dataset.manifest)
    positive = studies[studies["label"] == 1]
    several = positive[positive["views"].between(*EXAMPLE_VIEWS)]
    ordered = (positive if several.empty else several).sort_values(
        "split", ascending=False, kind="stable"
    )
    return None if ordered.empty else ordered.iloc[0]


def offer_example() -> None:
    """What stands where the verdict will be, as long as nothing was given."""
    st.subheader("Drop films at the left, or begin with an example.", anchor=False)
    dataset = cached.dataset()
    row = example(dataset)
    if row is None:
        st.write("The data in use has no positive study to begin with.")
        return
    badge = f" {theme.synthetic_badge()}" if dataset.synthetic else ""
    part, views = theme.plain(row["part"]), theme.plural(row["views"], "film")
    name = f"{theme.plain(row['study'])} of {theme.plain(row['patient'])}"
    st.write(f"{name}: {part}, {views}{badge}")
    asked = of_dataset(dataset, row["key"])
    for column, (name, key), source in zip(
        st.columns(EXAMPLE_VIEWS[1]), asked.films, asked.sources, strict=False
    ):
        with contextlib.suppress(FilmError):  # refused by name when it is judged
            column.image(cached.picture(key, source).content, width="stretch", alt=name)
    st.button(
        "Judge this study",
        type="primary",
        icon=":material/radiology:",
        on_click=state.judge_study,
        args=(row["key"],),
    )
