"""Tags, note and baseline of a run."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import (
    ConfigError,
)
from fracture_core.runs import (
    run_folders,
    run_labels,
)
from fracture_core.runs.run_labels import Labels


def test_labels_come_back_and_an_unlabelled_run_has_none(folder) -> None:
    assert run_labels.read(folder) == Labels()
    value = Labels(tags=("shoulder", "ß 2"), note="Two lines\nof it.", baseline=True)
    run_labels.write(folder, value)
    assert run_labels.read(folder) == value


def test_one_run_at_a_time_is_the_baseline_and_keeps_its_other_labels(folder) -> None:
    second, third = (
        run_folders.create(TrainConfig(data="x"), name) for name in ("second", "third")
    )
    run_labels.write(folder, Labels(tags=("a",), baseline=True))
    run_labels.write(second, Labels(note="n", baseline=True))
    run_labels.write(third, Labels(note="m"))
    assert run_labels.read(folder) == Labels(tags=("a",))
    assert run_labels.read(second) == Labels(note="n", baseline=True)
    run_labels.write(second, Labels())
    assert not any(run_labels.read(run.folder).baseline for run in run_folders.list_runs())


def test_of_many_baselines_made_at_once_one_is_left(folders) -> None:
    run_paths = [run_folders.create(TrainConfig(data="x"), f"run-{number}") for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda f: run_labels.write(f, Labels(baseline=True)), run_paths))
    assert [run_labels.read(f).baseline for f in run_paths].count(True) == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tags": ("",)}, "A tag has 1 to 40 characters"),
        ({"tags": (" a",)}, "no space around it; received ' a'"),
        ({"tags": ("a\nb",)}, "on one line"),
        ({"tags": ("x" * 41,)}, "A tag has 1 to 40"),
        ({"tags": ("a", "b", "a")}, "has each tag once; received a, b, a"),
        ({"tags": tuple(map(str, range(21)))}, "Number of tags must be from 0 to 20; received 21"),
        ({"note": "x" * 4_001}, "characters in the note must be from 0 to 4000; received 4001"),
    ],
)
def test_labels_beyond_their_limits_are_refused(values, message) -> None:
    with pytest.raises(ConfigError, match=message):
        Labels(**values)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"tags": "a"}', '{"tags": [""]}', '{"x": 1}'])
def test_labels_that_cannot_be_read_are_none(folder, text) -> None:
    (folder / "labels.json").write_text(text)
    assert run_labels.read(folder) == Labels()


def test_a_note_that_cannot_be_read_is_kept_beside_the_new_one(folder) -> None:
    text = '{"note": "three weeks of work", "of a later version": 1}'
    (folder / "labels.json").write_text(text)
    run_labels.write(folder, Labels(tags=("new",)))
    assert (folder / "labels.json.damaged").read_text() == text
    assert run_labels.read(folder) == Labels(tags=("new",))


def test_labels_that_were_written_since_are_read(folder: Path) -> None:
    cache: dict = {}
    assert run_labels.read(folder, cache) == Labels()
    run_labels.write(folder, Labels(tags=("a",)))
    assert run_labels.read(folder, cache).tags == ("a",)
