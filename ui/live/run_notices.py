"""Notices on a run: advice beside its curves; below, damaged files, unread films, the log."""

import pandas as pd
import streamlit as st

from fracture_core.analysis import advice
from fracture_core.epochs import predictions
from fracture_core.runs import journal
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_status import State
from fracture_core.verdicts import aggregation
from fracture_core.words import plural
from ui.cache import run_cache
from ui.shared import theme
from ui.shell import owner, state

NAMED = 5  # epochs in a sentence


def show(run: Run) -> None:
    """Draw the notices; they come and go, so nothing is drawn below them."""
    _missing_epochs(run)
    _damaged_tables(run)
    _refused_films(run)
    _log(run)


def _missing_epochs(run: Run) -> None:
    """Name the epochs that the curves of an ended run lack."""
    missing = run.status.epoch - len(run_cache.completed_epochs(run))
    if missing > 0 and not run.status.state.alive:
        st.warning(
            f"The metrics of {plural(missing, 'epoch')} of {run.status.epoch:,} cannot be "
            "read: metrics.jsonl in the run's folder is damaged. Figures and curves leave them "
            "out, and the best epoch is unknown.",
            icon=":material/warning:",
        )


def _damaged_tables(run: Run) -> None:
    """Name the epochs of an ended run whose prediction tables cannot be read."""
    if run.status.state.alive or not (run.folder / "films.parquet").is_file():
        return
    readable = run_cache.trajectories(run.folder).epochs
    if damaged := sorted(set(predictions.epochs(run.folder)) - set(readable)):
        named = ", ".join(map(str, damaged[:NAMED])) + (", ..." if len(damaged) > NAMED else "")
        st.warning(
            f"The prediction {'tables' if len(damaged) > 1 else 'table'} of epoch {named} cannot "
            "be read: damaged since written. The other epochs can be used.",
            icon=":material/warning:",
        )


def advise(run: Run) -> None:
    """Draw one sentence of advice, which can be dismissed, or nothing."""
    tip = run_cache.of_metrics(
        run,
        "advice",
        (),
        lambda epochs: advice.advise(
            epochs,
            run_cache.majority(run.folder, "images"),
            _positive_shares(run, epochs),
            running=run.config.normalization == "running",
            guess_of_studies=run_cache.majority(run.folder, "studies")
            if run.config.study_pooling
            else None,
        ),
    )
    key = f"{state.DISMISSED}-{run.name}"
    if tip is None or st.session_state.get(key) == tip.rule:
        return
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(f":material/lightbulb: {theme.plain(tip.sentence)}", width="stretch")
        st.button(
            "Got it", type="tertiary", key="wave-off", on_click=_dismiss, args=(key, tip.rule)
        )


def _positive_shares(run: Run, epochs: pd.DataFrame) -> dict[str, float]:
    """By role, the share of films predicted positive after the last of these epochs."""
    if not len(epochs):
        return {}  # its films may not be read yet
    tables = run_cache.trajectories(run.folder)
    if tables.epochs[-1:] != (int(epochs["epoch"].iloc[-1]),):
        return {}  # its table is damaged
    positive = aggregation.is_positive(tables.probabilities[-1], run.config.threshold)
    shares = pd.Series(positive).groupby(tables.films["role"].to_numpy()).mean()
    return {str(role): float(share) for role, share in shares.items()}


def _dismiss(key: str, rule: str) -> None:
    st.session_state[key] = rule


def _refused_films(run: Run) -> None:
    """List the films that could not be read, with reasons."""
    if refused := journal.refused(run.folder):
        with st.expander(f"{plural(len(refused), 'film')} left out (unreadable)"):
            st.markdown("\n".join(f"- {theme.plain(reason)}" for _, reason in refused))


def _log(run: Run) -> None:
    """Show the end of the log: on request, and always for a failed run."""
    if not owner.is_owner():
        return  # it names folders of this machine
    failed = run.status.state is State.FAILED
    if failed or st.toggle("Show the log", key="show-log"):
        if failed:
            st.caption("The end of its log:")
        st.code(journal.log_tail(run.folder) or "The log is empty.", language=None, height=220)
