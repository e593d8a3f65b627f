"""The audit on the Data page: start, progress, findings, and films to exclude."""

from typing import Literal

import pandas as pd
import streamlit as st

from fracture_core.audit import audit_job, findings
from fracture_core.audit.findings import Audit, Finding
from fracture_core.datasets import catalog, exclusions
from fracture_core.datasets.catalog import Dataset
from fracture_core.datasets.exclusions import Exclusions
from fracture_core.runs import run_status
from fracture_core.runs.run_status import State
from fracture_core.words import cell, duration, plural
from ui.cache import data_cache, film_cache, study_cache
from ui.data import leak_panel
from ui.shared import figures, film_links, job_progress, theme
from ui.shell import actions, owner, state, tab_data
from ui.studies import selection

FILMS_A_SECOND = 150  # MURA-sized films on two cores; a first guess before anything is measured
SHOWN = 12  # films of a finding
SEVERITY_COLOURS: dict[str, Literal["red", "orange", "grey"]] = {
    "serious": "red",
    "costly": "orange",
    "minor": "grey",
}
ROWS = 1000  # of a finding's table


def show(data: Dataset) -> None:
    """Draw the findings, worst first; else the progress, or the button that starts the audit."""
    st.header("Audit", anchor=False)
    if not data.complete:
        st.caption("The audit can start once all films are generated.")
        return
    folder = audit_job.folder_of(data.hash)
    # Status first: once it says that the process has ended, its files are final.
    status = run_status.read(folder) if (folder / "asked.json").is_file() else None
    audit = data_cache.audit(folder)
    if status and status.state.alive:
        job_progress.watch(folder, "audit", "Completed measurements are kept.")
        return
    halfway = False
    if status and status.state in (State.FAILED, State.INTERRUPTED, State.STOPPED):
        halfway = True
        st.warning(theme.plain(status.message))
    _start_button(data, audit, halfway)
    if audit:
        _findings(data, audit)
        leak_panel.show(data)


def _start_button(data: Dataset, audit: Audit | None, halfway: bool) -> None:
    count = len(data.manifest)
    label = "Continue the audit" if halfway else "Audit again" if audit else "Run the audit"
    with st.container(horizontal=True, vertical_alignment="center"):
        owner.button(
            label,
            type="secondary" if audit else "primary",
            icon=":material/fact_check:",
            on_click=actions.pressed,
            args=(actions.audit, data),
            key="run-audit",
        )
        if halfway:
            st.caption("Films already measured are not measured again.")
        elif audit is None:
            st.caption(
                f"Opens {plural(count, 'film')} once, in about "
                f"{duration(max(1, count / FILMS_A_SECOND))}.",
                help="Looks for unreadable films, copies, leaks between splits, odd films, and "
                "shortcuts (film size, border ...) that predict the label.",
            )


def csv(audit: Audit) -> str:
    """Format the findings' films as CSV, with no name that a spreadsheet reads as a formula."""
    return findings.table(audit).map(cell).to_csv(index=False)


def _findings(data: Dataset, audit: Audit) -> None:
    films = plural(audit.films, "film")
    if not audit.findings:
        st.markdown(f":green[**No findings**] in {films}.")
    else:
        kinds = plural(len(audit.findings), "kind")
        with st.container(horizontal=True):
            st.markdown(f"**{kinds} of findings** in {films}, worst first.")
            film_links.follow_clicks()
        st.download_button(
            "Findings as CSV",
            lambda: csv(audit),
            "audit.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            key="save-audit",
        )
    ticked = data_cache.exclusions(data.hash)
    for finding in audit.findings:
        with st.container(border=True):
            _finding(data, finding, ticked)
    if audit.shortcuts:
        with st.expander(f"All {plural(len(audit.shortcuts), 'shortcut')} tested"):
            _shortcuts(audit)
    _left_out(data, ticked)


def _finding(data: Dataset, finding: Finding, ticked: Exclusions) -> None:
    """A finding's title, score and reason, its films, and the tick."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(finding.severity, color=SEVERITY_COLOURS[finding.severity])
        st.markdown(f"**{theme.plain(finding.title)}**", width="content")
        st.caption(f"score {finding.score:.3f}", width="content", help=_SCORE)
    st.caption(finding.why)
    for sentence in finding.sentences[:SHOWN]:
        st.markdown(f"- {theme.plain(sentence)}")
    mending = [item.path for item in finding.items if item.leave_out]
    if mending:
        key = f"{state.TICK}-{finding.kind}"
        state.fill(key, ticked.has(finding.kind, mending))  # another browser may have ticked it
        copies = plural(len(mending), "film")
        one_each = f"One of each family: exclude the other {copies} from training"
        st.checkbox(
            one_each if finding.kind == "family" else f"Exclude {copies} of these from training",
            key=key,
            disabled=not owner.is_owner(),
            help=None if owner.is_owner() else owner.WHY,
            on_change=_tick,
            args=(data.hash, finding.kind, tuple(mending)),
        )
    if finding.kind == "family":
        st.caption(
            "Or use them all: Train keeps families on one side of the split, unless that is "
            "switched off under its *More settings*."
        )
    if finding.items:
        # Entries are drawn only while open: there may be 40,000 of each kind.
        entries = st.expander(
            f"The {plural(len(finding.items), 'entry')}",
            key=f"{state.ENTRIES}-{finding.kind}",
            on_change="rerun",
        )
        if entries.open:
            with entries:
                _items(data, finding)


_SCORE = (
    "Severity from 0 to 1: the share of all films, patients or studies affected; for shortcuts, "
    "2 |AUROC − 0.5| of the strongest."
)


def _items(data: Dataset, finding: Finding) -> None:
    """The first films as pictures with links to their studies, all of them as a table."""
    keys = study_cache.study_of_film(data.hash, data.manifest)
    splits = dict(zip(data.manifest["path"], data.manifest["split"], strict=True))
    own = [item for item in finding.items if item.path in keys]
    selection.offer([keys[item.path] for item in own], "of this finding", finding.kind)
    first = own[:SHOWN]
    with st.grid("auto", min_column_width=150, key=f"films-{finding.kind}") as grid:
        for number, item in enumerate(first):
            with (
                grid.cell(),
                st.container(key=film_links.key(f"{finding.kind}-{number}"), gap="xsmall"),
            ):
                if picture := film_cache.small(data.root / item.path):
                    st.image(picture, width="stretch", alt=item.path)
                st.page_link(
                    "pages/studies.py",
                    label=theme.plain(item.path.rsplit("/", 1)[-1]),
                    query_params=tab_data.address(keys[item.path], data.hash),
                )
                st.caption(theme.plain(f"{splits[item.path]}: {item.detail}"))
                selection.tick(keys[item.path], item.path, f"{finding.kind}-{number}")
    if len(finding.items) > ROWS:
        st.caption(f"The first {ROWS:,} of {len(finding.items):,}; the CSV file holds all.")
    rows = [(item.path, item.detail) for item in finding.items[:ROWS]]
    st.dataframe(
        pd.DataFrame(rows, columns=["Path", "Detail"]), hide_index=True, key=f"rows-{finding.kind}"
    )


def _shortcuts(audit: Audit) -> None:
    rows = [
        (each.split, each.part, each.feature, each.auroc, each.low, each.high, each.studies)
        for each in audit.shortcuts
    ]
    columns = ["Split", "Part", "Shortcut", "AUROC", "from", "to", "Studies"]
    table = pd.DataFrame(rows, columns=columns)
    digits = st.column_config.NumberColumn(format="%.3f")
    st.caption(
        f"AUROC of a single measurement as a predictor of the label, with its {figures.LEVEL} "
        "interval."
    )
    st.dataframe(
        table,
        hide_index=True,
        key="shortcuts",
        column_config=dict.fromkeys(("AUROC", "from", "to"), digits),
    )


def _tick(data_hash: str, kind: str, paths: tuple[str, ...]) -> None:
    """Add these films to the list of excluded films, or remove them from it."""
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
        f"Training excludes **{plural(count, 'film')}** (list {ticked.hash}). Valid and "
        "test films are never excluded, so that figures stay comparable."
    )
    st.download_button(
        "The list as CSV",
        ticked.to_csv(),
        "exclusions.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="save-exclusions",
    )
