"""Files of a run to save: weights, curves, and the run as a whole."""

from functools import partial

import streamlit as st

from fracture_core import checksums
from fracture_core.epochs import epoch_weights, predictions
from fracture_core.errors import RunError
from fracture_core.exports import run_archive
from fracture_core.runs import journal
from fracture_core.runs.run_folders import Run
from fracture_core.words import plural
from ui.shared import theme

MOST_SAVED = 300_000_000  # bytes of a run that a browser is given: the server holds them meanwhile


def show(run: Run) -> None:
    """Draw a button for each file."""
    _of_epochs(run)
    _whole_run(run)


def _of_epochs(run: Run) -> None:
    """The best epoch's weights, as the report saved them, and the curves."""
    epoch = predictions.best_epoch(run.folder)
    if epoch is None:
        st.caption("Files can be saved after the first epoch.")
        return
    try:
        weights = epoch_weights.find(run.folder / "checkpoints", epoch)
    except RunError as error:  # the curves can still be saved
        st.caption(theme.plain(str(error)))
    else:
        st.download_button(
            f"Weights of epoch {epoch}",
            partial(checksums.read, run.folder, weights),  # they may be damaged by then
            file_name=f"{run.name}-epoch-{epoch}.weights.h5",
            icon=":material/download:",
            on_click="ignore",
            key="save-weights",
            help="Keras reads it with load_weights.",
        )
    if unguarded := checksums.unguarded(run.folder):
        reason = "an older version of this program wrote them."
        if journal.lost_checksums(run.folder):
            reason = f"{checksums.SUMS} has lost it. Put that file back."
        st.caption(
            f"{plural(len(unguarded), 'file')} of this run have no checksum, so damage to "
            f"them goes unnoticed: {reason}"
        )
    st.download_button(
        "Curves as CSV",
        lambda: journal.curves_csv(run.folder),
        file_name=f"{run.name}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="save-curves",
        help="One row per epoch: every value of the curves.",
    )


def _whole_run(run: Run) -> None:
    """The run as one file, which Runs reads back."""
    if run.status.state.alive:
        st.caption("The whole run can be saved once it has ended or is stopped.")
        return
    if run_archive.size(run) > MOST_SAVED:
        st.caption(f"The whole run is larger than {MOST_SAVED / 1e6:,.0f} MB. In a terminal:")
        st.code(f"python -m fracture_core runs export {run.name}", language="bash", wrap_lines=True)
        return
    st.download_button(
        "Whole run",
        partial(run_archive.packed, run),
        file_name=f"{run.name}{run_archive.SUFFIX}",
        mime="application/zip",
        icon=":material/archive:",
        on_click="ignore",
        key="save-run",
        help="One file with settings, curves, checkpoints and predictions, without films. "
        "Runs imports it, here or on another machine.",
    )
