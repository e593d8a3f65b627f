"""The report's claims as a table: what will answer each, and the answer once it is there."""

import pandas as pd
import streamlit as st

from fracture_core.analysis import report_claims
from fracture_core.analysis.report_2018 import BY_KEY, FIGURES, ExperimentRuns, Length
from fracture_core.analysis.report_claims import Answer, Claim
from fracture_core.reports import page_receipts
from fracture_core.reports.receipts import Receipt
from ui.cache import data_cache, run_cache
from ui.report_2018 import report_figures
from ui.shared import receipt, theme

AGREEMENT = {True: "✓ agrees", False: "✗ disagrees", None: "no measurable difference"}


def show(runs: ExperimentRuns, length: Length, synthetic: bool, is_reports: bool) -> None:
    """Draw a row for each claim.

    Args:
        runs: the runs so far.
        length: of the experiments.
        synthetic: whether the films are synthetic.
        is_reports: whether data and length are the report's.
    """
    st.header("What the report claims, and what answers it", anchor=False)
    answers = run_cache.report_answers(runs, length)
    is_answered = any(answer.is_there for answer in answers.values())
    if not is_reports:
        st.caption(report_figures.caveat(synthetic))
    answered = "Our runs on synthetic films" if synthetic else "Our runs"
    head = f"{answered}, {length.name} length" if is_answered else "What will answer it"
    rows = []
    for claim, answer in answers.items():
        words = _answer(answer, claim, is_reports) if answer.is_there else _means(claim, length)
        rows.append((str(claim.figure), theme.plain(claim.says), words))
    table = pd.DataFrame(rows, columns=["Figure", "The report says", head])
    st.table(table, hide_index=True, border="horizontal", alt="The report's claims")
    silent = [str(f.number) for f in FIGURES if f.number not in _with_claims()]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Figure {', '.join(silent)}: no testable claim.", width="content")
        receipt.offer("claims", lambda: _receipt(runs, length))


def _receipt(runs: ExperimentRuns, length: Length) -> Receipt:
    claims = report_claims.record(runs, length)
    return page_receipts.of_claims(claims, data_cache.dataset(), length)


def _with_claims() -> set[int]:
    return {claim.figure for claim in report_claims.CLAIMS}


def _means(claim: Claim, length: Length) -> str:
    """The runs and the epoch that will answer a claim, and the rule."""
    titles = " and ".join(BY_KEY[key].title for key in claim.keys)
    return theme.plain(f"{titles}, after epoch {claim.epoch(length)}: {claim.rule}.")


def _answer(answer: Answer, claim: Claim, is_reports: bool) -> str:
    """The numbers; agreement is claimed on the report's own films alone."""
    words = theme.plain(answer.words)
    if not is_reports:
        return words
    return f"**{AGREEMENT[answer.agrees]}**: {words} :small[Rule: {theme.plain(claim.rule)}.]"
