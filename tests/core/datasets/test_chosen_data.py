"""The data set in use, and those that were used before."""

from pathlib import Path

import pytest

from fracture_core.datasets import chosen_data
from fracture_core.folders import cache_folder, phantom_folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRACTURE_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("FRACTURE_DATA", raising=False)


def test_without_a_choice_the_setting_counts_and_else_the_phantom(monkeypatch) -> None:
    assert chosen_data.chosen().root == phantom_folder()
    monkeypatch.setenv("FRACTURE_DATA", "/data/mura")
    assert chosen_data.chosen() == chosen_data.Choice(root=Path("/data/mura"), positive=None)


def test_a_choice_stays_until_it_is_forgotten(tmp_path) -> None:
    choice = chosen_data.choose(tmp_path, "yes")
    assert chosen_data.chosen() == choice == chosen_data.Choice(root=tmp_path, positive="yes")
    chosen_data.forget_choice()
    assert chosen_data.chosen().root == phantom_folder()


def test_a_setting_that_changed_since_overrules_the_choice(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("FRACTURE_DATA", "/data/mura")
    chosen_data.choose(tmp_path)
    assert chosen_data.chosen().root == tmp_path
    monkeypatch.setenv("FRACTURE_DATA", "/data/other")
    assert chosen_data.chosen().root == Path("/data/other")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"root": 3}'])
def test_a_note_of_no_use_is_no_choice(tmp_path, text) -> None:
    chosen_data.choose(tmp_path)
    (cache_folder() / "chosen_data.json").write_text(text)
    assert chosen_data.chosen().root == phantom_folder()


# What was chosen before


def test_the_last_five_different_choices_are_remembered_newest_first(tmp_path) -> None:
    assert chosen_data.recent() == []
    for name in "abcdef":
        (tmp_path / name).mkdir()
        chosen_data.choose(tmp_path / name)
    chosen_data.choose(tmp_path / "d")
    assert [choice.root.name for choice in chosen_data.recent()] == ["d", "f", "e", "c", "b"]


def test_what_a_setting_named_is_remembered_when_something_else_is_chosen(
    tmp_path, monkeypatch
) -> None:
    first, other = tmp_path / "first", tmp_path / "other"
    first.mkdir()
    other.mkdir()
    monkeypatch.setenv("FRACTURE_DATA", str(first))
    chosen_data.choose(other)
    assert [choice.root for choice in chosen_data.recent()] == [other, first]


def test_another_positive_class_is_another_choice(tmp_path) -> None:
    for positive in ("yes", "no", "yes"):
        chosen_data.choose(tmp_path, positive)
    assert [choice.positive for choice in chosen_data.recent()] == ["yes", "no"]


def test_a_folder_that_is_gone_is_left_out_until_it_is_back(tmp_path, monkeypatch) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    chosen_data.choose(disk)
    disk.rmdir()
    assert chosen_data.recent() == []
    chosen_data.choose(tmp_path)
    disk.mkdir()
    assert [choice.root for choice in chosen_data.recent()] == [tmp_path, disk]

    def denied(*_, **__) -> None:
        raise PermissionError(13, "Permission denied")  # root, as in CI, is never denied

    monkeypatch.setattr(Path, "is_dir", denied)
    assert chosen_data.recent() == []


@pytest.mark.parametrize("text", ["", "{", "{}", "3", '"a"', "[3]", "[{}]", '[{"root": 3}]', "\0"])
def test_a_damaged_memory_is_none_and_the_next_choice_replaces_it(tmp_path, text) -> None:
    chosen_data.choose(tmp_path / "old")
    (cache_folder() / "recent_data.json").write_text(text)
    assert chosen_data.recent() == []
    choice = chosen_data.choose(tmp_path)
    assert chosen_data.recent() == [choice]


def test_forgetting_the_choice_forgets_nothing_before(tmp_path) -> None:
    choice = chosen_data.choose(tmp_path)
    chosen_data.forget_choice()
    assert chosen_data.recent() == [choice]
