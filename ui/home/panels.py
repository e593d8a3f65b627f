"""The panels on Home: a summary, and one panel each to browse, train and diagnose."""

from pathlib import Path

import streamlit as st

from fracture_core.errors import DataError, FractureError
from fracture_core.models import model_names
from ui.cache import data_cache, film_cache, model_cache, run_cache, study_cache
from ui.shared import charts, phantom_progress, theme
from ui.shell import frame, state, tab_data

POLL_SECONDS = 1.5  # while the phantom is being generated


def summary() -> None:
    """Summarize the data in use in one line."""
    if data_cache.phantom_is_growing():
        phantom_progress.show(tab_data.choice().root, wants_more=False)
        return
    try:
        dataset = data_cache.dataset()
    except DataError as error:
        st.warning(f"{theme.plain(str(error))} Or choose other data on the Data page.")
        return
    studies = study_cache.studies()
    positive = int(studies["label"].sum())
    kind = "synthetic films with known breaks" if dataset.synthetic else "real films"
    names = sorted(set(dataset.manifest["part"]) - {"unknown"})
    parts = f" of {theme.plain(', '.join(names))}" if names else ""
    st.markdown(
        f"In use: **{theme.plain(dataset.root.name)}**, {kind}: "
        f"{theme.plural(len(studies), 'study')} ({positive:,} positive) with "
        f"{theme.plural(len(dataset.manifest), 'film')}{parts}."
    )


def models_here() -> None:
    """List the models in one line."""
    names = model_names.released()
    outcomes = run_cache.outcomes(run_cache.runs_now())
    trained = sum(outcome.epochs > 0 for outcome in outcomes.values())
    if names:
        listed = ", ".join(map(_model, names))
        st.markdown(
            f"Models: {listed}" + (f" and {theme.plural(trained, 'run')}." if trained else "")
        )
    elif trained:
        st.markdown(f"Models: {theme.plural(trained, 'trained run')}, none released.")


def _model(name: str) -> str:
    """A released model in a few words, also if it cannot be read."""
    try:
        synthetic = model_cache.model(name).card.synthetic
    except FractureError:
        return f"{theme.plain(name)} (cannot be read)"
    return f"**{theme.plain(name)}** {theme.synthetic_badge() if synthetic else ''}"


def browse() -> None:
    """Draw four films, as soon as there are some."""
    growing = data_cache.phantom_is_growing()
    st.fragment(_browse, run_every=POLL_SECONDS if growing else None, key="door-browse")()


def _browse() -> None:
    st.subheader("Browse studies", anchor=False)
    try:
        manifest = data_cache.dataset().manifest
    except DataError:
        manifest = None
    if manifest is None or manifest.empty:
        st.caption("Films appear here as soon as there are some.")
    else:
        films = manifest.iloc[:: max(1, len(manifest) // 4)].head(4)
        root = data_cache.dataset().root
        _strip([root / path for path in films["path"]])
    st.page_link("pages/studies.py", label="Browse studies", icon=":material/photo_library:")


def _strip(paths: list[Path]) -> None:
    """Up to four whole films side by side; an unreadable one is replaced by a sentence."""
    with st.container(height=150, border=False, vertical_alignment="center"):
        for column, path in zip(st.columns(4), paths, strict=False):
            if picture := film_cache.small(path):
                column.image(picture)
            else:
                column.caption("This film cannot be read.")


def learn() -> None:
    """Draw the curve of the latest run; polls while a run is active."""
    st.fragment(_learn, run_every=frame.while_busy(), key="door-learn")()


def _learn() -> None:
    st.subheader("Watch a network learn", anchor=False)
    runs = run_cache.runs_now()
    outcomes = run_cache.outcomes(runs)
    run = next((run for run in runs if outcomes[run.name].epochs), None)
    if run is None:
        st.caption("Your latest run's curve will appear here.")
        st.page_link("pages/train.py", label="Train a network", icon=":material/show_chart:")
        return
    table = run_cache.metrics_of(run.folder)
    figure = charts.sparkline(table, theme.ink())
    st.plotly_chart(figure, key="last-curve", config={"staticPlot": True})
    roles = {"train": ":gray[training]", "dev": ":violet[dev]", "valid": ":green[valid]"}
    drawn = [words for role, words in roles.items() if f"{role}.accuracy" in table]
    lines = " and ".join(filter(None, [", ".join(drawn[:-1]), drawn[-1]]))
    st.caption(f"Accuracy of {theme.plain(run.name)} ({lines}): {frame.describe(run)}")
    st.page_link(
        "pages/train.py",
        label="Watch it",
        icon=":material/show_chart:",
        query_params={state.RUN: run.name},
    )


def predict() -> None:
    """Draw an example prediction of the model in use: a dev study, never an upload."""
    st.subheader("Diagnose a study", anchor=False)
    try:
        example = study_cache.example()
    except FractureError:
        example = None
    if example is None:
        st.caption("Drop the films of a study, and see a score for each film, and the verdict.")
    else:
        root = data_cache.dataset().root
        _strip([root / path for path in example.paths[:4]])
        st.caption(f"{theme.mark(True)} {theme.plain(example.sentence)}")
    st.page_link("pages/diagnose.py", label="Diagnose a study", icon=":material/radiology:")
