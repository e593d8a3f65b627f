"""A second model on the same studies: can the two be told apart."""

from typing import Any

import pandas as pd
import streamlit as st

from fracture_core.errors import DataError, FractureError
from fracture_core.evaluations import evaluation
from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.model_comparison import model_pair, paired_figures, stored_predictions
from fracture_core.model_comparison.model_pair import METHOD, ModelPair
from fracture_core.models.model import Model
from fracture_core.reports import page_receipts
from fracture_core.reports.receipts import Receipt
from fracture_core.verdicts import estimates, figure_words
from fracture_core.words import short
from ui.cache import curation_cache, data_cache, model_cache
from ui.evaluate import results
from ui.shared import figures, model_choice, receipt, theme

FIGURE_PX, MODEL_PX, GAP_PX = 150, 130, 220


def show(result: Evaluation, reference: str) -> None:
    """Draw the choice of the second model, and the comparison."""
    st.header("Compare with a second model", anchor=False)
    second = model_choice.second(reference)
    if second is None:
        return
    try:
        model = model_cache.model(second)
        other = _second(result, second, model)
        if other is None:
            return
        if result.data.get("corrections"):  # both by the same labels
            value = curation_cache.corrected(str(result.data["hash"]))
            other = evaluation.relabelled(other, value)
        pair = model_pair.compare(result, other)
    except FractureError as error:
        st.error(theme.plain(str(error)), icon=":material/error:")
        return
    st.markdown(f"**{theme.plain(pair.sentence)}**")
    st.dataframe(
        table(pair),
        hide_index=True,
        height="content",
        width=FIGURE_PX + 2 * MODEL_PX + GAP_PX + 4,
        key="model-pair",
        column_config=_columns(pair),
    )
    only_first, only_second = pair.discordant
    st.caption(
        theme.plain(
            f"{paired_figures.cases(pair.studies, 'study', pair.patients)}: "
            f"{only_first:,} right by the first alone, {only_second:,} by the second alone. "
            f"{METHOD} Thresholds {pair.thresholds[0]:.2f} and {pair.thresholds[1]:.2f}."
        )
    )
    receipt.offer("pair", lambda: _receipt(pair, result, reference, second))


def _second(result: Evaluation, reference: str, model: Model) -> Evaluation | None:
    """The second model on the same films; `None` while they are not evaluated yet.

    Raises:
        DataError: it keeps no predictions of them and they are not in the data in use; or the
            selection was changed since the first model was evaluated on it.
    """
    if chosen := result.data.get("selection"):
        selection = curation_cache.named(str(result.data.get("hash")), str(chosen["name"]))
        if selection is None or selection.hash != chosen["hash"]:
            raise DataError(
                f"The selection {short(str(chosen['name']))!r} was changed or removed since the "
                "first model was evaluated on it, so no second one can be compared. Evaluate the "
                "first one again."
            )
        return results.evaluated(reference, model, result.split, selection)
    keeps = result.split in stored_predictions.roles(model)
    if not keeps and result.split not in set(data_cache.dataset().manifest["split"]):
        raise DataError(
            f"{model.card.name} keeps no predictions of {result.split} films, and they are no "
            "split of the data in use. Pick other films, or a model that keeps them."
        )
    return results.fetch(reference, model, result.split)


def _receipt(pair: ModelPair, result: Evaluation, first: str, second: str) -> Receipt:
    """The receipt of both models' figures and their differences."""
    models = [model_cache.model(reference) for reference in (first, second)]
    return page_receipts.of_pair(pair, result, models)


def table(pair: ModelPair) -> pd.DataFrame:
    """Return one row per figure: of both models, and the difference with its interval."""
    rows = []
    for name in estimates.NAMES:
        one, two, gap = pair.figures[name]
        rows.append(
            {
                "Figure": figure_words.TITLES[name],
                "first": figure_words.value(name, one) or figures.MISSING,
                "second": figure_words.value(name, two) or figures.MISSING,
                "gap": figure_words.difference(name, gap) or figures.MISSING,
            }
        )
    return pd.DataFrame(rows)


def _columns(pair: ModelPair) -> dict[str, Any]:
    text = st.column_config.TextColumn
    first, second = map(short, pair.models)
    return {
        "Figure": text(width=FIGURE_PX, pinned=True),
        "first": text(first, width=MODEL_PX, alignment="right"),
        "second": text(second, width=MODEL_PX, alignment="right"),
        "gap": text("Difference (95 % interval)", width=GAP_PX, alignment="right"),
    }
