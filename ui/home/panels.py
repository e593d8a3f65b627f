"""Home's line on the data in use, and its doors: one picture each to browse, train and diagnose."""

import contextlib
from contextlib import suppress
from pathlib import Path

import streamlit as st

from fracture_core.errors import DataError, FilmError, FractureError
from fracture_core.reports import page_receipts
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_status import State
from fracture_core.verdicts import verdict_words
from fracture_core.words import plural
from ui.cache import data_cache, film_cache, run_cache, study_cache
from ui.diagnose import intake, latest_verdict
from ui.home import curve_picture, demo
from ui.shared import film_cards, film_links, phantom_progress, receipt, theme
from ui.shared.film_cards import CARD
from ui.shell import data_change, frame, state, tab_data

POLL_SECONDS = 1.5  # while the phantom is being generated
FILMS = 4  # in a picture
_PICTURES = (  # have their height before they are there, so that nothing below them jumps
    f"<style>[class*='st-key-{film_links.key('')}'] img "
    f"{{ aspect-ratio: {CARD[0]} / {CARD[1]} }}</style><span></span>"
)
NEXT = "Each film gets a score, the study one verdict."


def summary() -> None:
    """Say in one line what the data in use holds; its name stands at the top of the page."""
    if data_cache.phantom_is_growing():
        phantom_progress.show(tab_data.choice().root, wants_more=False)
        return
    try:
        dataset = data_cache.dataset()
    except DataError as error:
        st.warning(theme.plain(str(error)))
        data_change.link(error)
        return
    studies = study_cache.studies()
    kind = "synthetic films with known breaks" if dataset.synthetic else "real films"
    names = sorted(set(dataset.manifest["part"]) - {"unknown"})
    parts = f" of {theme.plain(verdict_words.listed(names))}" if names else ""
    films = plural(len(dataset.manifest), "film")
    of_films = "" if len(studies) == len(dataset.manifest) else f", {films}"
    st.markdown(
        f"**{plural(len(studies), 'study')}**, {int(studies['label'].sum()):,} of them "
        f"positive{of_films}{parts}: {kind}."
    )


def offer_receipt() -> None:
    """Draw the button that opens the receipt of the counts; nothing where data cannot be read."""
    with contextlib.suppress(DataError):
        dataset = data_cache.dataset()
        receipt.offer("counts", lambda: page_receipts.of_data(dataset))


def doors() -> None:
    """Draw the three doors side by side; pictures and links of all three stand on one line."""
    st.html(_PICTURES, width="content")
    browse, learn, diagnose = st.columns(3, border=True)
    with browse, st.container(key=film_links.key("browse")):
        growing = data_cache.phantom_is_growing()
        st.fragment(_browse, run_every=POLL_SECONDS if growing else None, key="door-browse")()
    with learn, st.container(key=film_links.key("learn")):
        st.fragment(_learn, run_every=frame.while_busy(), key="door-learn")()
    with diagnose, st.container(key=film_links.key("diagnose")):
        _diagnose()


# --- browse ---------------------------------------------------------------------------------------


def _browse() -> None:
    """Four films, as soon as there are some."""
    st.header("Browse studies", anchor=False)
    paths = _four_films()
    if not paths:
        st.image(curve_picture.blank(), width="stretch", alt="No films yet")
        st.page_link("pages/data.py", label="Choose the data", icon=":material/folder_open:")
        st.markdown(":small[Films will appear here.]")
        return
    picture, unreadable = film_cache.picture_of(paths, None)
    alt = f"{plural(len(paths), 'film')} of the data in use"
    st.image(picture, width="stretch", alt=alt)
    st.page_link("pages/studies.py", label="Open the wall", icon=":material/photo_library:")
    if unreadable:
        st.markdown(f":small[{unreadable} of these {len(paths)} films cannot be read.]")


def _four_films() -> list[Path]:
    """Films from all over the data in use; none where it cannot be read."""
    try:
        dataset = data_cache.dataset()
    except DataError:
        return []
    films = dataset.manifest.iloc[:: max(1, len(dataset.manifest) // FILMS)].head(FILMS)
    return [dataset.root / path for path in films["path"]]


# --- train ----------------------------------------------------------------------------------------


def _learn() -> None:
    """The latest run's curve; polled while a run is active."""
    st.header("Watch a network learn", anchor=False)
    run = _latest_run()
    if run is None:
        picture, alt = _as_a_network_sees()
        st.image(picture, width="stretch", alt=alt)
        st.page_link("pages/train.py", label="Train a network", icon=":material/show_chart:")
        st.markdown(f":small[{alt}. Your latest run's curve will appear here.]")
        return
    drawn = curve_picture.lines(
        run_cache.metrics_of(run.folder), run_cache.steps_of(run.folder), theme.ink()
    )
    when = "no point yet" if run.status.state.alive else "before its first point"
    empty = () if drawn else (str(run.status.state).capitalize(), when)
    st.image(
        curve_picture.svg(drawn, theme.ink(), empty),
        width="stretch",
        alt=curve_picture.alt(f"Accuracy of {run.name}", drawn),
    )
    st.page_link(
        "pages/train.py",
        label="Watch it" if run.status.state.alive else "Open the run",
        icon=":material/show_chart:",
        query_params={state.RUN: run.name},
    )
    st.markdown(f":small[{_about(run, drawn)}]")


def _about(run: Run, drawn: list[curve_picture.Line]) -> str:
    """The run's name, what its accuracy is of, and what ended it."""
    name = f"**{theme.plain(run.name)}**"
    if run.status.state in (State.FAILED, State.INTERRUPTED):
        return f"{name}, {run.status.state}: {theme.plain(run.status.message)}"
    # While it runs, the top of the page says how far it is.
    ended = "" if run.status.state.alive else f", {run.status.state}"
    counts = [f"{line.n:,} {line.name}" for line in drawn if line.n]
    return f"Accuracy of {name}{ended}" + (
        f": {verdict_words.listed(counts)} films" if counts else ""
    )


def _latest_run() -> Run | None:
    """The run shown: one that trains, else the newest with epochs or an error, or a queued one."""
    runs = run_cache.runs_now()
    alive = frame.most_active_first(runs)
    if alive and alive[0].status.state is not State.QUEUED:
        return alive[0]
    outcomes = run_cache.outcomes(runs)
    for run in runs:
        if outcomes[run.name].epochs or run.status.state in (State.FAILED, State.INTERRUPTED):
            return run
    return alive[0] if alive else None


def _as_a_network_sees() -> tuple[bytes | str, str]:
    """The picture before the first run, and its words: films in the size of a network's input."""
    recipe = demo.config().recipe
    views = []
    for path in _four_films():
        with suppress(FilmError):
            views.append(film_cache.network_pictures(path, (recipe,))[recipe])
    if not views:
        return curve_picture.blank(), "No films yet"
    size = f"{recipe.size} by {recipe.size} pixels"
    return film_cards.card(views, None), f"Films as a network sees them, {size}"


# --- diagnose -------------------------------------------------------------------------------------


def _diagnose() -> None:
    """This session's latest verdict; before it, an example of the model in use, or a study."""
    st.header("Diagnose a study", anchor=False)
    latest = _latest()
    picture, study, sentence, address = latest or _example()
    st.image(picture, width="stretch", alt=f"{study}. {sentence}")
    st.page_link(
        "pages/diagnose.py",
        label="Open it again" if latest else "Upload a study",
        icon=":material/radiology:",
        query_params=address,
    )
    st.markdown(f":small[**{theme.plain(sentence)}** {theme.plain(study)}]")


_Door = tuple[str | bytes, str, str, dict[str, str] | None]  # picture, study, sentence, address


def _latest() -> _Door | None:
    latest = latest_verdict.of_session()
    if latest is None:
        return None
    address = None
    if latest.key:
        address = tab_data.address(latest.key, latest.data_hash)
    return latest.picture, f"Your latest: {latest.study}", latest.sentence, address


def _example() -> _Door:
    """A dev study with its verdict, or a study without; never another session's upload."""
    try:
        dataset, example = data_cache.dataset(), study_cache.example()
        if example:
            paths = [dataset.root / path for path in example.paths[:FILMS]]
            picture, _ = film_cache.picture_of(paths, theme.on_film(True))
            return picture, f"Example: {example.study}", example.sentence, None
        row = intake.example(dataset)
        if row is not None:
            sources = intake.of_dataset(dataset, row["key"]).sources[:FILMS]
            picture, _ = film_cache.picture_of([Path(str(each)) for each in sources], None)
            return picture, "Shown: a study of the data in use", NEXT, None
    except FractureError:
        pass
    return curve_picture.blank(), "No films yet", NEXT, None
