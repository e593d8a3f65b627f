"""Corrected labels reach the dev films, by which thresholds, calibration and limits are chosen."""

import json
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from fracture_core.answers import study_answers
from fracture_core.cli import command_line
from fracture_core.curation import corrections
from fracture_core.curation.corrections import Corrections
from fracture_core.datasets import catalog
from fracture_core.evaluations import evaluation
from fracture_core.folders import PROJECT
from fracture_core.model_comparison import stored_predictions
from fracture_core.models import stored_models
from fracture_core.operating_points import calibration, choices, study_scores
from fracture_core.operating_points.calibration import Calibration
from fracture_core.operating_points.choices import OperatingPoint
from fracture_core.operating_points.promise import Promise
from fracture_core.reports import evaluation_details, receipts
from fracture_core.runs import run_config
from tests.core import made_predictions

DEV = made_predictions.films(150, seed=1, split="train", role="dev", skill=3.0)
VALID = made_predictions.films(60, seed=2, skill=3.0)
DETAILS = ("--lab", "0.4", "--rule", "mean", "--calibration", "--promise", "20")
CHOSEN = ("operating_points", "calibration", "answers")  # of the JSON: dev chooses them
pytestmark = pytest.mark.usefixtures("folders")


def correct(films: pd.DataFrame, count: int) -> Corrections:
    """Correct the labels of the first studies of these films."""
    studies = catalog.studies(films)
    labels = {row["key"]: 1 - row["label"] for row in studies[:count].to_dict("records")}
    value = corrections.corrected(Corrections(), studies, labels, "AB", "a cast")
    corrections.write("made", value)  # the hash of data that `made_predictions` names
    return value


def spoken(capsys, *words: object) -> str:
    assert command_line.main([str(word) for word in words]) == 0
    return capsys.readouterr().out


def evaluated(capsys, *words: object) -> dict[str, Any]:
    return json.loads(spoken(capsys, "evaluate", *words, *DETAILS, "--json"))


def test_dev_chooses_by_the_corrected_labels_as_in_a_run_that_has_them(capsys) -> None:
    made_predictions.run("made", DEV, VALID)
    value = correct(DEV, 20)
    made_predictions.run("twin", corrections.relabel(DEV, value), VALID)
    plain, twin = (evaluated(capsys, name) for name in ("made", "twin"))
    corrected = evaluated(capsys, "made", "--corrections")
    for name in CHOSEN:
        assert corrected[name] != plain[name]
        own = {key: each for key, each in corrected[name].items() if key != "corrections"}
        assert own == twin[name]
    facts = {"labels": 20, "hash": value.hash}
    assert corrected["dev_corrections"] == corrected["answers"]["corrections"] == facts
    assert not {"dev_corrections", "corrections"} & {*plain, *plain["answers"]}
    printed = spoken(capsys, "evaluate", "made", "--corrections")
    assert f"Dev: 20 labels corrected (list {value.hash})." in printed


def test_a_receipt_names_the_labels_of_dev_and_its_command_has_them(capsys) -> None:
    made_predictions.run("made", DEV, VALID)
    value, model = correct(DEV, 20), stored_models.find("made")
    result = stored_predictions.of_role(model, "valid")
    for corrected, words in (
        (False, "the data's own"),
        (True, f"20 labels corrected (list {value.hash})."),
    ):
        if corrected:
            result, model = evaluation.by_corrected_labels(result, model)
        promise = Promise(missed_percent=20)
        record = evaluation_details.answers(result, model, promise)
        options = receipts.promise_options(promise)
        receipt = receipts.of_record(
            "", record, (), result, model, method="", options=options, chosen_on=model.dev_films
        )
        assert dict(receipt.rows)["Labels of the films that chose"] == words
        assert ("--corrections" in receipt.command) is corrected
        printed = spoken(capsys, *receipt.command.split()[3:])
        assert json.loads(printed)["answers"]["clear"] == record["clear"]


def test_films_without_a_corrected_label_name_no_list(capsys) -> None:
    """Of one list, dev has a label and valid has none, and the other way round."""
    made_predictions.run("made", DEV, VALID)
    plain = stored_models.find("made")
    for films, split in ((DEV, "valid"), (VALID, "dev")):
        correct(films, 1)
        before = stored_predictions.of_role(plain, split)
        result, model = evaluation.by_corrected_labels(before, plain)
        assert result is before
        assert "Labels" not in dict(receipts.basis(result, model))
        assert "--corrections" in receipts.command(result, model)
        words = ("evaluate", "made", "--split", split, "--corrections")
        assert "0 labels corrected" not in spoken(capsys, *words)


def test_dev_of_other_data_has_its_own_corrections(phantom_root) -> None:
    """The model keeps dev films of its training data; those evaluated are of other data."""
    made_predictions.run("made", DEV, VALID)
    value, model = correct(DEV, 20), stored_models.find("made")
    result = replace(stored_predictions.of_role(model, "valid"), data={"hash": "other"})
    result, model = evaluation.by_corrected_labels(result, model)
    assert "corrections" not in result.data
    assert model.dev_corrections == {"labels": 20, "hash": value.hash}
    assert "--corrections" in receipts.command(result, model)


def test_predictions_out_of_fold_have_the_corrected_labels(starter_films) -> None:
    model = stored_models.find("starter-five-conv")
    value = correct(starter_films, 5)
    source, films = study_answers.unseen_films(model.relabelled(value))
    labels = catalog.studies(films).set_index("key")["label"]
    assert source == "out-of-fold" and labels[list(value.labels)].to_dict() == value.labels
    answers = study_answers.of_model(model.relabelled(value), 0.5)
    assert f"5 labels corrected (list {value.hash})." in answers.source_words
    assert answers.promise_record()["corrections"] == {"labels": 5, "hash": value.hash}


@pytest.fixture
def starter_films(monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """The starter's films out of fold."""
    monkeypatch.setenv("FRACTURE_MODELS", str(PROJECT / "models"))
    return study_answers.unseen_films(stored_models.find("starter-five-conv"))[1]


def test_the_present_list_lies_over_the_one_that_a_run_was_trained_with() -> None:
    """Of the first list one correction is undone since: the run keeps it, and says so."""
    first = correct(DEV, 2)
    folder = made_predictions.run("made", corrections.relabel(DEV, first), VALID)
    data = run_config.read(folder)[1]["data"]
    facts = {"labels": 2, "hash": first.hash}
    run_config.complete(folder, data={**data, "kind": "mura", "corrections": facts})
    second = corrections.undone(first, list(first.items)[:1])
    corrections.write("made", second)
    model = stored_models.find("made")
    result, own = evaluation.by_corrected_labels(stored_predictions.of_role(model, "dev"), model)
    assert own.dev_films["label"].equals(model.dev_films["label"])
    assert result.data["corrections"] == {"labels": 1, "hash": second.hash}
    assert first.hash in dict(receipts.basis(result, own))["Training split"]


def test_a_card_names_the_list_by_which_a_point_and_a_calibration_were_chosen() -> None:
    point = choices.points(study_scores.of_films(DEV), "or", 1.0, "0123")["kappa"]
    assert "positive, labels corrected by list 0123) for the best kappa" in point.origin
    assert OperatingPoint.from_dict(point.to_dict()) == point
    before = {key: value for key, value in point.to_dict().items() if key != "corrections"}
    assert "corrected" not in OperatingPoint.from_dict(before).origin
    fitted = replace(calibration.fit(DEV, "temperature"), corrections="0123")
    assert Calibration.from_dict(fitted.to_dict()) == fitted
