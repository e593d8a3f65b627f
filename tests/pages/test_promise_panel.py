"""Calibration and the three answers on Evaluate."""

from pathlib import Path

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fracture_core.curation import corrections
from fracture_core.curation.corrections import Corrections
from fracture_core.datasets import catalog
from fracture_core.models import stored_models
from fracture_core.operating_points import calibration
from fracture_core.operating_points import promise as promises
from fracture_core.operating_points.promise import Answer, Promise
from fracture_core.verdicts import estimates
from tests.core import made_predictions
from ui.lab import promise_panel

APP = str(Path(__file__).parents[2] / "app.py")
SMALL = made_predictions.films(49, seed=1, split="train", role="dev")
LARGE = made_predictions.films(900, seed=1, split="train", role="dev", skill=3.0)
VALID = made_predictions.films(150, seed=2, skill=3.0)


@pytest.fixture(autouse=True)
def nothing_cached(folders: Path) -> None:
    """Another test's folders hold models of the same names."""
    st.cache_resource.clear()
    st.cache_data.clear()


def opened(fold: str, films: str = "valid") -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params.update({"model": "made", "films": films})
    app.session_state[fold] = True
    app = app.switch_page("pages/evaluate.py").run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.success, app.info, app.error, app.warning)
    words = "\n".join(element.value for kind in kinds for element in kind)
    return words.replace("\\", "").replace("\N{NO-BREAK SPACE}", " ")


def frame(app: AppTest, column: str) -> pd.DataFrame:
    table = next(each.value for each in app.dataframe if column in each.value)
    return table.map(lambda cell: str(cell).replace("\N{NO-BREAK SPACE}", " "))


def field(app: AppTest, name: str):
    return next(each for each in app.number_input if each.key.startswith(f"promise-of-{name}"))


# --- calibration --------------------------------------------------------------------------------


def test_errors_stand_before_and_after_with_interval_and_n(folders: Path) -> None:
    made_predictions.run("made", LARGE, VALID)
    app = opened("calibration")
    rows = frame(app, "ECE").set_index("Scores")
    assert list(rows.index) == ["as scored", "temperature scaling", "isotonic regression"]
    fitted = calibration.fit(stored_models.find("made").dev_films, "isotonic")
    table = calibration.scores_of(VALID, "studies")
    scores = fitted.studies.apply(table["score"])
    own = estimates.estimate(table["label"], scores, scores > 0.5, table["patient"])["ece"]
    assert rows.loc["isotonic regression"].tolist() == [
        f"{own.value:.3f}",
        f"{own.low:.3f} to {own.high:.3f}",
        "150",
        str(own.groups),
    ]
    assert "Fitted on 900 dev studies; the valid films chose nothing." in said(app)


def test_images_have_a_calibration_of_their_own(folders: Path) -> None:
    made_predictions.run("made", LARGE, VALID)
    app = opened("calibration")
    app.segmented_control(key="calibrated-level").set_value("images").run()
    assert not app.exception
    assert frame(app, "ECE")["n"].tolist() == [str(len(VALID))] * 3


def test_a_kept_calibration_is_in_the_card_and_can_be_removed(folders: Path) -> None:
    made_predictions.released("made", SMALL)
    app = opened("calibration", "dev")
    assert "Fitted on these very 49 dev studies, so the figures after are optimistic" in said(app)
    app.button(key="keep-isotonic").click().run()
    assert not app.exception
    kept = stored_models.find("made").card.choices.calibration
    assert kept == calibration.fit(SMALL, "isotonic")
    assert "In the card: isotonic regression, fitted on 49 dev studies." in said(app)
    app.button(key="drop-calibration").click().run()
    assert stored_models.find("made").card.choices.calibration is None


def test_too_few_dev_studies_are_told_and_the_scores_still_shown(folders: Path) -> None:
    made_predictions.run("made", made_predictions.films(12, split="train", role="dev"), VALID)
    app = opened("calibration")
    assert "A calibration needs 20 dev studies of both labels" in said(app)
    assert frame(app, "ECE")["Scores"].tolist() == ["as scored"]


# --- three answers ------------------------------------------------------------------------------


def test_a_dev_of_49_studies_is_refused_with_the_number_it_takes(folders: Path) -> None:
    made_predictions.run("made", SMALL, VALID)
    app = opened("promise")
    assert "No study is cleared (at most 5 % have a fracture, 95 % confident)." in said(app)
    assert "takes 59 studies cleared without a mistake" in said(app)
    assert "Left to people on valid: 100.0 % (150 of 150" in said(app)


def test_a_large_dev_gives_limits_and_the_share_left_to_people(folders: Path) -> None:
    made_predictions.run("made", LARGE, VALID)
    app = opened("promise")
    dev = promise_panel.study_answers.studies_of(LARGE)
    limits = promises.limits(dev, Promise())
    assert f"a score of {limits.clear.score:.3f} or less are cleared" in said(app)
    valid = promise_panel.study_answers.studies_of(VALID)
    answers = promises.answers(valid["score"].to_numpy(), limits, 0.5)
    left = int((answers == Answer.PERSON).sum())
    assert f"Left to people on valid: {100 * left / 150:.1f} % ({left} of 150" in said(app)
    rows = frame(app, "Answer")
    assert rows["Films"].tolist() == ["dev"] * 3 + ["valid"] * 3
    missed = int(((answers == Answer.NO_FRACTURE) & (valid["label"] == 1)).sum())
    cleared = int((answers == Answer.NO_FRACTURE).sum())
    assert f"({missed} of {cleared}," in rows["Mistaken"].tolist()[4]


def test_the_user_sets_the_promise(folders: Path) -> None:
    made_predictions.run("made", LARGE, VALID)
    app = opened("promise")
    field(app, "missed").set_value(20.0).run()
    field(app, "confidence").set_value(80.0).run()
    assert not app.exception
    dev = promise_panel.study_answers.studies_of(LARGE)
    limits = promises.limits(dev, Promise(missed_percent=20.0, confidence_percent=80.0))
    assert f"a score of {limits.clear.score:.3f} or less are cleared (at most 20 % have" in said(
        app
    )
    field(app, "missed").set_value(99.0).run()
    assert not app.exception and "from 0.1 to 50; received 99" in said(app)


def test_a_kept_promise_is_in_the_card(folders: Path) -> None:
    made_predictions.released("made", LARGE)
    app = opened("promise", "dev")
    field(app, "missed").set_value(10.0).run()
    app.button(key="keep-promise").click().run()
    assert not app.exception
    assert stored_models.find("made").card.choices.promise == Promise(missed_percent=10.0)
    assert "In the card: of the cleared at most 10 % have a fracture" in said(app)
    app.button(key="drop-promise").click().run()
    assert stored_models.find("made").card.choices.promise is None


# --- corrected labels -----------------------------------------------------------------------------


def test_corrected_labels_of_dev_move_limits_and_calibration_and_are_named(folders: Path) -> None:
    made_predictions.run("made", LARGE, VALID)
    before = {fold: said(opened(fold)) for fold in ("promise", "calibration")}
    studies = catalog.studies(LARGE)
    labels = {row["key"]: 1 - row["label"] for row in studies[:60].to_dict("records")}
    value = corrections.corrected(Corrections(), studies, labels, "AB", "a cast")
    corrections.write("made", value)
    named = f"60 labels corrected (list {value.hash})."
    for fold, text in before.items():
        app = opened(fold)
        assert app.toggle(key="by-corrected").label == "Use corrected labels: 60 of dev"
        assert named in said(app) and named not in text
        app.toggle(key="by-corrected").set_value(False).run()
        assert said(app) == text
