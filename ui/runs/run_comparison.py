"""Comparison of runs with another one: on the same studies, with an interval, or a tie."""

from functools import partial

import pandas as pd
import streamlit as st

from fracture_core.analysis import comparison
from fracture_core.errors import RunError
from fracture_core.reports import page_receipts
from fracture_core.reports.receipts import Receipt
from fracture_core.runs.run_folders import Run
from fracture_core.verdicts.closed_intervals import Difference
from fracture_core.words import plural
from ui.cache import run_cache
from ui.runs import run_charts
from ui.shared import figures, receipt, theme
from ui.shell import state


def show(others: list[Run], against: Run, options: list[str], epoch: int | None = None) -> None:
    """Compare each run with one, on their common studies, at their best epochs.

    Args:
        others: the runs to compare.
        against: the run that they are compared with.
        options: names of the runs to choose from in its place.
        epoch: of all runs; `None` for each at its best.
    """
    st.header("Which is better?", anchor=False)
    lines, refused = _lines(others, against, epoch)
    state.fill(state.AGAINST, against.name)
    st.selectbox(
        "Compared with",
        options,
        key=state.AGAINST,
        width=340,
        on_change=_against,
        help="The pinned baseline, unless another is picked.",
    )
    if lines:
        st.markdown(_sentence(lines, against))
        _table(lines, against)
        st.caption(
            f"Points: accuracy on studies at {_when(epoch)}, minus the other run's, on the same "
            "studies, with the 95 % interval of a paired difference (Newcombe 1998). A tie: the "
            "interval contains 0. Dev studies were used to pick the epochs, valid studies were "
            "not. About 1 in 20 equal runs will look different by chance."
        )
        chosen = {run.name: run for run in others}
        receipt.offer(
            "which-is-better",
            *(partial(_receipt, chosen[name], against, role, epoch) for name, role, _ in lines),
        )
    for sentence in refused:
        st.caption(sentence)


def _receipt(run: Run, against: Run, role: str, epoch: int | None) -> Receipt:
    """The receipt of a run's difference from another one."""
    best = run_cache.outcomes([run, against])
    first, second = (
        (each.folder, epoch or best[each.name].best_epoch or 0) for each in (run, against)
    )
    return page_receipts.of_runs(first, second, role)


def _against() -> None:
    state.put(state.AGAINST, st.session_state[state.AGAINST])


Line = tuple[str, str, Difference]  # the run, the role of the studies, the difference


def _when(epoch: int | None) -> str:
    best = "the run's best epoch (lowest dev loss; without dev films the last one)"
    return f"epoch {epoch}" if epoch else best


def _lines(others: list[Run], against: Run, epoch: int | None) -> tuple[list[Line], list[str]]:
    """A line for each run and role, and a sentence for each run that cannot be compared."""
    lines, refused = [], []
    for run in others:
        name, other = theme.plain(run.name), theme.plain(against.name)
        best = [outcome.best_epoch for outcome in run_cache.outcomes([run, against]).values()]
        own_epoch, other_epoch = [epoch, epoch] if epoch else best
        if own_epoch is None or other_epoch is None:
            early = name if own_epoch is None else other
            refused.append(f"{name} cannot be compared with {other}: {early} has no epoch yet.")
            continue
        if not comparison.same_data(run, against):
            refused.append(
                f"{name} cannot be compared with {other}: it was trained on other films."
            )
            continue
        try:
            own = run_cache.run_verdicts(run, own_epoch)
            others_own = run_cache.run_verdicts(against, other_epoch)
        except RunError as error:
            refused.append(f"{name} cannot be compared with {other}: {theme.plain(str(error))}")
            continue
        both = [
            (run.name, role, comparison.compare(own, others_own, role)) for role in ("dev", "valid")
        ]
        lines += [line for line in both if line[2].n]
        if not any(line[2].n for line in both):
            refused.append(f"{name} and {other} have no evaluated study in common.")
    return lines, refused


def _sentence(lines: list[Line], against: Run) -> str:
    """The result of the comparison, by the valid studies if there are some."""
    role = "valid" if any(line[1] == "valid" for line in lines) else "dev"
    compared = [line for line in lines if line[1] == role]
    other = theme.plain(against.name)
    clear = [
        f"**{theme.plain(name)}** is **{d.verdict}** than {other} by {_points(abs(d.value))} points"
        for name, _, d in compared
        if d.value is not None and d.verdict != "a tie"
    ]
    n = plural(compared[0][2].n, "study").replace(" ", f" {role} ", 1)
    if len(compared) == 1 and not clear:
        name = theme.plain(compared[0][0])
        return f"**No measurable difference** between **{name}** and **{other}** on {n}."
    if not clear:
        return f"**No measurable difference** between any of these runs and **{other}** on {n}."
    rest = len(compared) - len(clear)
    ties = f" {plural(rest, 'other run')} {'is' if rest == 1 else 'are'} tied with it."
    return f"On {n}, " + "; ".join(clear) + "." + (ties if rest else "")


def _points(share: float) -> str:
    return f"{100 * share:.1f}"


def _signed(share: float | None) -> str:
    """Points with their sign, and 0 without one; a dash for `None`."""
    if share is None:
        return figures.MISSING
    points = round(100 * share, 1)
    return f"{points:+.1f}".replace("-", "−") if points else "0.0"


def _table(lines: list[Line], against: Run) -> None:
    differences = [d for _, _, d in lines]
    bounds = [bound for d in differences for bound in (d.low, d.high) if bound is not None]
    reach = max(0.05, *map(abs, bounds))
    ink = theme.ink()
    rows = pd.DataFrame(
        {
            "Run": [name for name, _, _ in lines],
            "Studies": [role for _, role, _ in lines],
            "Verdict": [d.verdict for d in differences],
            "Points": [_signed(d.value) for d in differences],
            "Interval": [run_charts.interval(d, (-reach, reach), 0.0, ink) for d in differences],
            "95 % interval": [f"{_signed(d.low)} to {_signed(d.high)}" for d in differences],
            "Only this one right": [d.only_first for d in differences],
            "Only the other right": [d.only_second for d in differences],
            "n": [d.n for d in differences],
        }
    )
    text = st.column_config.TextColumn
    name = theme.plain(against.name)
    st.dataframe(
        rows,
        hide_index=True,
        height=min(430, 38 + 35 * len(rows)),
        column_config={
            "Run": text(pinned=True, width=figures.column_width("Run", rows["Run"])),
            "Points": text(alignment="right", width=80, help=f"Above 0: better than {name}."),
            "Interval": st.column_config.ImageColumn(
                width=run_charts.WIDTH + 20,
                help=f"From {-100 * reach:.0f} to {100 * reach:.0f} points; the dashed line is 0.",
            ),
            "95 % interval": text(alignment="right"),
            "Only this one right": st.column_config.NumberColumn(width=150),
            "Only the other right": st.column_config.NumberColumn(
                width=150, help=f"{name} alone was right."
            ),
            "n": st.column_config.NumberColumn(help="Studies evaluated with both runs.", width=60),
        },
        key="comparison",
        alt=f"Differences in accuracy from {against.name}",
    )
