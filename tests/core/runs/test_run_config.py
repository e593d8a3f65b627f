"""A run's `config.json`: its shape, and facts added once."""

import json

import pytest

from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import (
    RunError,
)
from fracture_core.runs import (
    run_config,
    run_folders,
)


def test_the_data_path_is_kept_absolute(folders, phantom_root, monkeypatch) -> None:
    monkeypatch.chdir(phantom_root.parent)
    data = run_folders.read(
        run_folders.create(TrainConfig(data=phantom_root.name), "relative")
    ).config.data
    assert data == str(phantom_root)


def test_facts_are_not_added_to_a_config_that_cannot_be_read(folder) -> None:
    torn = (folder / "config.json").read_bytes()[:-3]
    (folder / "config.json").write_bytes(torn)
    with pytest.raises(RunError, match=r"first has no readable config\.json"):
        run_config.complete(folder, versions={})
    assert (folder / "config.json").read_bytes() == torn


def test_config_json_is_written_in_the_designs_shape(finished_run) -> None:
    content = json.loads((finished_run / "config.json").read_text())
    assert set(content) == {"config", "created", "versions", "data", "pixels", "probe"}
    assert content["data"]["images"].keys() == {"train", "dev", "valid"}
    assert content["data"]["synthetic"] is True
    assert {"python", "tensorflow", "keras", "numpy", "pillow"} == set(content["versions"])
