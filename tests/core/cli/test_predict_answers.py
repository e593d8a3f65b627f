"""`predict` with a model's choices: three answers, the saved rule, the calibrated probability."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fracture_core.answers import card_choices
from fracture_core.cli import command_line
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

POINT = OperatingPoint(rule="mean", threshold=0.001, aim="youden", studies=60, positive=25)


@pytest.fixture
def model(run_copy: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A released model without a gate, with 60 dev studies."""
    monkeypatch.setattr(release, "_gate", lambda model: None)
    folder = release.release(run_copy.name, "starter")
    made_predictions.replace_dev(folder, made_predictions.films(60, split="train", role="dev"))
    return "starter"


def dev_of(label: int) -> None:
    """Give the model 300 dev studies of one label, so that nearly every score is in a limit."""
    dev = made_predictions.films(300, split="train", role="dev", prevalence=float(label))
    dev["probability"] = np.linspace(0.001, 0.999, len(dev), dtype=np.float32)
    made_predictions.replace_dev(models_folder() / "starter", dev)


def study(root: Path) -> Path:
    return sorted(root.glob("valid/*/*/study*"))[0]


def spoken(capsys, *words: object) -> str:
    assert command_line.main([str(word) for word in words]) == 0
    return capsys.readouterr().out


def test_the_answer_is_a_new_key_and_fracture_stays_or(model, phantom_root, capsys) -> None:
    for label, threshold, fracture, answer in (
        (0, 1, False, "no fracture"),
        (1, 0, True, "fracture"),
        (0, 0, True, "a person must look"),
        (1, 1, False, "a person must look"),
    ):
        dev_of(label)
        words = ("predict", model, study(phantom_root), "--threshold", threshold, "--json")
        record = json.loads(spoken(capsys, *words))
        [judged] = record["studies"]
        assert judged["fracture"] is fracture and judged["answer"] == answer
        assert judged["fracture"] is judged["rules"]["any"]["fracture"]
        assert record["promise"]["missed_percent"] == 5.0
        assert record["promise"]["studies"] == 300


def test_a_promise_of_the_command_is_kept_and_printed(model, phantom_root, capsys) -> None:
    dev_of(0)
    words = ("predict", model, study(phantom_root), "--threshold", 1)
    plain = spoken(capsys, *words)
    assert "Answer" not in plain  # without a promise in card or command
    printed = spoken(capsys, *words, "--promise", 10).splitlines()
    assert printed[-1].startswith("Answer: no fracture. Its score 0.")
    assert printed[:-1] == plain.splitlines()
    record = json.loads(spoken(capsys, *words, "--promise", 0.1, "--confidence", 99.9, "--json"))
    assert "takes 6,905 studies cleared" in record["promise"]["clear"]["refusal"]
    assert record["studies"][0]["answer"] == "a person must look"


def test_a_promise_out_of_range_is_refused_in_one_sentence(model, phantom_root, capsys) -> None:
    words = ["predict", model, str(study(phantom_root)), "--promise", "0"]
    assert command_line.main(words) == 2
    error = capsys.readouterr().err
    assert "from 0.1 to 50; received 0" in error and len(error.splitlines()) == 1


def test_choices_of_the_card_are_used_and_told(model, phantom_root, capsys) -> None:
    judged = stored_models.find(model).dev_films
    fitted = calibration.fit(judged, "temperature")
    card_choices.save_calibration(model, fitted)
    card_choices.save_point(model, POINT)
    card_choices.save_promise(model, Promise(missed_percent=10.0))
    printed = spoken(capsys, "predict", model, study(phantom_root), "--threshold", 1)
    assert "The model finds no fracture" in printed  # OR, at the threshold of the command
    assert "(mean of the films above 0.001) the model finds a fracture: score" in printed
    assert "chosen on 60 dev studies (25 positive) for Youden's J" in printed
    assert "Calibrated probability: " in printed and "Answer: a person must look." in printed
    record = json.loads(spoken(capsys, "predict", model, study(phantom_root), "--json"))
    [own] = record["studies"]
    assert own["operating_point"]["fracture"] is True
    assert own["operating_point"]["threshold"] == 0.001
    highest = max(image["probability"] for image in own["images"])
    assert own["calibrated_probability"] == fitted.studies.apply([highest])[0]
    assert record["promise"]["missed_percent"] == 10.0


def test_a_kept_threshold_of_or_is_the_verdicts(model, phantom_root, capsys) -> None:
    card_choices.save_point(model, replace(POINT, rule="or"))
    record = json.loads(spoken(capsys, "predict", model, study(phantom_root), "--json"))
    assert record["threshold"] == 0.001 and record["studies"][0]["fracture"] is True
    assert "operating_point" not in record["studies"][0]


def test_the_answer_goes_by_dev_s_corrected_labels_on_request(model, phantom_root, capsys) -> None:
    dev_of(1)
    dev = stored_models.find(model).dev_films
    studies = catalog.studies(dev)
    labels = dict.fromkeys(studies["key"], 0)
    value = corrections.corrected(Corrections(), studies, labels, "AB", "casts")
    corrections.write(stored_models.find(model).card.data.hash, value)
    words = ("predict", model, study(phantom_root), "--threshold", 1, "--json")
    plain = json.loads(spoken(capsys, *words))
    assert plain["studies"][0]["answer"] == "a person must look"
    assert "corrections" not in plain["promise"]
    record = json.loads(spoken(capsys, *words, "--corrections"))
    assert record["studies"][0]["answer"] == "no fracture"
    assert record["promise"]["corrections"] == {"labels": len(studies), "hash": value.hash}
