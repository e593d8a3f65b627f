"""What is to be judged on Diagnose: films that were dropped, or a study of the data set in use."""

import contextlib
import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import pandas as pd
import streamlit as st
from starlette.formparsers import MultiPartParser
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fracture_core import files
from fracture_core.config import LIMITS
from fracture_core.datasets import catalog
from fracture_core.datasets.catalog import Dataset
from fracture_core.datasets.uploads import ALONE, SortedUploads, UploadedStudy, unlike
from fracture_core.errors import DataError, FilmError
from fracture_core.words import short
from ui.cache import data_cache, film_cache, prediction_cache, study_cache
from ui.shared import file_reasons, theme
from ui.shared.pictures import Source
from ui.shell import state

# Streamlit's server would put an upload of more than 1 MB into a temporary file while it arrives;
# a film must never touch the disk.
MultiPartParser.spool_max_size = LIMITS.upload_bytes + 2**20

PRIVACY = (
    "Uploads stay in this browser session, while you look at other pages too: never written to "
    "disk, never logged, gone with a reload. Of a DICOM file nothing is read but its pixels and "
    "which study it belongs to."
)
WAYS = {"files": "Films or zips", "folder": "A folder"}
EXAMPLE_VIEWS = (2, 4)  # enough to see OR at work, few enough to see all the films at once


@dataclass(frozen=True, kw_only=True)
class StudyInput:
    """One study to judge.

    Args:
        study: what sentences call it.
        patient: `None` for uploads, whose patient nobody needs to know.
        films: (name, key) of each; the key stands for the content.
        sources: their content, in the same order.
        real: whether these are real films, as any upload is taken to be.
        key: of the study in the data set in use; `None` for uploads.
        data_hash: of that data set; `None` for uploads.
        label: 1 positive, 0 negative; `None` where nobody said.
        others: all studies of the same upload, this one too; empty where it is the only one.
        folder: whether the study has its name from a folder.
        left_out: (name, reason) of what was dropped with it and is in no study.
    """

    study: str
    patient: str | None
    films: tuple[tuple[str, str], ...]
    sources: tuple[Source, ...]
    real: bool
    key: str | None = None
    data_hash: str | None = None
    label: int | None = None
    others: tuple["StudyInput", ...] = ()
    folder: bool = False
    left_out: tuple[tuple[str, str], ...] = ()


def ask() -> StudyInput | None:
    """The uploader; gives what is to be judged, `None` if nothing is."""
    way = st.segmented_control(
        "What to drop", list(WAYS), default="files", required=True, format_func=WAYS.get,
        key=state.WAY, label_visibility="collapsed",
    )  # fmt: skip
    files = st.file_uploader(
        "Drop the films of one study, or of several, here",
        accept_multiple_files="directory" if way == "folder" else True,
        key=f"{state.upload_key()}-{way}",
        on_change=state.take_uploads,
        help=f"PNG, JPEG, WebP, TIFF or DICOM, or a zip of them; up to {LIMITS.upload_files} "
        f"films, each of {LIMITS.file_bytes / 2**20:g} MB. Folders, and DICOM's own studies, "
        "become studies. One that cannot be read is named; the rest is judged.",
    )
    st.caption(PRIVACY)
    if not files and state.lost_uploads(f"{state.upload_key()}-{way}"):
        st.warning(
            "The server was started anew, and the films that are listed here are gone with it: "
            "uploads are kept in memory alone. Remove them, and drop them again.",
            icon=":material/restart_alt:",
        )
        st.button("Remove all", icon=":material/delete:", on_click=_remove, key="remove-lost")
        return None
    found = uploaded(files)
    key = st.query_params.get(state.STUDY)
    if found and (files or not key):
        _kept(found, dropped=bool(files))
        return _asked(found)
    if found:
        st.button("Back to your upload", icon=":material/undo:", on_click=state.diagnose_uploads)
    try:
        return of_dataset(data_cache.dataset(), key) if key else None
    except DataError as error:
        st.warning(theme.plain(str(error)))
        return None


def uploaded(files: list[UploadedFile]) -> SortedUploads | None:
    """What was dropped, sorted into studies: now, or before another page was looked at.

    Streamlit empties the uploader when its page is left; the session's cache keeps what was sorted.
    """
    if files:
        st.session_state[state.KEPT] = tuple(file.file_id for file in files)
    keys = st.session_state.get(state.KEPT)
    found = film_cache.sorted_uploads(keys, files) if keys else None
    return found if found and (found.studies or found.refused) else None


def _kept(found: SortedUploads, dropped: bool) -> None:
    """What is there of the films, and the way to be rid of them.

    Args:
        found: what was dropped.
        dropped: whether it stands in the uploader; else its page was left since.
    """
    count = theme.plural(sum(len(study.films) for study in found.studies), "file")
    if not dropped:
        st.caption(f"{count} that you dropped before are still here; others take their place.")
    st.button("Remove all", icon=":material/delete:", on_click=_remove)


def _remove() -> None:
    state.remove_uploads()
    prediction_cache.forget_uploads()


def _asked(found: SortedUploads) -> StudyInput | None:
    """What was dropped, as one study or the first of several; what is refused is said, by name."""
    file_reasons.show(found.refused, f"{theme.plural(len(found.refused), 'file')} left out")
    if not found.studies:
        return None
    studies = tuple(replace(of_upload(study), left_out=found.refused) for study in found.studies)
    if len(studies) == 1:
        return studies[0]
    return replace(studies[0], others=_told_apart(studies))


def _told_apart(studies: tuple[StudyInput, ...]) -> tuple[StudyInput, ...]:
    """Of several studies, those without a folder are called by their first film."""
    told: dict[str, StudyInput] = {}
    for study in studies:
        name = study.study if study.folder else f"the study of {study.films[0][0]}"
        name = unlike(name, told)
        told[name] = replace(study, study=name)
    return tuple(told.values())


def of_upload(study: UploadedStudy) -> StudyInput:
    """A study that was dropped. A film's key is the hash of its content."""
    keys = [hashlib.blake2b(film.content, digest_size=16).hexdigest() for film in study.films]
    return StudyInput(
        study=study.name,
        patient=None,
        films=tuple((film.name, key) for film, key in zip(study.films, keys, strict=True)),
        sources=tuple(film.content for film in study.films),
        real=True,
        folder=not study.name.startswith(ALONE),
    )


def of_dataset(dataset: Dataset, key: str) -> StudyInput:
    """A study of the data set.

    Raises:
        DataError: there is no such study.
    """
    rows = dataset.manifest[catalog.study_key(dataset.manifest) == key]
    if rows.empty:
        raise DataError(
            f"The data in use, {dataset.root.name}, has no study {short(key)!r}. "
            "Choose one on Studies."
        )
    first = rows.iloc[0]
    return StudyInput(
        study=first["study"],
        patient=first["patient"],
        films=tuple(
            (PurePosixPath(path).name, _content_key(dataset, path)) for path in rows["path"]
        ),
        sources=tuple(dataset.root / path for path in rows["path"]),
        real=not dataset.synthetic,
        key=key,
        data_hash=dataset.hash,
        label=int(first["label"]),
    )


def _content_key(dataset: Dataset, path: str) -> str:
    """What stands for a film's content: another key once its file was replaced."""
    return f"{dataset.root}/{path} {files.stamp(dataset.root / path)}"


def example(dataset: Dataset, known: Collection[str] = ()) -> pd.Series | None:
    """A positive study, with several views and from valid if possible; `None` if there is none.

    Args:
        dataset: the one that is read.
        known: patients that the model was trained on, or may have been: none of theirs.
    """
    studies = catalog.studies(dataset.manifest)
    positive = studies[(studies["label"] == 1) & ~studies["patient"].isin(list(known))]
    several = positive[positive["views"].between(*EXAMPLE_VIEWS)]
    ordered = (positive if several.empty else several).sort_values(
        "split", ascending=False, kind="stable"
    )
    return None if ordered.empty else ordered.iloc[0]


def offer_example(reference: str) -> None:
    """What stands where the verdict will be, as long as nothing was given: a study of a patient
    that the model in use was not trained on."""
    st.subheader("Drop films at the left, or begin with an example.", anchor=False)
    dataset = data_cache.dataset()
    row = example(dataset, study_cache.training_overlaps(reference))
    if row is None:
        st.write(
            "The data in use has no positive study of a patient that is surely new to this model, "
            "and so no example."
        )
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
            column.image(film_cache.picture(key, name, source).content, width="stretch", alt=name)
    st.button(
        "Judge this study",
        type="primary",
        icon=":material/radiology:",
        on_click=state.diagnose_study,
        args=(row["key"],),
    )
