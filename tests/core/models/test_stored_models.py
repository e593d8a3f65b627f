"""Models found by name: released ones and epochs of runs, and those that are not there."""

import shutil
from pathlib import Path

import pytest

from fracture_core.errors import ModelError, RunError
from fracture_core.models import model_files, model_names, stored_models
from fracture_core.releases import release


@pytest.fixture
def model(run_copy: Path) -> Path:
    """The finished run, released."""
    return release.release("finished", "first-model")


def test_any_kept_epoch_can_be_named(run_copy) -> None:
    assert stored_models.find("finished@1").weights.name == "epoch_0001.weights.h5"
    for epoch in ("9", "0"):
        with pytest.raises(RunError, match=rf"no weights of epoch {epoch}\. Kept: 1, 2, 3\."):
            stored_models.find(f"finished@{epoch}")
    with pytest.raises(ModelError, match="finished@17; received 'last'"):
        stored_models.find("finished@last")


def test_unknown_models_are_refused_with_those_that_exist(model) -> None:
    for name in ("missing", "", "../runs/finished", "a\x00b", "finished@1@2"):
        with pytest.raises(ModelError):
            stored_models.find(name)
    with pytest.raises(ModelError, match=r"'missing'\. Released models: first-model\."):
        stored_models.find("missing")


def test_a_released_model_is_found_by_name_and_by_folder(model, tmp_path) -> None:
    elsewhere = Path(shutil.copytree(model, tmp_path / "elsewhere"))
    assert model_names.released() == ["first-model"]
    assert stored_models.find("first-model").weights == model / model_files.WEIGHTS
    assert stored_models.find(str(elsewhere)).card == stored_models.find("first-model").card
