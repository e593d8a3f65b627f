"""Receipts: their commands print the same figures again, and name what the figures rest on."""

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fracture_core.analysis import report_2018, report_claims
from fracture_core.cli import command_line
from fracture_core.datasets import catalog
from fracture_core.evaluations import evaluation
from fracture_core.floors import evaluation_floors
from fracture_core.folders import PROJECT
from fracture_core.model_comparison import model_pair, stored_predictions
from fracture_core.models import stored_models
from fracture_core.models.model import Model
from fracture_core.operating_points.promise import Promise
from fracture_core.prediction.inference import Predictor
from fracture_core.prediction.study_prediction import FilmInput
from fracture_core.reports import evaluation_details, page_receipts, receipts, study_record
from fracture_core.reports.receipts import Receipt, Scope
from fracture_core.runs import run_folders
from fracture_core.verdicts import estimates
from tests.core import made_predictions

FIGURES = ("accuracy", "sensitivity", "ppv", "kappa", "auroc")


@pytest.fixture
def printed(capsys):
    """Run a command in this process, once, and return its JSON."""

    @cache
    def run(command: str) -> dict:
        words = shlex.split(command)
        assert words[:3] == ["python", "-m", "fracture_core"]
        assert command_line.main(words[3:]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def assert_printed_again(receipt: Receipt, printed: Callable[[str], Any]) -> int:
    """Compare every number of a receipt with the output of its command; return how many."""
    assert receipt.numbers
    for number in receipt.numbers:
        again = printed(receipt.command)
        for key in number.key:
            again = again[int(key)] if isinstance(again, list) else again[key]
        own = again if isinstance(again, dict) else {"value": again}
        for name in ("value", "low", "high", "n"):
            # the dict of a number without an interval lacks the keys
            expected = getattr(number, name)
            assert own.get(name) == (expected if expected is None else pytest.approx(expected))
    return len(receipt.numbers)


@pytest.mark.parametrize("split", ["dev", "valid"])
def test_ten_commands_of_figures_print_them_again(run_copy: Path, printed, split) -> None:
    model = stored_models.find(f"{run_copy.name}@2")
    value = evaluation.of_run(run_copy, 2, split)
    scopes = (Scope(), Scope(prevalence=0.125, cost_ratio=3))
    tried = 0
    for scope in scopes:
        levels = estimates.of_films(
            value.films, value.threshold, scope.prevalence, scope.cost_ratio
        )
        for level in receipts.LEVELS:
            for name in FIGURES:
                made = receipts.of_figure(value, model, level, name, levels[level][name], scope)
                tried += assert_printed_again(made, printed)
    assert tried == 2 * 2 * len(FIGURES) >= 10


def test_a_slice_is_found_under_its_name(run_copy: Path, printed) -> None:
    model, value = stored_models.find(f"{run_copy.name}@2"), evaluation.of_run(run_copy, 2, "valid")
    name, films = next(iter(estimates.slices(value.films).items()))
    figure = estimates.of_films(films, value.threshold)["studies"]["accuracy"]
    made = receipts.of_figure(value, model, "studies", "accuracy", figure, Scope(films=name))
    assert assert_printed_again(made, printed) == 1


@pytest.fixture
def model(folders: Path) -> Model:
    """A run of 120 dev and 60 valid studies, whose numbers are those of MURA's shape."""
    dev = made_predictions.films(120, seed=1, split="train", role="dev", skill=3.0)
    made_predictions.run("made", dev, made_predictions.films(60, seed=2, skill=3.0))
    return stored_models.find("made")


@pytest.mark.parametrize("group", ["lab", "points", "calibration", "answers", "floors"])
def test_a_group_of_evaluate_is_printed_again(model: Model, printed, group: str) -> None:
    value = stored_predictions.of_role(model, "valid")
    scaling = evaluation_details.film_scaling(model)
    promise = Promise(missed_percent=20, false_percent=30, confidence_percent=90)
    key: tuple[str, ...] = (group,)
    options: tuple[str, ...] = ()
    record: Any
    if group == "lab":
        record, key = evaluation_details.lab(value, 0.35, scaling), ()
        options = ("--lab", "0.35")
    elif group == "points":
        record = evaluation_details.points(value, model, "mean", 3.0, scaling)
        key = ("operating_points",)
        options = ("--lab", "0.5", "--rule", "mean", "--cost-ratio", "3")
    elif group == "calibration":
        record = evaluation_details.calibration_errors(value, model)
        options = ("--calibration",)
    elif group == "answers":
        record = evaluation_details.answers(value, model, promise)
        assert record["clear"]["score"] is not None  # else there is nothing to compare
        options = receipts.promise_options(promise)
    else:
        kept = evaluation_floors.sources(model, None).on("made")
        floors = evaluation_floors.of_films(value.films, value.threshold, kept)
        record, key = floors["studies"].to_dict(), ("floors", "studies")
    made = receipts.of_record("", record, key, value, model, method="", options=options)
    assert assert_printed_again(made, printed) > 5


def test_headline_epoch_and_another_threshold_are_printed_again(model: Model, printed) -> None:
    made = receipts.of_epoch(run_folders.find("made"), 1, "dev")
    assert assert_printed_again(made, printed) > 20
    value = replace(stored_predictions.of_role(model, "dev"), threshold=0.31)
    made = receipts.of_summaries(value, model)
    assert "--threshold 0.31" in made.command
    assert assert_printed_again(made, printed) > 20


def test_two_models_are_compared_again(model: Model, printed) -> None:
    made_predictions.run(
        "other",
        model.dev_films.drop(columns="fold", errors="ignore"),
        made_predictions.films(60, seed=2, skill=2.0),
    )
    other = stored_models.find("other")
    values = [stored_predictions.of_role(each, "valid") for each in (model, other)]
    pair = model_pair.compare(*values)
    made = page_receipts.of_pair(pair, values[0], [model, other])
    assert assert_printed_again(made, printed) > 30
    one, two = ((run_folders.find(name), 1) for name in ("made", "other"))
    made = page_receipts.of_runs(one, two, "valid")
    assert assert_printed_again(made, printed) == 1


def test_counts_of_the_data_are_printed_again(folders: Path, phantom_root: Path, printed) -> None:
    made = page_receipts.of_data(catalog.read(phantom_root))
    assert assert_printed_again(made, printed) >= 8
    assert f" {phantom_root} " in made.command


def test_the_claims_are_printed_again(folders: Path, phantom_root: Path, printed) -> None:
    dataset, length = catalog.read(phantom_root), report_2018.LENGTHS["quick"]
    claims = report_claims.record({}, length)
    made = page_receipts.of_claims(claims, dataset, length)
    assert printed(made.command)["claims"] == claims
    assert len([name for name, _ in made.rows if name.startswith("Claim")]) == len(claims)


@pytest.mark.usefixtures("folders")
def test_a_verdict_and_its_scores_are_printed_again(
    phantom_root: Path, printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRACTURE_MODELS", str(PROJECT / "models"))
    model = stored_models.find("starter-five-conv")
    rows = catalog.read(phantom_root).manifest
    key = catalog.study_key(rows)
    paths = [phantom_root / path for path in rows.loc[key == key.iloc[-1], "path"]]
    films = [FilmInput(name=path.name, source=path) for path in paths]
    predicted = Predictor(model).predict_study("study", films)
    promise = Promise(missed_percent=15)
    record = study_record.as_dict([predicted], model, 0.4, real=False, promise=promise)
    made = page_receipts.of_study(record, model, [str(path) for path in paths], promise, "")
    assert assert_printed_again(made, printed) > len(paths)
    assert "--false-alarms 20" in made.command


def test_a_receipt_names_films_data_rule_and_threshold(run_copy: Path) -> None:
    model, value = stored_models.find(f"{run_copy.name}@2"), evaluation.of_run(run_copy, 2, "valid")
    figure = estimates.of_films(value.films, value.threshold)["studies"]["kappa"]
    receipt = receipts.of_figure(value, model, "studies", "kappa", figure, Scope())
    rows = dict(receipt.rows)
    assert receipt.title == "Cohen's kappa by study"
    assert rows["n"].startswith(f"{figure.n} studies of {figure.groups} patients")
    assert str(value.data["hash"]) in rows["Data"] and "epoch 2" in rows["Model"]
    assert rows["Threshold"].startswith("0.5, ") and "(OR)" in rows["Rule"]
    assert "Split by patient" in rows["Training split"]
