"""Everything that is kept between reruns: every `st.cache_*` of the app is here.

Resources are shared by all sessions and never changed after they were made.
"""

import base64
import contextlib
import ctypes
import gc
import importlib
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fracture_core import checksums, files
from fracture_core.analysis import comparison, report_claims
from fracture_core.analysis import curves as run_curves
from fracture_core.analysis import trajectories as trajectory
from fracture_core.analysis.report_2018 import Found, Length
from fracture_core.analysis.report_claims import Answer, Claim
from fracture_core.analysis.trajectories import Trajectories
from fracture_core.audit import audit_job
from fracture_core.audit.findings import Audit
from fracture_core.config import (
    LIMITS,
    Augmentation,
    PixelRecipe,
    TrainConfig,
    cache_folder,
    models_folder,
    phantom_folder,
    runs_folder,
    whole_number,
)
from fracture_core.datasets import catalog, uploads
from fracture_core.datasets import exclusions as excluded
from fracture_core.datasets.catalog import Choice, Dataset
from fracture_core.datasets.exclusions import Exclusions
from fracture_core.errors import DataError, FractureError, RunError
from fracture_core.films import images
from fracture_core.films.eraser import Stroke
from fracture_core.jobs import launcher
from fracture_core.models import cards, training_patients
from fracture_core.models.training_patients import Acquaintance
from fracture_core.phantom import phantom_set
from fracture_core.phantom.phantom_set import Break
from fracture_core.runs import checkpoints, journal, predictions, run_folders
from fracture_core.training import averages_job
from fracture_core.verdicts.aggregation import sentence, verdicts
from ui import augmentation_preview, facets, light_box, pictures, reading, state, turns
from ui.film_viewer import Erased
from ui.pictures import Source

if TYPE_CHECKING:  # only Diagnose may load TensorFlow, see `warm_up`
    from fracture_core.models.inference import JudgedStudy, Predictor

Made = TypeVar("Made")
HEAPS = 2  # of the C library, at most; those that are there already stay
M_ARENA_MAX = -8  # mallopt's name for it, in glibc's malloc.h
TABLES_KEPT = 64  # runs; 75 epochs are 10 kB
STEPS_KEPT = 8  # runs; a day's live curve is 0.2 MB
TRAJECTORIES_KEPT = 8  # runs; 75 epochs of 3,000 films are 0.9 MB
LATELY_SECONDS = 1.0  # that old is what a page may tell that looks by itself
MADE_KEPT = 128  # things made of runs' files, see `of_files`; 0.1 MB each at most
VARIANTS_KEPT = 32  # of such a thing: by epoch, pinned studies and theme
CARDS_KEPT = 300  # 25 kB each
FILMS_AT_ONCE = 16  # judged between two looks at how far it is; a tenth of a second
SHOWN_SIDE = 1600  # px; a film fills a 1440 px window, and 200 of them stay under 60 MB


@st.cache_resource(max_entries=1, ttl="1m", show_spinner=False)
def spare_collector(modules: int) -> None:
    """Once a minute, and for so many loaded modules: the garbage collector no longer looks at what
    is there by now.

    Streamlit collects after every run of a script, a live page's fragment included, and Keras once
    more where it is loaded: a fifth of a second each time for objects that stay for good, and some
    milliseconds for those of each session. What has become garbage among them goes a minute later.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


@st.cache_resource(max_entries=1, ttl="1m", show_spinner=False)
def give_back_memory() -> None:
    """Once a minute: what was freed goes back to the system, where its C library can (glibc).

    Else the pages between small things that are still in use stay with the process for good. Each
    run of a script is a thread, for which glibc would lay out a heap of its own again and again.
    """
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(M_ARENA_MAX, HEAPS)
        library.malloc_trim(0)


def dataset(choice: Choice | None = None) -> Dataset:
    """The data set that this tab reads, or another one.

    Raises:
        DataError: it cannot be read; the sentence says what to do.
    """
    choice = choice or reading.choice()
    found = _dataset(choice, _phantom(choice.root)[1])
    if not found.root.is_dir():  # it has gone since it was read: now that is said
        _dataset.clear()
        found = _dataset(choice, _phantom(choice.root)[1])
    return found


@st.cache_resource(max_entries=4, ttl="1h", show_spinner="Reads the list of films…")
def _dataset(choice: Choice, made: tuple[int, int] | None) -> Dataset:
    """`made` is part of the key: a growing phantom is read anew as it grows."""
    with turns.pause():
        return catalog.read(choice.root, choice.positive)


def rescan() -> Dataset:
    """The data set in use, read anew from top to bottom, and every picture of it dropped.

    Raises:
        DataError: it cannot be read; what was kept of it is kept.
    """
    choice = reading.choice()
    with turns.pause():
        fresh = catalog.read(choice.root, choice.positive, rescan=True)
    _cards().clear()
    for kept in (_dataset, _studies, film, seen):
        kept.clear()
    return fresh


def studies() -> pd.DataFrame:
    """The studies of the data set in use: `catalog.studies`, and `first`, the manifest's row of
    the study's first film (the others follow it), and a column for each of `facets.FACETS`."""
    data = dataset()
    table, found = _studies(data.hash, data.manifest), judgements()
    results = found.results if found else {}
    return table.assign(**{facets.RESULT: facets.results_of(table, results)})


@st.cache_resource(max_entries=4, show_spinner=False)
def _studies(digest: str, _manifest: pd.DataFrame) -> pd.DataFrame:
    table = catalog.studies(_manifest)
    return facets.sorted_in(table.assign(first=table["views"].cumsum() - table["views"]))


def counts() -> pd.DataFrame:
    """The counts of the data set in use, see `catalog.counts`."""
    data = dataset()
    return _counts(data.hash, data.manifest)


@st.cache_data(max_entries=4, show_spinner=False)
def _counts(digest: str, _manifest: pd.DataFrame) -> pd.DataFrame:
    return catalog.counts(_manifest)


Wanted = list[tuple[tuple[Path, ...], str]]  # a study's films in order, and its label's hex colour


def cards_of(wanted: Wanted) -> list[bytes | None]:
    """A card's picture for each study; `None` for one that is not made yet, see `paint`."""
    kept, found = _cards(), []
    for what in wanted:
        card = kept.get(what)
        done = card is not None and card.done()
        if done and card.exception():
            kept.pop(what, None)  # who asks again gets another try
        found.append(card.result() if done else None)
    return found


def paint(wanted: Wanted) -> None:
    """Have these cards made in the background, unless they are; at the end of a page.

    Decoding holds Python's lock for milliseconds at a time: a page that is drawn meanwhile takes
    ten times as long.
    """
    kept = _cards()
    for what in wanted:
        if what not in kept:
            kept[what] = _painters().submit(_painted, *what)
    for oldest in list(kept)[: max(0, len(kept) - CARDS_KEPT)]:
        kept.pop(oldest, None)


@st.cache_resource(show_spinner=False)
def _cards() -> dict[tuple[tuple[Path, ...], str], Future[bytes]]:
    """Once a server: the cards that were made or are being made, oldest first."""
    return {}


@st.cache_resource(show_spinner=False)
def _painters() -> ThreadPoolExecutor:
    """Once a server: who paints the cards."""
    return ThreadPoolExecutor(2)


def _painted(paths: tuple[Path, ...], colour: str) -> bytes:
    folder = cache_folder() / "thumbnails"
    return light_box.card([light_box.thumbnail(path, folder) for path in paths], colour)


@st.cache_data(show_spinner=False)
def empty_card(colour: str) -> bytes:
    """What stands in a card's place until it is made."""
    return light_box.card([], colour)


@st.cache_data(max_entries=32, show_spinner=False)
def film(path: Path, breaks: tuple[Break, ...] = (), colour: str = "") -> pictures.Picture:
    """A film of an open study, see `light_box.film`."""
    return light_box.film(path, breaks, colour)


@st.cache_data(max_entries=256, show_spinner=False)
def seen(path: Path, recipes: tuple[PixelRecipe, ...]) -> dict[PixelRecipe, bytes]:
    """What networks get of a film, see `light_box.seen`."""
    return light_box.seen(path, recipes)


def training_films(config: TrainConfig) -> pd.DataFrame:
    """The manifest's rows of the data set in use that a run with these settings would learn from,
    in the run's order."""
    data = dataset()
    return _training_films(
        data.hash, config.dev_share, config.seed, config.parts, _manifest=data.manifest
    )


def learned_films(config: TrainConfig) -> pd.DataFrame:
    """As `training_films`, without those that the run is to leave out."""
    rows = training_films(config)
    if config.exclude is None:
        return rows
    return rows[~rows["path"].isin(list(exclusions(dataset().hash).reasons))]


def judged_films(config: TrainConfig) -> int:
    """How many dev and valid films of the data set in use such a run judges after each epoch."""
    data = dataset()
    return _judged_films(
        data.hash, config.dev_share, config.seed, config.parts, _manifest=data.manifest
    )


@st.cache_data(max_entries=8, show_spinner=False)
def _judged_films(
    digest: str, dev_share: float, seed: int, parts: tuple[str, ...], _manifest: pd.DataFrame
) -> int:
    judged = catalog.assign_roles(_manifest, dev_share, seed).isin(["dev", "valid"])
    return int((judged & _manifest["part"].isin(parts)).sum() if parts else judged.sum())


@st.cache_resource(max_entries=8, show_spinner=False)
def _training_films(
    digest: str, dev_share: float, seed: int, parts: tuple[str, ...], _manifest: pd.DataFrame
) -> pd.DataFrame:
    rows = _manifest[catalog.assign_roles(_manifest, dev_share, seed) == "train"]
    return rows[rows["part"].isin(parts)] if parts else rows


def changed_films(config: TrainConfig, first: int) -> list[list[bytes]]:
    """Example films of the data set in use as some passes show them, see `augmentation_preview`."""
    data, rows = dataset(), training_films(config)
    who = (data.hash, config.dev_share, config.parts)
    return _changed_films(
        who, config.recipe, config.augmentation, config.seed, first, data.root, _rows=rows
    )


@st.cache_data(max_entries=32, show_spinner=False)
def _changed_films(
    who: tuple,
    recipe: PixelRecipe,
    augmentation: Augmentation,
    seed: int,
    first: int,
    root: Path,
    _rows: pd.DataFrame,
) -> list[list[bytes]]:
    return augmentation_preview.examples(root, _rows, recipe, augmentation, seed, first)


def _is_default(choice: Choice) -> bool:
    return choice.root == phantom_folder()


@st.cache_resource
def ensure_phantom() -> None:
    """Once a server: start making the embedded data set, if it is the one in use and not whole."""
    choice = catalog.chosen()
    if _is_default(choice) and not _phantom(choice.root)[0]:
        launcher.start_phantom(choice.root)


def model_in_use() -> str:
    """The model that judges in this session, see `models.settle`; "" where none is in use.

    It may be gone since it was picked (`is_model`): no other takes its place by itself.
    """
    return st.session_state.get(state.PICKED, "")


def default_model() -> str:
    """What a session begins with: the first released model; a run is used where it is picked."""
    return next((name for name in models_here() if name in cards.released()), "")


def is_model(reference: str) -> bool:
    """Whether this names a model that is here; a run's epoch may not be kept."""
    return reference in models_here() or is_epoch_of_run(reference)


def fixed(reference: str) -> str:
    """A run's name with its best epoch by now, as RUN@EPOCH: when the run goes on and another
    epoch becomes the best, whoever uses this one keeps it. Any other reference as it is."""
    if reference in cards.released() or not run_folders.exists(reference):
        return reference
    epoch = predictions.best_epoch(run_folders.find(reference))
    return f"{reference}@{epoch}" if epoch else reference


def runs_now() -> list[run_folders.Run]:
    """All runs, newest first, as they stand now; of their files only what has changed is read."""
    launcher.reap()
    return run_folders.list_runs(_read_before("runs"))


def unreadable_runs(found: list[run_folders.Run]) -> list[str]:
    """A sentence for each run beside these that cannot be read."""
    return run_folders.unreadable(found)


@st.cache_resource(show_spinner=False)
def _read_before(what: str) -> files.Kept:
    """Once a server: what was read of every run so far."""
    return {}


def anew(what: str, make: Callable[[], Made]) -> Made:
    """What `make` gives now; `lately` knows it too."""
    made = make()
    _lately()[what] = (time.monotonic(), made)
    return made


def lately(what: str, make: Callable[[], Made]) -> Made:
    """What `make` gave to any session in the last second, else what it gives now."""
    at, made = _lately().get(what, (float("-inf"), None))
    return made if time.monotonic() - at < LATELY_SECONDS else anew(what, make)


@st.cache_resource(show_spinner=False)
def _lately() -> dict[str, tuple[float, object]]:
    """Once a server: what was made last of each kind, and when."""
    return {}


def labels(found: list[run_folders.Run]) -> dict[str, run_folders.Labels]:
    """What people wrote on each of these runs, by their names."""
    kept = _read_before("labels")
    return {run.name: run_folders.labels(run.folder, kept) for run in found}


def outcomes(found: list[run_folders.Run]) -> dict[str, comparison.Outcome]:
    """How good each of these runs is by now, by their names."""
    return {run.name: _outcome(run.folder) for run in found}


def _outcome(folder: Path) -> comparison.Outcome:
    """See `comparison.outcome`; nothing where the metrics cannot be read: its page says so."""
    kept = _read_before("outcomes")
    try:
        return files.unchanged(folder / "metrics.jsonl", kept, partial(comparison.outcome, folder))
    except RunError:
        return comparison.Outcome()


def curves(run: run_folders.Run) -> pd.DataFrame:
    """The run's epochs as a tidy table, see `curves.of_run`."""
    kept, read = _read_before("curves"), partial(run_curves.of_run, run)
    try:
        found = files.unchanged(run.folder / "metrics.jsonl", kept, read)
    except RunError:  # its metrics cannot be read: its own page says so
        return pd.DataFrame(columns=["run", "epoch"])
    return _some_kept(kept, TABLES_KEPT, found)


def run_now(name: str) -> run_folders.Run:
    """A run as it stands now; of its files only what has changed is read.

    Raises:
        RunNotFound: there is none of this name.
        RunError: its config cannot be read.
    """
    return run_folders.read(run_folders.find(name), _read_before("runs"))


def metrics_of(folder: Path) -> pd.DataFrame:
    """A run's epochs, see `journal.metrics`; only what is new is read."""
    kept = _read_before("metrics")
    with _reading:
        return _some_kept(kept, TABLES_KEPT, journal.metrics(folder, kept))


def steps_of(folder: Path) -> pd.DataFrame:
    """A run's live curve, see `journal.steps`; only what is new is read."""
    kept = _read_before("steps")
    with _reading:
        return _some_kept(kept, STEPS_KEPT, journal.steps(folder, kept))


_reading = threading.RLock()  # one session reads or computes, all others find it done


def _some_kept(kept: files.Kept, most: int, found: pd.DataFrame) -> pd.DataFrame:
    """A table for somebody who may change it; the oldest of what is kept are dropped."""
    for oldest in list(kept)[:-most]:
        kept.pop(oldest, None)
    return found.copy(deep=False)  # what somebody changes in it, pandas copies first


def of_files(what: str, paths: tuple[Path, ...], key: tuple, make: Callable[[], Made]) -> Made:
    """What is made of some files, once for all sessions until one of them has been written.

    Args:
        what: stands for the kind of thing that is made.
        paths: of what it is made; they may be missing.
        key: what else it depends on; it can be hashed.
        make: makes it. Who takes it must not change it.
    """
    return _made_once((what, paths), tuple(map(files.stamp, paths)), key, make)


def of_tables(folder: Path, key: tuple, make: Callable[[Trajectories], Made]) -> Made:
    """What is made of a run's tables, once for all sessions until there is another table.

    Args:
        folder: the run's.
        key: what else it depends on; it can be hashed.
        make: makes it of `trajectories`. Who takes it must not change it.

    Raises:
        RunError: the run has not read its films yet.
    """
    tables = trajectories(folder)
    return _made_once(("tables", folder), id(tables), key, lambda: make(tables), tables)


def _made_once(
    whose: tuple, state: object, key: tuple, make: Callable[[], Made], source: object = None
) -> Made:
    """`source` is kept beside what was made of it, so that its `id` stays its own."""
    with _reading:
        kept = _made()
        known = kept.pop(whose, None)
        if known is None or known[0] != state:
            known = (state, {}, source)
        kept[whose] = known  # the last one asked for is the last one dropped
        for oldest in list(kept)[:-MADE_KEPT]:
            del kept[oldest]
        values = known[1]
        if key not in values:
            values[key] = make()
            for oldest in list(values)[:-VARIANTS_KEPT]:
                del values[oldest]
        return values[key]


@st.cache_resource(show_spinner=False)
def _made() -> dict[tuple, tuple[object, dict[tuple, object], object]]:
    """Once a server: by what it is and of whom, the state of what it was made of, and each."""
    return {}


def recomputed(run: run_folders.Run) -> tuple[pd.DataFrame, list[int]]:
    """A run's epochs judged with recomputed averages, as `averages_job.curve` and `missing` know
    them; nothing where its files cannot be read: the job says so."""
    return of_files("recomputed", files_of_averages(run), (), partial(_recomputed, run))


def files_of_averages(run: run_folders.Run) -> tuple[Path, ...]:
    """The files that a run's curves, with running and with recomputed averages, are read from."""
    known = ("metrics.jsonl", checksums.SUMS, "checkpoints")
    return averages_job.place_of(run) / "metrics.jsonl", *(run.folder / name for name in known)


def _recomputed(run: run_folders.Run) -> tuple[pd.DataFrame, list[int]]:
    try:
        return averages_job.curve(run), averages_job.missing(run)
    except RunError:
        return pd.DataFrame(columns=["epoch"]), []


def report_answers(found: Found, length: Length) -> dict[Claim, Answer]:
    """What the 2018 report's experiments say to its claims by now, see `report_claims.answer`."""
    stamps = tuple(
        (key, run.folder, files.stamp(run.folder / "metrics.jsonl")) for key, run in found.items()
    )
    return _report_answers(stamps, length, found)


@st.cache_data(max_entries=8, show_spinner=False)
def _report_answers(stamps: tuple, length: Length, _found: Found) -> dict[Claim, Answer]:
    return {claim: report_claims.answer(claim, _found, length) for claim in report_claims.CLAIMS}


def run_verdicts(run: run_folders.Run, epoch: int) -> pd.DataFrame:
    """What a run says of its dev and valid studies, see `comparison.verdicts`.

    Raises:
        RunError: its films or the epoch's table are missing or damaged.
    """
    table = files.stamp(predictions.path(run.folder, epoch))
    return _run_verdicts(run.folder, epoch, table, run.config.threshold, run)


@st.cache_data(max_entries=64, show_spinner=False)
def _run_verdicts(
    folder: Path, epoch: int, stamp: tuple[int, ...], threshold: float, _run: run_folders.Run
) -> pd.DataFrame:
    return comparison.verdicts(_run, epoch)


def timed_run(architecture: str, size: int) -> run_folders.Run | None:
    """The newest run of this network and size whose speed is known."""
    alike = (run for run in runs_now() if run.status.images_per_second)
    asked = (architecture, size)
    return next((r for r in alike if (r.config.architecture, r.config.recipe.size) == asked), None)


def majority(folder: Path, level: str) -> dict[str, float]:
    """By role, the accuracy of always guessing the more frequent label among a run's films.

    Args:
        folder: the run's.
        level: "images" or "studies".

    Returns:
        Nothing where the list of the run's films cannot be read.
    """

    def read() -> dict[str, float]:
        try:
            films = journal.films(folder)
        except RunError:
            return {}
        return predictions.majority(films if level == "images" else catalog.studies(films))

    return of_files("majority", (folder / "films.parquet",), (level,), read)


def trajectories(folder: Path) -> Trajectories:
    """What a run has thought at every epoch; only tables that are new since the last look are read.

    Raises:
        RunError: the run has not read its films yet.
    """
    films = folder / "films.parquet"
    made = films.stat().st_mtime_ns if films.exists() else 0
    with _reading:
        kept = _trajectories()
        known = kept.pop((folder, made), None)
        if known is None or known.epochs != predictions.epochs(folder):
            known = trajectory.read(folder, known)
        kept[folder, made] = known  # the last one asked for is the last one dropped
        for oldest in list(kept)[:-TRAJECTORIES_KEPT]:
            kept.pop(oldest, None)
        return known


@st.cache_resource(show_spinner=False)
def _trajectories() -> dict[tuple[Path, int], Trajectories]:
    """Once a server: by run folder, and when its films were written."""
    return {}


def phantom_is_growing() -> bool:
    """Whether the data set in use is a phantom that is not whole yet."""
    root = reading.choice().root
    whole, made = _phantom(root)
    return not whole and (made is not None or root == phantom_folder())


def is_phantom(root: Path) -> bool:
    """Whether a data set is a phantom, whole or not."""
    return _phantom(root)[1] is not None


def _phantom(root: Path) -> tuple[bool, tuple[int, int] | None]:
    """Return whether a data set is a whole phantom, and `phantom_set.progress`.

    Read once while it is at rest, for its list of films is long.
    """
    kept = of_files(
        "phantom", (root / phantom_set.INDEX,), (),
        lambda: (phantom_set.is_complete(root), phantom_set.progress(root)),
    )  # fmt: skip
    whole, made = kept
    return kept if whole or made is None else (whole, phantom_set.progress(root))


@dataclass(frozen=True, kw_only=True)
class Example:
    """A study with its verdict: a sentence, and the paths of its films in the data set."""

    sentence: str
    paths: tuple[str, ...]


def example() -> Example | None:
    """A dev study that the model in use rightly called a fracture; `None` if it has none here."""
    name = model_in_use()
    try:
        return _example(name, stamp(name), dataset().hash) if is_model(name) else None
    except FractureError:  # the model is not whole: others say so
        return None


@st.cache_data(max_entries=8, show_spinner=False)
def _example(name: str, stamp: tuple[int, ...], data_hash: str) -> Example | None:
    found = _model(name, stamp)
    if found.card.training.get("hash") != data_hash or found.judged.empty:
        return None
    threshold = found.card.threshold
    table = verdicts(found.judged, found.judged["probability"], threshold)
    table = table[table["right"] & table["verdict"]].sort_values("images", ascending=False)
    if table.empty:
        return None
    row = table.iloc[0]
    films = found.judged[catalog.study_key(found.judged) == row["key"]]
    names = [PurePosixPath(path).name for path in films["path"]]
    deciding = [n for n, p in zip(names, films["probability"], strict=True) if p > threshold]
    words = sentence(True, row["study"], row["patient"], deciding, len(names))
    return Example(sentence=words, paths=tuple(films["path"]))


@st.cache_resource(max_entries=2, show_spinner=False)
def study_of_film(digest: str, _manifest: pd.DataFrame) -> dict[str, str]:
    """Path of a film in the data set -> key of its study."""
    return dict(zip(_manifest["path"], catalog.study_key(_manifest), strict=True))


def small(path: Path) -> bytes | None:
    """A film's thumbnail; `None` if it cannot be read."""
    return light_box.thumbnail(path, cache_folder() / "thumbnails")


def small_address(path: Path, width: int) -> str:
    """A film's thumbnail as a data address.

    Args:
        path: of its file.
        width: px at which it shows.

    Raises:
        FilmError: it cannot be read.
    """
    # Twice as large, for screens of two pixels to a px.
    content = images.thumbnail(path, 2 * width, cache_folder() / "thumbnails")
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"


def audit(folder: Path) -> Audit | None:
    """The audit kept in a folder, see `audit_job.load`; read again only when it was written."""
    return _audit(folder, files.stamp(folder / audit_job.RESULT))


@st.cache_resource(max_entries=1, show_spinner=False)
def _audit(folder: Path, stamp: tuple[int, ...]) -> Audit | None:
    return audit_job.load(folder)


def exclusions(data_hash: str) -> Exclusions:
    """The films of a data set that were ticked to be left out of training, read anew each time."""
    try:
        return excluded.read(excluded.file_of(data_hash))
    except DataError:  # there is no list, or it is damaged: nothing is left out
        return Exclusions()


@dataclass(frozen=True, kw_only=True)
class Judgements:
    """What the model in use has said of films of the data in use.

    Args:
        model: how it is called.
        probabilities: path of a film in the data set -> probability.
        threshold: a film is positive when its probability is greater.
        verdicts: key of a study -> whether it was called a fracture.
        results: key of a study -> whether that was right.
    """

    model: str
    probabilities: dict[str, float]
    threshold: float
    verdicts: dict[str, bool]
    results: dict[str, bool]


def judgements() -> Judgements | None:
    """What the prediction table of the model in use covers; `None` where it is other data's."""
    name = model_in_use()
    try:
        return _judgements(name, stamp(name), dataset().hash) if is_model(name) else None
    except FractureError:  # the model is not whole, or its epoch is not kept: others say so
        return None


@st.cache_resource(max_entries=8, show_spinner=False)
def _judgements(name: str, stamp: tuple[int, ...], data_hash: str) -> Judgements | None:
    found = _model(name, stamp)
    if found.card.training.get("hash") != data_hash:
        return None
    films = cards.covered(found)
    table = verdicts(films, films["probability"], found.card.threshold)
    return Judgements(
        model=name,
        probabilities=dict(zip(films["path"], films["probability"].astype(float), strict=True)),
        threshold=found.card.threshold,
        verdicts=dict(zip(table["key"], table["verdict"].astype(bool), strict=True)),
        results=dict(zip(table["key"], table["right"].astype(bool), strict=True)),
    )


def acquaintances(reference: str) -> dict[str, Acquaintance]:
    """Which patients of the data in use a model was trained on, see `training_patients.among`."""
    data = dataset()
    return _acquaintances(reference, stamp(reference), data.hash, data)


@st.cache_resource(max_entries=8, show_spinner=False)
def _acquaintances(
    reference: str, stamp: tuple[int, ...], data_hash: str, _data: Dataset
) -> dict[str, Acquaintance]:
    return training_patients.among(_model(reference, stamp), _data)


def acquaintance(reference: str, patient: str | None) -> Acquaintance:
    """Whether a model was trained on this patient of the data in use; new where nobody is named."""
    known = acquaintances(reference) if patient else {}
    return known.get(patient, Acquaintance.NEW)


# --- models and what they judge -----------------------------------------------------------------


def models_here() -> list[str]:
    """What can judge: released models, then runs that have completed an epoch, newest first.

    Before all of them those that learned from films like the data in use, real or synthetic; of
    the released the oldest first, so that a model of one's own is picked and never slipped in.
    """
    synthetic = is_phantom(reading.choice().root)
    found: dict[str, bool] = {}  # name -> whether it learned from synthetic films
    for name in sorted(cards.released(), key=_age):
        found[name] = _age(name)[1]
    for run in runs_now():
        if run.status.epoch:
            found.setdefault(run.name, bool(run.facts.get("data", {}).get("synthetic")))
    return sorted(found, key=lambda name: found[name] != synthetic)


def _age(name: str) -> tuple[str, bool]:
    """When a released model was made, and whether from synthetic films; a broken one is last."""
    try:
        card = _model(name, stamp(name)).card
    except FractureError:
        return "~", False
    return card.created, card.synthetic


def is_epoch_of_run(reference: str) -> bool:
    """Whether this is `RUN@EPOCH` of a run that is here; the epoch itself may not be kept."""
    name, _, epoch = reference.partition("@")
    return whole_number(epoch) is not None and run_folders.exists(name)


def model(reference: str) -> cards.Model:
    """The model of this name, as it stands now.

    Args:
        reference: one of `models_here`, or `is_epoch_of_run`; never a path.
    """
    return _model(reference, stamp(reference))


@st.cache_resource(max_entries=8, show_spinner=False)
def _model(reference: str, stamp: tuple[int, ...]) -> cards.Model:
    return cards.find(reference)


def stamp(reference: str) -> tuple[int, ...]:
    """Other numbers whenever what a model is read from was written, replaced or damaged."""
    if reference in cards.released():
        folder = models_folder() / reference
        return sum((files.stamp(folder / name) for name in cards.FILES), ())
    name, _, epoch = reference.partition("@")
    folder = runs_folder() / name
    table = folder / "metrics.jsonl"
    judges = whole_number(epoch)
    if judges is None:
        judges = journal.best_in(metrics_of(folder)) or 0
    weights = folder / "checkpoints" / checkpoints.weights_name(judges)
    gates = len(list((cache_folder() / "gates").glob(f"*/{cards.GATE}")))  # a run may get one
    return (gates, *files.stamp(table), *files.stamp(weights))


def gate_status(reference: str) -> run_folders.Status | None:
    """How far the fitting of a run's gate is; `None` if nobody has asked for it."""
    folder = cards.gate_folder(model(reference).weights)
    return run_folders.status(folder) if (folder / "status.json").is_file() else None


@st.cache_resource(show_spinner=False)
def warm_up() -> Future[ModuleType]:
    """Once a server: import what judges, TensorFlow with it, in a thread. Diagnose alone asks."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # its notes on the processor fill the log
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # runs share the GPU with the page
    return ThreadPoolExecutor(1).submit(importlib.import_module, "fracture_core.models.inference")


_judging = threading.Lock()  # one network serves all sessions, one study at a time


@st.cache_resource(max_entries=2, show_spinner=False)
def _predictor(reference: str, stamp: tuple[int, ...]) -> "Predictor":
    from fracture_core.models.inference import Predictor

    return Predictor(_model(reference, stamp))


def judged(
    reference: str,
    films: tuple[tuple[str, str], ...],
    sources: tuple[Source, ...],
    erased: Erased | None = None,
    inverted: tuple[str, ...] = (),
    tell: Callable[[int], None] | None = None,
) -> "JudgedStudy":
    """What a model says of some films, kept for this browser session and no longer.

    They are judged and kept in blocks, so that many of them show how far they are, and a film that
    is changed costs its block alone. No film's probability depends on its block.

    Args:
        reference: see `model`.
        films: (name, key) of each; the key stands for its content.
        sources: their content, asked for only when nothing is kept.
        erased: name of a film -> what was brushed over on it.
        inverted: names of films whose black and white are exchanged.
        tell: called before each block with how many films are judged.
    """
    most = LIMITS.upload_files
    films, beyond = films[:most], films[most:]
    turned = tuple(name in inverted for name, _ in films)
    strokes = tuple(tuple((erased or {}).get(name, ())) for name, _ in films)
    found, seal = [], stamp(reference)
    for first in range(0, max(1, len(films)), FILMS_AT_ONCE):
        if tell:
            tell(first)
        part = slice(first, first + FILMS_AT_ONCE)
        block = films[part], strokes[part], turned[part]
        found.append(_judged(reference, seal, *block, _sources=sources[part]))
    refused = [refusal for study in found for refusal in study.refused]
    refused += [(name, f"is beyond {most} films a study.") for name, _ in beyond]
    films_judged = tuple(film for study in found for film in study.films)
    return replace(found[0], films=films_judged, refused=tuple(refused))


@st.cache_data(scope="session", max_entries=LIMITS.upload_files, show_spinner=False)
def _judged(
    reference: str,
    stamp: tuple[int, ...],
    films: tuple[tuple[str, str], ...],
    erased: tuple[tuple[Stroke, ...], ...],
    inverted: tuple[bool, ...],
    _sources: tuple[Source, ...],
) -> "JudgedStudy":
    from fracture_core.models.inference import Film

    with turns.pause(), _judging:
        wanted = [
            Film(name=name, source=source, erased=strokes, inverted=turned)
            for (name, _), source, strokes, turned in zip(
                films, _sources, erased, inverted, strict=True
            )
        ]
        return _predictor(reference, stamp).judge_study("", wanted)


@dataclass(frozen=True, kw_only=True)
class Maps:
    """A film's heat maps, by method: "grad_cam" and "occlusion"; of an ensemble the latter alone.

    Args:
        over_film: float32 (h, w) in the film's shape, see `heat_maps.overlay`.
        cell: (width, height) of a map's cell in the film's px.
    """

    over_film: dict[str, np.ndarray]
    cell: dict[str, tuple[float, float]]


def maps(reference: str, pixels: np.ndarray, film: tuple[int, int]) -> Maps:
    """Where a model's answer on a film comes from, kept for this browser session.

    Args:
        reference: see `model`.
        pixels: what the network saw of it, uint8 (size, size).
        film: the film's (width, height) in px.
    """
    return _maps(reference, stamp(reference), pixels, film)


@st.cache_data(
    scope="session", max_entries=LIMITS.upload_files, show_spinner="Asks where it comes from…"
)
def _maps(
    reference: str, stamp: tuple[int, ...], pixels: np.ndarray, film: tuple[int, int]
) -> Maps:
    from fracture_core.explanations import heat_maps

    with turns.pause(), _judging:
        predictor = _predictor(reference, stamp)
        methods = heat_maps.methods(predictor).items()
        found = {name: method(predictor, pixels) for name, method in methods}
    recipe = predictor.recipe
    return Maps(
        over_film={name: heat_maps.overlay(heat, film, recipe) for name, heat in found.items()},
        cell={name: heat_maps.on_film(heat, film, recipe).cell for name, heat in found.items()},
    )


def spread(reference: str, pixels: np.ndarray) -> tuple[float, float]:
    """The least and greatest probability of a film under flips and small turns, see `tta`."""
    return _spread(reference, stamp(reference), pixels)


@st.cache_data(scope="session", max_entries=4 * LIMITS.upload_files, show_spinner=False)
def _spread(reference: str, stamp: tuple[int, ...], pixels: np.ndarray) -> tuple[float, float]:
    from fracture_core.explanations import tta as spreads

    with turns.pause(), _judging:
        found = spreads.spread(_predictor(reference, stamp), pixels)
    return found.low, found.high


def through_epochs(reference: str, pixels: np.ndarray) -> tuple[tuple[int, ...], np.ndarray]:
    """A run's probabilities of some films at every kept epoch, see `inference.through_epochs`.

    Args:
        reference: see `model`.
        pixels: what the network sees of them, uint8 (n, size, size).
    """
    return _through_epochs(reference, stamp(reference), pixels)


@st.cache_data(scope="session", max_entries=8, show_spinner="Judges the films at every kept epoch…")
def _through_epochs(
    reference: str, stamp: tuple[int, ...], pixels: np.ndarray
) -> tuple[tuple[int, ...], np.ndarray]:
    from fracture_core.models import inference

    with turns.pause(), _judging:
        return inference.through_epochs(_model(reference, stamp), pixels)


@st.cache_data(scope="session", max_entries=LIMITS.upload_files, show_spinner=False)
def picture(
    key: str,
    name: str,
    _source: Source,
    erased: tuple[Stroke, ...] = (),
    inverted: bool = False,
) -> pictures.Picture:
    """A film to look at, kept for this browser session and no longer; see `pictures.shown`."""
    with turns.pause():
        return pictures.shown(_source, name, SHOWN_SIDE, erased, inverted)


@st.cache_resource(scope="session", max_entries=1, show_spinner="Sorts the films…")
def sorted_uploads(keys: tuple[str, ...], _files: list[UploadedFile]) -> uploads.Sorted:
    """What was dropped, sorted into studies, kept for this browser session and no longer.

    Args:
        keys: stand for the files' content.
        _files: asked for only when nothing is kept.
    """
    with turns.pause():
        given = [uploads.File(name=file.name, content=file.getvalue()) for file in _files]
        return uploads.sort(given)


def forget_uploads() -> None:
    """Drop all that this browser session keeps of films."""
    for kept in (sorted_uploads, picture, _judged, _maps, _spread, _through_epochs):
        kept.clear()
