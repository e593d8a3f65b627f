"""Names of models: the place of each, and their order, without reading a model."""

import pytest

from fracture_core.errors import ModelError
from fracture_core.models import model_names
from fracture_core.models.model_names import Place
from fracture_core.releases import release
from fracture_core.runs import journal, run_folders


def test_a_name_leads_to_a_released_model_a_run_or_an_epoch_of_it(run_copy) -> None:
    released = release.release("finished", "mine")
    assert model_names.place("mine") == Place(folder=released)
    assert model_names.place(str(released)) == Place(folder=released)
    assert model_names.place("finished") == Place(folder=run_copy, run="finished")
    assert model_names.place("finished@2") == Place(folder=run_copy, run="finished", epoch=2)
    for name in ("", "missing", "missing@2", "finished@last", "../runs/finished"):
        with pytest.raises(ModelError):
            model_names.place(name)


def test_only_a_run_gets_its_best_epoch(run_copy) -> None:
    release.release("finished", "mine")
    best = journal.best_epoch(run_copy)
    assert model_names.at_best_epoch("finished") == f"finished@{best}"
    for name in ("mine", "finished@1", "missing", ""):
        assert model_names.at_best_epoch(name) == name


def test_models_of_films_like_the_data_in_use_come_first_and_the_oldest_released_first(
    run_copy,
) -> None:
    release.release("finished", "b-old")
    cards = {"a-new": ("2026-02-01", True), "b-old": ("2026-01-01", True), "real": ("2025", False)}
    run = run_folders.read(run_copy)  # of synthetic films
    order = model_names.in_order(cards, [run], synthetic=True)
    assert order == ["b-old", "a-new", "finished", "real"]
    assert model_names.default(order) == "b-old"
    order = model_names.in_order(cards, [run], synthetic=False)
    assert order == ["real", "b-old", "a-new", "finished"]
    assert model_names.default(["finished"]) == ""
