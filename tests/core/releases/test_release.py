"""Release: a run becomes a model."""

import errno
import json
import os
from pathlib import Path

import pandas as pd
import pytest

from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import DamagedFile, ModelError, RunError, WriteFailed
from fracture_core.models import model_files, released_models, stored_models
from fracture_core.models.model import Model
from fracture_core.releases import ensemble, release
from fracture_core.runs import journal, run_folders


def test_a_release_holds_weights_card_and_dev_predictions(run_copy) -> None:
    folder = release.release("finished", "first-model")
    names = {"card.json", "weights.weights.h5", "dev_predictions.parquet", "gate.npz"}
    assert {path.name for path in folder.iterdir()} == names
    card = json.loads((folder / "card.json").read_text())
    assert card["name"] == "first-model"
    assert card["weights_sha256"] == model_files.sha256(folder / "weights.weights.h5")
    assert card["training"]["run"] == f"finished@{journal.best_epoch(run_copy)}"
    films = pd.read_parquet(folder / "dev_predictions.parquet")
    assert set(films["role"]) == {"dev"}
    assert films["probability"].dtype == "float32"


def test_a_released_model_says_what_its_run_said(run_copy) -> None:
    before = stored_models.find("finished@2")
    release.release("finished@2", "second")
    after = stored_models.find("second")
    assert after.weights.read_bytes() == before.weights.read_bytes()
    assert after.card.metrics == before.card.metrics
    assert after.card.command == before.card.command
    assert after.dev_films.reset_index(drop=True).equals(before.dev_films.reset_index(drop=True))
    assert (after.card.threshold, after.card.epoch) == (0.5, 2)


def test_a_taken_name_is_refused_and_the_model_stays(run_copy) -> None:
    folder = release.release("finished", "first-model")
    card = (folder / "card.json").read_bytes()
    with pytest.raises(ModelError, match="'first-model' exists"):
        release.release("finished@1", "first-model")
    assert (folder / "card.json").read_bytes() == card


def test_of_two_releases_under_one_name_the_later_is_refused_and_the_first_stays(
    run_copy, folders, monkeypatch
) -> None:
    other = release.release("finished@1", "other")
    rename = Path.rename

    def late(draft: Path, folder: Path) -> Path:
        if not folder.exists():
            other.replace(folder)  # as another process that checked the name at the same time
        return rename(draft, folder)

    monkeypatch.setattr(Path, "rename", late)
    with pytest.raises(ModelError, match="'mine' exists"):
        release.release("finished@2", "mine")
    assert released_models.read(folders / "models" / "mine").card.epoch == 1
    assert [path.name for path in (folders / "models").iterdir()] == ["mine"]


def test_a_link_that_leads_nowhere_takes_its_name(run_copy, folders) -> None:
    (folders / "models" / "mine").symlink_to(folders / "nowhere")
    with pytest.raises(ModelError, match="'mine' exists"):
        release.release("finished", "mine")


@pytest.mark.parametrize("name", ["../x", "", "a/b", ".hidden", "a\x00b"])
def test_a_hostile_name_is_refused_and_leaves_nothing(run_copy, folders, name) -> None:
    with pytest.raises(ModelError, match="begins with a letter or digit"):
        release.release("finished", name)
    assert list((folders / "models").iterdir()) == []


def test_a_run_that_is_not_there_or_not_ready_is_refused(run_copy, folders) -> None:
    run_folders.create(TrainConfig(data="x"), "young")
    with pytest.raises(ModelError, match="completed no epoch"):
        release.release("young", "m")
    with pytest.raises(ModelError, match="'missing'"):
        release.release("missing", "m")
    with pytest.raises(RunError, match="no weights of epoch 8"):
        release.release("finished@8", "m")
    assert list((folders / "models").iterdir()) == []


def test_weights_too_large_for_a_repository_are_refused(run_copy, folders, monkeypatch) -> None:
    monkeypatch.setattr(release, "LIMIT_BYTES", 10_000)
    with pytest.raises(ModelError, match=r"stay under 0\.01 MB"):
        release.release("finished", "large")
    assert list((folders / "models").iterdir()) == []


def test_a_folder_that_takes_no_model_is_one_sentence(run_copy, folders, monkeypatch) -> None:
    (folders / "file").write_text("not a folder")
    monkeypatch.setenv("FRACTURE_MODELS", str(folders / "file" / "models"))
    with pytest.raises(WriteFailed, match=r"mine could not be written\. Check"):
        release.release("finished", "mine")


def test_what_a_kill_has_left_of_a_release_is_swept_by_a_later_one(run_copy, folders) -> None:
    half = folders / "models" / ".mine.0123abcd.tmp"
    half.mkdir()
    os.utime(half, (0, 0))
    release.release("finished", "mine")
    assert [path.name for path in (folders / "models").iterdir()] == ["mine"]


def test_a_write_that_fails_on_the_way_leaves_nothing(run_copy, folders, monkeypatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(WriteFailed, match=r"mine could not be written"):
            release.release("finished", "mine")
    assert list((folders / "models").iterdir()) == []
    release.release("finished", "mine")
    assert [path.name for path in (folders / "models").iterdir()] == ["mine"]


@pytest.mark.parametrize("action", ["release", "ensemble"])
def test_weights_that_change_after_they_were_checked_are_not_released(
    run_copy, folders, monkeypatch, action
) -> None:
    find = stored_models.find

    def find_then_damage(reference: str) -> Model:
        model = find(reference)
        content = bytearray(model.weights.read_bytes())
        content[len(content) // 2] ^= 1
        model.weights.write_bytes(content)
        return model

    monkeypatch.setattr(stored_models, "find", find_then_damage)
    with pytest.raises(DamagedFile, match="its checksum in SHA256SUMS differs"):
        if action == "release":
            release.release("finished@1", "mine")
        else:
            ensemble.make(["finished@1", "finished@2"], "mine")
    assert list((folders / "models").iterdir()) == []
