"""The input of Diagnose: uploaded films, or a study of the data set in use."""

import contextlib
import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import pandas as pd
import streamlit as st
from starlette.formparsers import MultiPartParser
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fracture_core import files
from fracture_core.config.limits import LIMITS
from fracture_core.data_folders import ignored_files
from fracture_core.datasets import catalog
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import DataError, FilmError
from fracture_core.study_sorting.study_groups import unlike
from fracture_core.study_sorting.uploads import ALONE, SortedUploads, UploadedStudy
from fracture_core.words import plural, short
from ui.cache import curation_cache, data_cache, film_cache, study_cache
from ui.diagnose import prediction_cache, uploader
from ui.shared import file_reasons, theme
from ui.shared.pictures import Source
from ui.shell import state

# Streamlit's server would write an upload of more than 1 MB into a temporary file; a film must
# never touch the disk.
MultiPartParser.spool_max_size = LIMITS.upload_bytes + 2**20

PRIVACY = "Uploads stay in memory: never written to disk, never logged, gone after a reload."
HELP = (
    "DICOM, PNG, JPEG of any kind, TIFF and other images, or a zip of them; up to "
    f"{LIMITS.upload_files} films, each of {LIMITS.file_bytes / 2**20:g} MB. Folders, and DICOM's "
    "own studies, become studies; from DICOM files only the pixels, their spacing and the study "
    "ID are read. Unreadable files are named; the rest is used. Uploads stay while you visit "
    "other pages of this tab."
)
WAYS = {"files": "Films or zips", "folder": "A folder"}
EXAMPLE_PX = 340  # longer side of the example's films
EXAMPLE_VIEWS = (2, 4)  # enough to show the OR rule, few enough to show all the films at once


@dataclass(frozen=True, kw_only=True)
class StudyInput:
    """One study to predict.

    Args:
        study: its name in sentences.
        patient: `None` for uploads, whose patient is not needed.
        films: (name, key) of each; the key identifies the content.
        sources: their content, in the same order.
        real: whether the films are real, as any upload is assumed to be.
        key: of the study in the data set in use; `None` for uploads.
        data_hash: of that data set; `None` for uploads.
        label: 1 positive, 0 negative; `None` if unknown.
        others: all studies of the same upload, including this one; empty for a single study.
        folder: whether the study is named after a folder.
        left_out: (name, reason) of uploaded files that are in no study.
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

    @property
    def title(self) -> str:
        """The study's name, and its patient's where there is one, in plain text."""
        return f"{self.study} of {self.patient}" if self.patient else self.study

    @property
    def views(self) -> list[tuple[str, str, Source]]:
        """Name, key and content of each film."""
        films = zip(self.films, self.sources, strict=True)
        return [(name, key, source) for (name, key), source in films]

    @property
    def viewer_key(self) -> str:
        """The viewer's key of these films: others begin whole and with nothing erased."""
        if self.key:  # the same key in other data is another study
            return f"{self.data_hash} {self.key}"
        return " ".join(key for _, key in self.films)


def ask() -> StudyInput | None:
    """Draw the uploader; return the study to predict, or `None`."""
    way = st.segmented_control(
        "What to drop",
        list(WAYS),
        default="files",
        required=True,
        format_func=WAYS.__getitem__,
        key=state.WAY,
        label_visibility="collapsed",
    )
    files = st.file_uploader(
        "Drop the films of one study or several",
        accept_multiple_files="directory" if way == "folder" else True,
        key=f"{uploader.key()}-{way}",
        on_change=uploader.take_uploads,
        help=HELP,
    )
    if not files and state.lost_uploads(f"{uploader.key()}-{way}"):
        _say_lost()
        return None
    upload = uploaded(files)
    key = st.query_params.get(state.STUDY)
    if upload and (files or not key):
        _upload_note(upload, dropped=bool(files))
        return _study_of(upload)
    st.caption(PRIVACY)
    if upload:
        st.button("Back to your upload", icon=":material/undo:", on_click=uploader.diagnose_uploads)
    return _study_in_address(key) if key else None


def _say_lost() -> None:
    st.warning(
        "The server was restarted, and the films listed here are gone: uploads are kept in "
        "memory only. Remove them, and drop them again.",
        icon=":material/restart_alt:",
    )
    st.button("Remove all", icon=":material/delete:", on_click=_remove, key="remove-lost")


def _study_in_address(key: str) -> StudyInput | None:
    try:
        return of_dataset(data_cache.dataset(), key)
    except DataError as error:
        st.warning(theme.plain(str(error)))
        return None


def uploaded(files: list[UploadedFile]) -> SortedUploads | None:
    """Return the upload, sorted into studies: a new one, or one of before a change of pages.

    Streamlit empties the uploader when its page is left; the session's cache keeps the studies.
    """
    if files:
        st.session_state[state.UPLOADED_FILES] = tuple(file.file_id for file in files)
    keys = st.session_state.get(state.UPLOADED_FILES)
    upload = film_cache.sorted_uploads(keys, files) if keys else None
    return upload if upload and (upload.studies or upload.refused or upload.ignored) else None


def _upload_note(upload: SortedUploads, dropped: bool) -> None:
    """The number of kept files, with the button that removes them.

    Args:
        upload: the files in studies.
        dropped: whether the uploader still lists them; else its page was left since.
    """
    if not dropped:
        count = plural(sum(len(study.films) for study in upload.studies), "file")
        st.caption(f"Still here: {count} that you dropped before. New files replace them.")
    if upload.ignored:
        st.caption(theme.plain(ignored_files.sentence(upload.ignored)))
    st.button("Remove all", icon=":material/delete:", type="tertiary", on_click=_remove)


def _remove() -> None:
    uploader.remove_uploads()
    prediction_cache.forget_uploads()


def _study_of(upload: SortedUploads) -> StudyInput | None:
    """The uploaded study, or the first of several; without any, the reasons are listed."""
    if not upload.studies:
        left = f"{plural(len(upload.refused), 'file')} left out"
        st.warning("There is no film in this upload. Remove it, and drop others.")
        file_reasons.show(upload.refused, left, expanded=True)
        return None
    studies = tuple(replace(of_upload(study), left_out=upload.refused) for study in upload.studies)
    if len(studies) == 1:
        return studies[0]
    return replace(studies[0], others=_with_unique_names(studies))


def _with_unique_names(studies: tuple[StudyInput, ...]) -> tuple[StudyInput, ...]:
    """Unique names for several studies; without a folder, after the first film."""
    by_name: dict[str, StudyInput] = {}
    for study in studies:
        name = study.study if study.folder else f"the study of {study.films[0][0]}"
        name = unlike(name, by_name)
        by_name[name] = replace(study, study=name)
    return tuple(by_name.values())


def of_upload(study: UploadedStudy) -> StudyInput:
    """Convert an uploaded study; a film's key is the hash of its content."""
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
    """Return a study of the data set.

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
        label=curation_cache.corrected(dataset.hash).labels.get(key, int(first["label"])),
    )


def _content_key(dataset: Dataset, path: str) -> str:
    """Key of a film's content, which changes once its file is replaced."""
    return f"{dataset.root}/{path} {files.stamp(dataset.root / path)}"


def example(dataset: Dataset, excluded: Collection[str] = ()) -> "pd.Series[Any] | None":
    """Return a positive study, with several views and from valid if possible, or `None`.

    Args:
        dataset: the data set to choose from.
        excluded: patients that the model was or may have been trained on.
    """
    studies = catalog.studies(dataset.manifest)
    positive = studies[(studies["label"] == 1) & ~studies["patient"].isin(list(excluded))]
    several = positive[positive["views"].between(*EXAMPLE_VIEWS)]
    ordered = (positive if several.empty else several).sort_values(
        "split", ascending=False, kind="stable"
    )
    return None if ordered.empty else ordered.iloc[0]


def offer_example(reference: str) -> None:
    """Offer an example while there is no input: a patient that the model was not trained on."""
    st.header("Drop the films of a study, or start with an example", anchor=False)
    st.markdown("Each film gets a score; the study is positive if any film is (OR rule).")
    dataset = data_cache.dataset()
    row = example(dataset, study_cache.training_overlaps(reference))
    if row is None:
        st.write(
            "There is no example: the data in use has no positive study of a patient that is new "
            "to this model."
        )
        return
    study = of_dataset(dataset, row["key"])
    with st.container(horizontal=True, gap="small"):
        for name, key, source in study.views[: EXAMPLE_VIEWS[1]]:
            with contextlib.suppress(FilmError):  # named with the verdict
                picture = film_cache.picture(key, name, source)
                width = min(EXAMPLE_PX, EXAMPLE_PX * picture.width // picture.height)
                st.image(picture.content, width=width, alt=name)
    badge = f" {theme.synthetic_badge()}" if dataset.synthetic else ""
    part, views = theme.plain(row["part"]), plural(row["views"], "film")
    name = f"{theme.plain(row['study'])} of {theme.plain(row['patient'])}"
    st.markdown(f"{name}: {part}, {views}{badge}")
    st.button(
        "Diagnose this study",
        type="primary",
        icon=":material/radiology:",
        on_click=uploader.diagnose_study,
        args=(row["key"],),
    )
