"""Facts of a run: a record of its data, with defaults before it has read its films."""

from fracture_core.config.train_config import TrainConfig
from fracture_core.runs import run_folders
from fracture_core.runs.run_facts import DataFacts


def test_a_run_says_what_it_is_trained_on(finished_run, phantom_root) -> None:
    data = run_folders.read(finished_run).data
    assert (data.root, data.kind, data.synthetic) == (str(phantom_root), "mura", True)
    assert set(data.images) == set(data.studies) == {"train", "dev", "valid"}
    assert data.phantom is not None and data.phantom["seed"] == 5


def test_a_run_that_has_read_no_film_has_no_facts(folders) -> None:
    run = run_folders.read(run_folders.create(TrainConfig(data="x"), "young"))
    assert run.data == DataFacts() and run.data_root.name == "x"
    assert run.parent is None


def test_keys_of_another_version_are_ignored() -> None:
    assert DataFacts.from_dict({"hash": "h", "new": 1}) == DataFacts(hash="h")
