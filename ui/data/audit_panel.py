"""The audit on the Data page: started, watched, read, and its films ticked to be left out."""

import pandas as pd
import streamlit as st

from fracture_core.audit import audit_job, findings
from fracture_core.audit.findings import Audit, Finding
from fracture_core.datasets import catalog, exclusions
from fracture_core.datasets.catalog import Dataset
from fracture_core.datasets.exclusions import Exclusions
from fracture_core.reports.markup import cell
from fracture_core.runs import run_folders
from fracture_core.runs.run_folders import State
from fracture_core.words import duration
from ui.cache import data_cache, film_cache, study_cache
from ui.shared import figures, theme
from ui.shell import actions, owner, state, tab_data

POLL_SECONDS = 1.0
FILMS_A_SECOND = 150  # of a MURA-sized film on two cores; a first guess, before anything is known
SHOWN = 12  # films of a finding
ROWS = 1000  # of a finding's table


def show(data: Dataset) -> None:
    """What the audit found, worst first; else its progress, or the button that starts it."""
    st.subheader("Audit", anchor=False)
    if not data.complete:
        st.caption("An audit begins when all films are made.")
        return
    folder = audit_job.folder_of(data.hash)
    # Status first: a child that has ended by now has left all that it will leave.
    status = run_folders.status(folder) if (folder / "asked.json").is_file() else None
    found = data_cache.audit(folder)
    if status and status.state.alive:
        st.fragment(_watch, run_every=POLL_SECONDS, key="audit")(data)
        return
    halfway = status and status.state in (State.FAILED, State.INTERRUPTED, State.STOPPED)
    if halfway:
        st.warning(theme.plain(status.message))
    _start_button(data, found, bool(halfway))
    if found:
        _findings(data, found)


def _start_button(data: Dataset, found: Audit | None, halfway: bool) -> None:
    count = len(data.manifest)
    label = "Go on with the audit" if halfway else "Audit again" if found else "Run the audit"
    with st.container(horizontal=True, vertical_alignment="center"):
        owner.button(
            label, type="secondary" if found else "primary", icon=":material/fact_check:",
            on_click=actions.pressed, args=(actions.audit, data), key="run-audit",
        )  # fmt: skip
        if halfway:
            st.caption("What was measured before is not measured again.")
        elif found is None:
            st.caption(
                f"Opens all {theme.plural(count, 'film')} once, in about "
                f"{duration(max(1, count / FILMS_A_SECOND))}: films that cannot be read, copies, "
                "leaks between splits, odd films, and numbers that tell the label without "
                "a look at the bone."
            )


def _watch(data: Dataset) -> None:
    folder = audit_job.folder_of(data.hash)
    status = run_folders.status(folder)
    if not status.state.alive:
        st.rerun()
    left = f" About {duration(status.seconds_left)} left." if status.seconds_left else ""
    st.progress(min(1.0, status.progress), theme.plain(f"{status.message}{left}"))
    stopping = run_folders.has_request(folder, "stop")
    with st.container(horizontal=True, vertical_alignment="center"):
        owner.button(
            "Stop", icon=":material/stop:", on_click=actions.pressed,
            args=(actions.ask, folder, "stop"), disabled=stopping, key="stop-audit",
            help="What was measured is kept.",
        )  # fmt: skip
        st.caption("It goes on if you leave this page, and its result is kept.")


def csv(found: Audit) -> str:
    """The findings' films as CSV; no name of theirs is a spreadsheet's formula."""
    return findings.table(found).map(cell).to_csv(index=False)


def _findings(data: Dataset, found: Audit) -> None:
    films = theme.plural(found.films, "film")
    if not found.findings:
        st.markdown(f":green[**Nothing was found**] in {films}.")
    else:
        kinds = theme.plural(len(found.findings), "kind")
        st.markdown(f"**{kinds} of findings** in {films}, worst first.")
        st.download_button(
            "Findings as CSV", lambda: csv(found), "audit.csv",
            "text/csv", icon=":material/download:", on_click="ignore", key="save-audit",
        )  # fmt: skip
    ticked = data_cache.exclusions(data.hash)
    for finding in found.findings:
        with st.container(border=True):
            _finding(data, finding, ticked)
    if found.shortcuts:
        with st.expander(f"All {theme.plural(len(found.shortcuts), 'number')} that were tried"):
            _shortcuts(found)
    _left_out(data, ticked)


def _finding(data: Dataset, finding: Finding, ticked: Exclusions) -> None:
    """What, how many, how bad, why it matters; its films; and the tick."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{theme.plain(finding.title)}**", width="content")
        st.caption(f"score {finding.score:.3f}", width="content", help=_SCORE)
    st.caption(finding.why)
    for sentence in finding.sentences[:SHOWN]:
        st.markdown(f"- {theme.plain(sentence)}")
    mending = [item.path for item in finding.items if item.leave_out]
    if mending:
        key = f"{state.TICK}-{finding.kind}"
        state.fill(key, ticked.has(finding.kind, mending))  # another browser may have ticked it
        st.checkbox(
            f"Leave {theme.plural(len(mending), 'film')} of these out of training", key=key,
            disabled=not owner.is_owner(), help=None if owner.is_owner() else owner.WHY,
            on_change=_tick, args=(data.hash, finding.kind, tuple(mending)),
        )  # fmt: skip
    if finding.items:
        # Only what is looked at is made and sent: there may be 40,000 entries of each kind.
        entries = st.expander(
            f"The {theme.plural(len(finding.items), 'entry')}",
            key=f"{state.ENTRIES}-{finding.kind}", on_change="rerun",
        )  # fmt: skip
        if entries.open:
            with entries:
                _items(data, finding)


_SCORE = (
    "How bad, from 0 to 1: the share of all films, patients or studies that are concerned; of "
    "numbers that tell the label, 2 |AUROC − 0.5| of the strongest."
)


def _items(data: Dataset, finding: Finding) -> None:
    """The first films as pictures that lead to their study, all of them as a table."""
    keys = study_cache.study_of_film(data.hash, data.manifest)
    first = [item for item in finding.items if item.path in keys][:SHOWN]
    with st.grid("auto", min_column_width=150, key=f"films-{finding.kind}") as grid:
        for item in first:
            with grid.cell():
                if picture := film_cache.small(data.root / item.path):
                    st.image(picture)
                st.page_link(
                    "pages/studies.py", label=theme.plain(item.path.rsplit("/", 1)[-1]),
                    query_params=tab_data.address(keys[item.path], data.hash),
                )  # fmt: skip
                st.caption(theme.plain(item.detail))
    if len(finding.items) > ROWS:
        st.caption(f"The first {ROWS:,} of {len(finding.items):,}; the CSV file holds all.")
    rows = [(item.path, item.detail) for item in finding.items[:ROWS]]
    st.dataframe(
        pd.DataFrame(rows, columns=["Path", "What"]), hide_index=True, key=f"rows-{finding.kind}"
    )


def _shortcuts(found: Audit) -> None:
    rows = [
        (each.split, each.part, each.feature, each.auroc, each.low, each.high, each.studies)
        for each in found.shortcuts
    ]
    columns = ["Split", "Part", "Number", "AUROC", "from", "to", "Studies"]
    table = pd.DataFrame(rows, columns=columns)
    digits = st.column_config.NumberColumn(format="%.3f")
    st.caption(
        f"AUROC of the label from one number of a study alone, with its {figures.LEVEL} interval."
    )
    st.dataframe(
        table, hide_index=True, key="shortcuts",
        column_config=dict.fromkeys(("AUROC", "from", "to"), digits),
    )  # fmt: skip


def _tick(data_hash: str, kind: str, paths: tuple[str, ...]) -> None:
    """Put these films on the list of those to leave out, or take them off."""
    before = data_cache.exclusions(data_hash)
    ticked = st.session_state[f"{state.TICK}-{kind}"]
    after = before.ticked(kind, paths) if ticked else before.unticked(kind)
    actions.pressed(actions.leave_out, data_hash, after)


def _left_out(data: Dataset, ticked: Exclusions) -> None:
    if not ticked.reasons:
        return
    rows = data.manifest.assign(role=catalog.assign_roles(data.manifest, 0.0, 0))
    count = int(exclusions.left_out(rows, ticked).sum())
    st.markdown(
        f"Training leaves out **{theme.plural(count, 'film')}** (list {ticked.hash}). Valid and "
        "test films always count, so that figures stay comparable."
    )
    st.download_button(
        "The list as CSV", ticked.to_csv(), "exclusions.csv", "text/csv",
        icon=":material/download:", on_click="ignore", key="save-exclusions",
    )  # fmt: skip
