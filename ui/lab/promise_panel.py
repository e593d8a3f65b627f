"""Three answers: a promise, the limits that keep it on dev, and the share left to people."""

import pandas as pd
import streamlit as st

from fracture_core.answers import study_answers
from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.models.model import Model
from fracture_core.operating_points import promise as promises
from fracture_core.operating_points.promise import Limits, Promise
from fracture_core.reports import evaluation_details, receipts
from fracture_core.reports.receipts import Receipt
from fracture_core.verdicts.closed_intervals import Proportion
from fracture_core.words import plural
from ui.lab import card_buttons, estimate_cache, lab_cache
from ui.shared import figures, promise_fields, receipt, theme
from ui.shell import actions, state


def show(result: Evaluation, reference: str, model: Model) -> None:
    """Draw the panel behind a fold."""
    fold = st.expander(
        "Three answers: fracture, no fracture, a person must look",
        key=state.PROMISE,
        on_change="rerun",
    )
    if not fold.open:
        return
    with fold:
        source, films = lab_cache.unseen_films(model)
        if not len(films):
            st.info(f"{theme.plain(model.card.no_dev_words)}, so no promise can be made.")
            return
        promise = promise_fields.ask(model)
        if promise is None:
            return
        corrected = model.corrections_among(films)
        studies = study_answers.studies_of(films)
        key = estimate_cache.key_of_films(model.reference, films)
        limits = lab_cache.limits(key, promise, studies)
        _limits(limits, source)
        tables = {source: studies}
        if result.split != source:
            tables[result.split] = study_answers.studies_of(result.films)
        _shares(tables, limits, result.threshold)
        st.caption(
            f"Limits from {plural(limits.studies, f'{source} study')} of "
            f"{plural(limits.patients, 'patient')}, one study per patient, by fixed sequence "
            "testing with exact binomial (Clopper-Pearson) bounds. They hold for studies like "
            f"these, each on its own. "
            f"{theme.plain(study_answers.source_words(model, source, corrected))}"
        )
        receipt.offer("promise", lambda: _receipt(result, model, promise))
        _keep(reference, model, promise)


def _receipt(result: Evaluation, model: Model, promise: Promise) -> Receipt:
    """The receipt of the limits and of the share of each answer."""
    record = evaluation_details.answers(result, model, promise)
    return receipts.of_record(
        "Three answers",
        record,
        ("answers",),
        result,
        model,
        method="Limits by fixed sequence testing with exact binomial (Clopper-Pearson) bounds, on "
        f"one study per patient. Shares: {receipts.WILSON}",
        options=receipts.promise_options(promise),
        chosen_on=lab_cache.unseen_films(model)[1],
    )


def _limits(limits: Limits, source: str) -> None:
    """The limit of each answer, or why the promise cannot be made."""
    promise = limits.promise
    at = f"{promise.confidence_percent:g} % confident"
    for limit, word, share, wrong in (
        (limits.clear, "cleared", promise.missed_percent, "have a fracture"),
        (limits.call, "called a fracture", promise.false_percent, "have none"),
    ):
        asked = f"at most {share:g} % {wrong}, {at}"
        if limit.score is None:
            st.warning(f"No study is {word} ({asked}). {theme.plain(limit.refusal)}")
            continue
        side = "or less" if word == "cleared" else "or more"
        st.success(
            f"Studies with a score of {limit.score:.3f} {side} are {word} ({asked}). Shown on "
            f"{source}: {limit.mistakes:,} of {limit.n:,} {wrong}, so at most "
            f"{figures.percent(limit.bound)}."
        )


def _shares(tables: dict[str, pd.DataFrame], limits: Limits, threshold: float) -> None:
    rows = []
    for name, studies in tables.items():
        rows += shares(studies, limits, threshold, name)
    table = pd.DataFrame(rows)
    numbers = figures.right_aligned(table.columns[2:])
    st.dataframe(table, hide_index=True, height="content", key="answers", column_config=numbers)
    last = rows[-1]
    st.markdown(f"**Left to people on {last['Films']}: {last['Share of studies']}.**")


def shares(
    studies: pd.DataFrame, limits: Limits, threshold: float, name: str
) -> list[dict[str, str]]:
    """Return one row per answer: how many studies have it, and how many of them are mistaken.

    Args:
        studies: of `study_answers.studies_of`.
        limits: of the answers.
        threshold: of the OR verdict.
        name: of the films.
    """
    return [
        {
            "Films": name,
            "Answer": answer.value,
            "Share of studies": _share(own["share"]),
            "Mistaken": _share(own["mistaken"]),
        }
        for answer, own in promises.shares(studies, limits, threshold).items()
    ]


def _share(share: Proportion | None) -> str:
    if share is None:
        return figures.MISSING
    if share.value is None:
        return f"{figures.MISSING} (n = 0)"
    return (
        f"{figures.percent(share.value)} ({share.count:,} of {share.n:,}, {figures.LEVEL} interval "
        f"{figures.interval(share)})"
    )


def _keep(reference: str, model: Model, promise: Promise) -> None:
    own = model.card.choices.promise
    if own:
        st.success(f"In the card: {promise_fields.words(own)}.")
    if model.is_run:
        card_buttons.release_first(model, "a promise")
        return
    offered = {"keep-promise": ("Keep this promise in the card", promise)}
    card_buttons.show(actions.save_promise, reference, offered, own, "drop-promise")
