"""Out-of-fold predictions: each film once, by the network that did not see its patient."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fracture_core import checksums, files
from fracture_core.answers import card_choices
from fracture_core.cli import command_line
from fracture_core.config.network_options import NetworkOptions, OwnNetwork
from fracture_core.cross_validation import fold_figures, fold_release, group, out_of_fold
from fracture_core.cross_validation.group import Group
from fracture_core.curation import corrections
from fracture_core.curation.corrections import Corrections
from fracture_core.datasets import catalog
from fracture_core.epochs import predictions
from fracture_core.errors import ConfigError, ModelError, RunError
from fracture_core.evaluations import evaluation
from fracture_core.folders import PROJECT
from fracture_core.models import (
    card_changes,
    epoch_models,
    model_files,
    prediction_table,
    released_models,
    stored_models,
)
from fracture_core.models.model import Model
from fracture_core.models.model_card import Card
from fracture_core.models.model_files import CARD
from fracture_core.operating_points.promise import Promise
from fracture_core.releases import release
from fracture_core.reports import page_receipts, receipts
from fracture_core.runs import journal, run_config, run_facts, run_folders, training_command
from fracture_core.verdicts import estimates, resampling


@pytest.mark.slow
def test_every_training_film_is_predicted_once_by_a_run_that_never_saw_its_patient(
    pair: Group, phantom_root: Path
) -> None:
    films = out_of_fold.read("pair")
    rows = catalog.read(phantom_root).manifest
    assert sorted(films["path"]) == sorted(rows.loc[rows["split"] == "train", "path"])
    for fold, own in films.groupby("fold"):
        seen = journal.films(run_folders.find(f"pair-fold{fold}"))
        seen = seen[seen["role"].isin(["train", "dev"])]
        assert len(seen) and not set(own["patient"]) & set(seen["patient"])
    like_dev = prediction_table.read(films.to_parquet(None))  # the form of a dev table
    assert like_dev["probability"].dtype == np.float32 and set(like_dev["role"]) == {"dev"}


@pytest.mark.slow
def test_the_predictions_are_those_of_each_runs_best_dev_epoch(pair: Group) -> None:
    films = out_of_fold.read("pair").set_index("path")
    for fold in pair.numbers:
        folder = run_folders.find(pair.run_name(fold))
        epoch = predictions.best_epoch(folder)
        own = predictions.with_films(folder, epoch)
        own = own[own["role"] == "valid"].set_index("path")
        pd.testing.assert_series_equal(
            own["probability"], films.loc[own.index, "probability"], check_names=False
        )


def test_the_last_fold_keeps_table_and_figures_and_other_predictions_make_them_again(
    pair: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = group.members(pair)
    kept = out_of_fold.kept_figures(pair, runs)
    assert kept is not None and kept["studies"]["accuracy"]["n"] > 0
    with monkeypatch.context() as patch:
        patch.setattr(out_of_fold, "_made", lambda *_: pytest.fail("it is kept"))
        before = out_of_fold.read("pair")
    folder = runs[1].folder
    path = predictions.path(folder, predictions.best_epoch(folder))
    count = len(np.load(path))
    predictions.save(folder, predictions.best_epoch(folder), np.full(count, 0.25))
    assert out_of_fold.kept_figures(pair, group.members(pair)) is None
    after = out_of_fold.read("pair")
    assert (after.loc[after["fold"] == 1, "probability"] == 0.25).all()
    pd.testing.assert_frame_equal(after[after["fold"] == 2], before[before["fold"] == 2])


@pytest.mark.parametrize("damage", ["cut", "gone", "changed"])
def test_a_damaged_table_is_made_again(pair: Group, damage: str) -> None:
    before, path = out_of_fold.read("pair"), pair.folder / model_files.OUT_OF_FOLD
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-9] if damage == "cut" else content[:-9] + b"012345678")
    pd.testing.assert_frame_equal(out_of_fold.read("pair"), before)


def test_a_run_whose_list_of_films_was_changed_makes_no_table(pair: Group) -> None:
    folder = run_folders.find("pair-fold1")
    films = journal.films(folder)
    held_out = films.loc[films["role"] == "valid", "patient"].iloc[0]
    trained = films.index[films["role"] == "train"][0]
    films.loc[trained, "patient"] = held_out
    checksums.write(folder, folder / "films.parquet", films.to_parquet(None))
    with pytest.raises(RunError, match="on both sides of fold 1"):
        out_of_fold.read("pair")


def test_runs_by_another_list_of_folds_make_no_table(pair: Group) -> None:
    run_config.complete(
        run_folders.find("pair-fold1"),
        data=run_folders.read(run_folders.find("pair-fold1")).facts["data"]
        | {"folds": {"fold": 1, "folds": 2, "hash": "other"}},
    )
    with pytest.raises(RunError, match="by another list of folds"):
        out_of_fold.read("pair")


def test_a_fold_that_was_asked_for_more_epochs_makes_no_table(pair: Group) -> None:
    folder = run_folders.find("pair-fold1")
    journal.log_event(folder, "more_epochs", epochs=3)
    (pair.folder / out_of_fold.NOTE).unlink()
    with pytest.raises(RunError, match="were not trained alike"):
        out_of_fold.read("pair")


# --- figures ------------------------------------------------------------------------------------


def scored(patients: int, right: dict[int, bool]) -> pd.DataFrame:
    """A film a patient, the folds in turn; all of a fold are right, or all wrong."""
    number = np.arange(patients)
    fold = number % len(right) + 1
    label = number // len(right) % 2
    sound = np.array([right[each] for each in fold])
    return pd.DataFrame(
        {
            "split": "train",
            "part": "elbow",
            "patient": [f"p{n}" for n in number],
            "study": "s1",
            "view": 0,
            "label": label,
            "path": [f"{n}.png" for n in number],
            "probability": np.where(sound == (label == 1), 0.9, 0.1).astype(np.float32),
            "fold": fold,
            "unit": [f"p{n}" for n in number],
        }
    )


def test_resamples_hold_as_many_patients_of_each_fold_as_there_are() -> None:
    strata = np.array([1, 2, 2, 1, 3, 2])
    drawn = resampling.draws_within(strata)
    assert drawn.shape == (resampling.RESAMPLES, 6)
    for stratum in (1, 2, 3):
        assert (drawn[:, strata == stratum].sum(axis=1) == (strata == stratum).sum()).all()
    assert (drawn[:, 4] == 1).all() and drawn[:, 0].std() > 0


def test_what_differs_between_folds_alone_is_in_the_spread_and_not_in_the_interval() -> None:
    films = scored(80, {1: True, 2: False})
    mixed = estimates.of_films(films.drop(columns=["fold", "unit"]), 0.5)["studies"]["specificity"]
    figures = fold_figures.record(films, 0.5)
    within = figures["studies"]["specificity"]
    assert within["value"] == mixed.value == 0.5 and within["n"] == 40
    assert (within["least"], within["greatest"], within["mean"]) == (0.0, 1.0, 0.5)
    assert [each["studies"]["accuracy"]["value"] for each in figures["folds"]] == [1.0, 0.0]
    accuracy = figures["studies"]["accuracy"]
    plain = estimates.of_films(films.drop(columns=["fold", "unit"]), 0.5)["studies"]["accuracy"]
    # Every resample within folds has 40 right of 80; Wilson's stands in for no spread at all.
    assert accuracy["value"] == 0.5 and plain.high - plain.low > 0.15
    assert accuracy["low"] == pytest.approx(0.393, abs=0.002)


def test_units_are_drawn_in_place_of_patients() -> None:
    films = scored(80, {1: True, 2: True})
    films.loc[::3, "probability"] = 1 - films.loc[::3, "probability"]
    films["unit"] = [f"u{n // 8}" for n in range(80)]
    films["fold"] = [n // 40 + 1 for n in range(80)]
    figure = fold_figures.record(films, 0.5)["studies"]["accuracy"]
    assert figure["groups"] == 10 and figure["n"] == 80


def test_a_figure_that_a_fold_lacks_has_no_spread() -> None:
    films = scored(40, {1: True, 2: True})
    films = films[(films["fold"] == 1) | (films["label"] == 0)]
    figures = fold_figures.record(films, 0.5)["studies"]
    assert figures["sensitivity"]["mean"] is None and figures["sensitivity"]["value"] == 1.0


# --- the ensemble -------------------------------------------------------------------------------


def test_the_networks_become_an_ensemble_whose_card_holds_the_out_of_fold_figures(
    pair: Group,
) -> None:
    model = released_models.read(fold_release.make(pair, "mean-of-two"))
    facts = model.card.out_of_fold
    expected = fold_figures.record(out_of_fold.read("pair"), model.card.threshold)
    assert facts["studies"]["auroc"] == expected["studies"]["auroc"]
    assert {"value", "low", "high", "n"} <= facts["studies"]["accuracy"].keys()
    assert (facts["folds"], facts["films"]) == (2, len(out_of_fold.read("pair")))
    assert len(model.card.members) == 2 and model.dev_films.empty
    assert "cross-validate" in model.card.command
    assert model.card.command.endswith("release pair mean-of-two")
    pd.testing.assert_frame_equal(out_of_fold.of_model(model), out_of_fold.read("pair"))
    value = out_of_fold.evaluation_of_model(model)
    assert value.to_dict()["studies"]["n"] == facts["studies"]["accuracy"]["n"]
    assert out_of_fold.evaluation_of_group(pair).to_dict()["lines"] == value.to_dict()["lines"]
    assert isinstance(value, evaluation.Evaluation)


def test_the_predictions_go_beside_a_model_of_the_same_settings_alone(
    pair: Group, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold = epoch_models.of_run(run_folders.find("pair-fold1"))
    weights = fold.weights.read_bytes()
    whole = training_command.portable(pair.config, group.members(pair)[1].data.phantom)
    for name, command in (("same", whole), ("other", f"{whole} --seed 9")):
        card = replace(fold.card, command=command)
        release.publish(name, card, weights, fold.dev_films)
    model = released_models.read(fold_release.attach(pair, "same"))
    pd.testing.assert_frame_equal(out_of_fold.of_model(model), out_of_fold.read("pair"))
    pd.testing.assert_frame_equal(model.dev_films, stored_models.find("other").dev_films)
    for name in ("other", "pair-fold1"):
        with pytest.raises(ModelError, match=r"another command|is a run"):
            fold_release.attach(pair, name)
    assert not (folders / "models" / "other" / model_files.OUT_OF_FOLD).exists()
    text = "def features(films):\n    return films"  # of a file; the command names it alone
    own = OwnNetwork.of_text("mine.py", text, 32)
    monkeypatch.setattr(Card, "networks", property(lambda _: [("own", NetworkOptions(own=own))]))
    with pytest.raises(ModelError, match="files with other contents"):
        fold_release.attach(pair, "same")


@pytest.fixture
def attached(pair: Group) -> Model:
    """A released model of the group's settings, with the group's predictions."""
    fold = epoch_models.of_run(run_folders.find("pair-fold1"))
    whole = training_command.portable(pair.config, group.members(pair)[1].data.phantom)
    card = replace(fold.card, command=whole)
    release.publish("same", card, fold.weights.read_bytes(), fold.dev_films)
    return released_models.read(fold_release.attach(pair, "same"))


@pytest.mark.parametrize("killed_at", [model_files.OUT_OF_FOLD, CARD])
def test_a_kill_between_table_and_card_loses_nothing(
    attached: Model, pair: Group, monkeypatch: pytest.MonkeyPatch, killed_at: str
) -> None:
    before = out_of_fold.of_model(attached)
    other = before.assign(probability=np.float32(0.25))
    predicted = replace(out_of_fold.of_group(pair), films=other)
    monkeypatch.setattr(out_of_fold, "of_group", lambda value: predicted)
    real = files.replace_file

    def killed(path: Path, data: bytes) -> None:
        if path.name == killed_at:
            raise KeyboardInterrupt
        real(path, data)

    for _ in range(2):  # a second try, from what the first one left
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(fold_release, "replace_file", killed)
            patch.setattr(card_changes, "replace_file", killed)
            fold_release.attach(pair, "same")
        pd.testing.assert_frame_equal(out_of_fold.of_model(stored_models.find("same")), before)
    model = released_models.read(fold_release.attach(pair, "same"))
    pd.testing.assert_frame_equal(out_of_fold.of_model(model), other)
    assert not (model.weights.parent / model_files.PREVIOUS_OUT_OF_FOLD).exists()


def test_a_choice_made_while_predictions_are_added_is_kept(
    attached: Model, pair: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    promise = Promise(missed_percent=12)
    real = out_of_fold.of_group

    def slow(value: Group) -> out_of_fold.OutOfFold:
        made = real(value)
        card_choices.save_promise("same", promise)  # by another process, meanwhile
        return made

    monkeypatch.setattr(out_of_fold, "of_group", slow)
    model = released_models.read(fold_release.attach(pair, "same"))
    assert model.card.choices.promise == promise and model.card.out_of_fold


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_table_that_is_not_the_cards_is_refused(pair: Group, damage: str) -> None:
    folder = fold_release.make(pair, "mean-of-two")
    path = folder / model_files.OUT_OF_FOLD
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes() + b" ")
    model = released_models.read(folder)
    with pytest.raises(RunError, match=r"out_of_fold.parquet of mean-of-two .* Release it again"):
        out_of_fold.of_model(model)


@pytest.mark.parametrize("column", [{"fold": 0}, {"fold": 11}, {"probability": 1.5}, {"label": 3}])
def test_a_hostile_table_with_the_right_checksum_is_refused(
    pair: Group, column: dict[str, float]
) -> None:
    folder = fold_release.make(pair, "mean-of-two")
    films = pd.read_parquet(folder / model_files.OUT_OF_FOLD).assign(**column)
    content = films.to_parquet(None, index=False)
    (folder / model_files.OUT_OF_FOLD).write_bytes(content)
    model = released_models.read(folder)
    facts = model.card.out_of_fold | {"sha256": model_files.sha256(content)}
    hostile = replace(model, card=replace(model.card, out_of_fold=facts))
    with pytest.raises(RunError, match="Release it again"):
        out_of_fold.of_model(hostile)


@pytest.mark.parametrize(
    "change",
    [
        {"folds": 1},
        {"folds": "2"},
        {"films": -1},
        {"sha256": 5},
        {"studies": []},
        {"studies": {"auroc": {"value": 1e300, "n": 1, "groups": 1}}},
        {"images": {"auroc": {"value": 0.5, "n": -1, "groups": 1}}},
    ],
)
def test_a_hostile_card_is_refused(change: dict) -> None:
    figure = {"accuracy": {"value": 0.5, "low": 0.4, "high": None, "n": 10, "groups": 5}}
    facts = {"folds": 2, "films": 10, "hash": "h", "sha256": "x", "method": "m"}
    facts |= {"studies": figure, "images": figure}
    assert Card(name="a", architecture="one_conv", out_of_fold=facts).out_of_fold == facts
    with pytest.raises(ConfigError, match="out_of_fold"):
        Card(name="a", architecture="one_conv", out_of_fold=facts | change)
    with pytest.raises(ConfigError, match="out_of_fold needs"):
        run_facts.out_of_fold({"folds": 2})


def test_the_kept_note_is_json_that_fits_a_card(pair: Group) -> None:
    note = json.loads((pair.folder / out_of_fold.NOTE).read_text())
    assert set(note["epochs"]) == {"1", "2"}
    assert note["sources"]["folds"] == pair.hash and all(note["sources"].values())


def test_the_shipped_starter_has_predictions_of_its_whole_training_split() -> None:
    model = released_models.read(PROJECT / "models" / "starter-five-conv")
    films = out_of_fold.of_model(model)
    assert len(films) == model.card.out_of_fold["films"] == 824  # 713 training and 111 dev films
    assert set(model.dev_films["path"]) <= set(films["path"])
    assert films.groupby("patient")["fold"].nunique().max() == 1
    studies = fold_figures.record(films, model.card.threshold)["studies"]
    assert studies["accuracy"]["n"] == 320
    of_card = model.card.out_of_fold["studies"]
    for name in estimates.NAMES:
        for key in ("value", "low", "high", "mean"):
            assert studies[name][key] == pytest.approx(of_card[name][key])


def test_the_command_of_a_groups_receipt_prints_its_figures_again(
    pair: Group, capsys: pytest.CaptureFixture[str]
) -> None:
    record = out_of_fold.of_group(pair).figures
    receipt = page_receipts.of_folds(pair, record)
    assert command_line.main(shlex.split(receipt.command)[3:]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert len(receipt.numbers) > 100
    for number in receipt.numbers:
        again = printed
        for key in number.key:
            again = again[int(key)] if isinstance(again, list) else again[key]
        value = again["value"] if isinstance(again, dict) else again
        assert value == number.value, number.key


SELECTION = {"name": "odd hands", "hash": "ab12", "studies": 30}
CORRECTED = {"labels": 3, "hash": "cd34"}


@pytest.fixture
def curated(pair: Group) -> Group:
    """The group as one that was trained on a selection, with corrected labels."""
    for fold, run in group.members(pair).items():
        data = run_config.read(run.folder)[1]["data"]
        facts = {"selection": {**SELECTION, "used": 4 + fold}, "corrections": CORRECTED}
        run_config.complete(run.folder, data={**data, **facts})
    return group.find("pair")


def test_selection_and_corrections_of_the_folds_are_named_everywhere(
    curated: Group, capsys: pytest.CaptureFixture[str]
) -> None:
    predicted = out_of_fold.of_group(curated)
    studies = predicted.figures["studies"]["accuracy"]["n"]
    expected = (
        f"Split by patient. Trained on the selection odd hands only ({studies} of its 30 studies; "
        "hash ab12). 3 labels corrected (list cd34)."
    )
    receipt = page_receipts.of_folds(curated, predicted.figures)
    assert dict(receipt.rows)["Training split"] == expected
    fold_release.make(curated, "mean-of-two")
    for words in (["pair"], ["mean-of-two", "--out-of-fold"]):
        assert command_line.main(["evaluate", *words]) == 0
        assert expected in capsys.readouterr().out
        assert command_line.main(["evaluate", *words, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["training_split"] == expected
    model = stored_models.find("mean-of-two")
    value = out_of_fold.evaluation_of_model(model)
    assert dict(receipts.basis(value, model))["Training split"] == expected
    assert model.card.data.is_partial


def test_predictions_by_another_selection_do_not_go_beside_a_model(
    attached: Model, curated: Group
) -> None:
    with pytest.raises(ModelError, match="same selection and corrected labels; those of"):
        fold_release.attach(curated, "same")


def test_out_of_fold_figures_go_by_corrected_labels_on_request(
    pair: Group, capsys: pytest.CaptureFixture[str]
) -> None:
    predicted = out_of_fold.of_group(pair)
    studies = catalog.studies(predicted.films)
    first = studies.iloc[0]
    labels = {first["key"]: 1 - first["label"]}
    value = corrections.corrected(Corrections(), studies, labels, "AB", "a cast")
    corrections.write(group.members(pair)[1].data.hash, value)
    assert command_line.main(["evaluate", "pair", "--corrections", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["data"]["corrections"] == {"labels": 1, "hash": value.hash}
    before = predicted.figures["studies"]["accuracy"]["value"]
    assert record["studies"]["by_patient"]["accuracy"]["value"] != before
    assert command_line.main(["evaluate", "pair", "--corrections"]) == 0
    assert f"1 label corrected (list {value.hash})." in capsys.readouterr().out
