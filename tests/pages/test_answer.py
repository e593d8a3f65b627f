"""The three answers, the saved rule and the calibrated probability on Diagnose."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fracture_core.answers import card_choices
from fracture_core.curation import corrections
from fracture_core.curation.corrections import Corrections
from fracture_core.datasets import catalog
from fracture_core.folders import models_folder
from fracture_core.models import stored_models
from fracture_core.operating_points import calibration
from fracture_core.operating_points.choices import OperatingPoint
from fracture_core.operating_points.promise import Promise
from fracture_core.releases import release
from tests.core import made_predictions
from ui.diagnose import prediction_cache

APP = str(Path(__file__).parents[2] / "app.py")
PERSON = "a person must look"
MEAN = OperatingPoint(rule="mean", threshold=0.001, aim="youden", studies=900, positive=400)


@pytest.fixture
def key(run_copy: Path, phantom_root: Path) -> str:
    """A study of the phantom, and a released model that has 900 dev studies."""
    st.cache_resource.clear()
    st.cache_data.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(release, "_gate", lambda model: None)
        folder = release.release(run_copy.name, "starter")
    dev = made_predictions.films(900, seed=1, split="train", role="dev", skill=3.0)
    made_predictions.replace_dev(folder, dev)
    prediction_cache.warm_up().result()
    valid = catalog.select(catalog.read(phantom_root).manifest, "valid")
    return str(catalog.study_key(valid).iloc[0])


def opened(key: str, **state: object) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params.update({"model": "starter", "study": key})
    for name, value in state.items():
        app.session_state[name] = value
    app = app.switch_page("pages/diagnose.py").run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    kinds = (app.title, app.markdown, app.caption, app.warning)
    words = "\n".join(element.value for kind in kinds for element in kind)
    return words.replace("\\", "").replace("\N{NO-BREAK SPACE}", " ")


def all_alike(label: int) -> None:
    """Give the model 300 dev studies of one label, so that nearly every score is within a limit."""
    dev = made_predictions.films(300, split="train", role="dev", prevalence=float(label))
    dev["probability"] = np.linspace(0.001, 0.999, len(dev), dtype=np.float32)
    made_predictions.replace_dev(models_folder() / "starter", dev)


@pytest.mark.parametrize(
    ("label", "threshold", "answer"),
    [(0, 1.0, "no fracture"), (1, 0.0, "fracture"), (0, 0.0, PERSON), (1, 1.0, PERSON)],
)
def test_the_answer_agrees_with_the_or_verdict_or_a_person_must_look(
    key: str, label: int, threshold: float, answer: str
) -> None:
    all_alike(label)
    app = opened(key)
    app.slider(key="threshold").set_value(threshold).run()
    assert not app.exception
    assert f"finds {'no' if threshold else 'a'} fracture" in said(app)
    assert f"Answer: **{answer}**." in said(app)
    assert "Calibrated probability" not in said(app)


def test_choices_in_the_card_are_used_and_told(key: str) -> None:
    judged = stored_models.find("starter").dev_films
    card_choices.save_calibration("starter", calibration.fit(judged, "isotonic"))
    card_choices.save_point("starter", MEAN)
    card_choices.save_promise("starter", Promise(missed_percent=10.0))
    words = said(opened(key, **{"promise-diagnose": True}))
    assert "By the rule saved in its card (mean of the films above 0.001) the model finds" in words
    assert "chosen on 900 dev studies (400 positive) for Youden's J" in words
    assert "Calibrated probability: **" in words
    assert "Promise: of the cleared at most 10 % have a fracture" in words
    assert "never contradicts the OR verdict" in words


def test_a_small_dev_says_why_a_person_must_look(key: str) -> None:
    small = made_predictions.films(49, split="train", role="dev")
    made_predictions.replace_dev(models_folder() / "starter", small)
    app = opened(key, **{"promise-diagnose": True})
    app.slider(key="threshold").set_value(1.0).run()
    assert "Answer: **a person must look**." in said(app)
    assert "takes 59 studies cleared without a mistake" in said(app)


def test_dev_has_its_corrected_labels_and_the_receipt_s_command_too(key: str) -> None:
    all_alike(1)
    model = stored_models.find("starter")
    studies = catalog.studies(model.dev_films)
    labels = dict.fromkeys(studies["key"], 0)
    value = corrections.corrected(Corrections(), studies, labels, "AB", "casts")
    corrections.write(model.card.data.hash, value)
    opens = {"promise-diagnose": True, "about-model": True, "receipt-verdict": True}
    app = opened(key, **opens)
    app.slider(key="threshold").set_value(1.0).run()
    assert not app.exception
    assert "Answer: **no fracture**." in said(app)
    named = f"{len(studies)} labels corrected (list {value.hash})."
    assert said(app).count(named) == 3  # the receipt, the figures on dev, and the promise
    assert "--corrections" in app.code[0].value


def test_the_receipt_names_the_labels_behind_each_choice(key: str) -> None:
    """The card keeps a calibration by no list and a point by another one than today's."""
    model = stored_models.find("starter")
    card_choices.save_calibration("starter", calibration.fit(model.dev_films, "temperature"))
    card_choices.save_point("starter", replace(MEAN, corrections="0123456789abcdef"))
    studies = catalog.studies(model.dev_films)
    labels = {studies["key"][0]: 1 - studies["label"][0]}
    value = corrections.corrected(Corrections(), studies, labels, "AB", "casts")
    corrections.write(model.card.data.hash, value)
    words = said(opened(key, **{"receipt-verdict": True}))
    for name, origin in (
        ("three answers", f"1 label corrected (list {value.hash})."),
        ("calibrated probability", "the data's own"),
        ("operating point", "corrected by list 0123456789abcdef"),
    ):
        assert f"- **Labels behind the {name}**: {origin}" in words
