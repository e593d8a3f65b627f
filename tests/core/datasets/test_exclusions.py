"""Films excluded from training: the list, its hash, and a run without them."""

import csv
import io
from pathlib import Path

import pandas as pd
import pytest

from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog, exclusions
from fracture_core.datasets.exclusions import Exclusions
from fracture_core.errors import DataError
from fracture_core.jobs.worker import Worker
from fracture_core.runs import journal, run_folders
from fracture_core.training_films import preparation
from fracture_core.words import FORMULA


def test_a_list_comes_back_as_it_was_written_and_an_empty_one_leaves_no_file(tmp_path) -> None:
    path = tmp_path / "lists" / "a.csv"
    value = Exclusions(reasons={'train/a, "b".png': "blank", "train/c.png": "dark"})
    exclusions.write(path, value)
    assert exclusions.read(path) == value
    exclusions.write(path, Exclusions())
    assert not path.exists()
    exclusions.write(path, Exclusions())


@pytest.mark.parametrize(
    "path",
    ["=1+1.png", "-x.png", "@a/b.png", "\tx.png", "a\nb.png", "a\u2028b.png", "'=x.png", "＝x"],
)
def test_no_path_is_a_spreadsheets_formula_and_each_comes_back(tmp_path, path) -> None:
    value = Exclusions(reasons={path: "blank", "train/c.png": "=1+1"})
    exclusions.write(tmp_path / "a.csv", value)
    text = (tmp_path / "a.csv").read_bytes().decode()
    for cells in csv.reader(io.StringIO(text, newline="")):
        assert not any(each.startswith(FORMULA) for each in cells)
    assert exclusions.read(tmp_path / "a.csv").reasons.keys() == value.reasons.keys()
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())  # as a spreadsheet saves it
    assert exclusions.read(tmp_path / "a.csv").hash == value.hash


def test_the_hash_follows_the_films_alone() -> None:
    one = Exclusions(reasons={"a": "blank", "b": ""})
    assert one.hash == Exclusions(reasons={"b": "dark", "a": ""}).hash
    assert one.hash != Exclusions(reasons={"a": "blank"}).hash


def test_a_film_that_was_ticked_twice_stays_until_both_ticks_are_gone() -> None:
    own = Exclusions(reasons={"by hand": ""})
    value = own.ticked("dark", ["a", "b"]).ticked("blank", ["b", "c", "by hand"])
    assert value.has("dark", "ab") and value.has("blank", "bc")
    assert not value.has("blank", "a")
    without = value.unticked("dark")
    assert set(without.reasons) == {"b", "c", "by hand"}
    assert without.has("blank", "bc")
    assert without.ticked("blank", ["b"]) == without
    assert without.unticked("blank") == own


@pytest.mark.parametrize("text", ["name\nx.png\n", "path,reason\n,blank\n"])
def test_a_file_that_names_no_films_is_refused(tmp_path, text) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(DataError, match="column `path`"):
        exclusions.read(tmp_path / "list.csv")


def test_a_missing_list_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        exclusions.read(tmp_path / "none.csv")


def test_valid_films_are_never_left_out() -> None:
    films = pd.DataFrame({"path": ["a", "b", "c"], "role": ["train", "dev", "valid"]})
    assert exclusions.left_out(films, Exclusions(reasons=dict.fromkeys("abc", ""))).tolist() == [
        True,
        True,
        False,
    ]


def test_a_run_does_without_them_and_keeps_the_hash(folders: Path, phantom_root: Path) -> None:
    manifest = catalog.read(phantom_root).manifest
    ticked = [manifest["path"].iloc[0], manifest[manifest["split"] == "valid"]["path"].iloc[0]]
    value = Exclusions(reasons=dict.fromkeys(ticked, "blank"))
    exclusions.write(folders / "list.csv", value)
    config = TrainConfig(data=str(phantom_root), exclude=str(folders / "list.csv"))
    folder = run_folders.create(config)
    rows, pixels = preparation.prepare(folder, Worker(folder))
    assert len(rows) == len(pixels) == len(manifest) - 1
    assert ticked[0] not in set(journal.films(folder)["path"])
    assert ticked[1] in set(rows["path"])
    assert run_folders.read(folder).facts["data"]["excluded"] == {"films": 1, "hash": value.hash}
    (folders / "list.csv").unlink()  # the run has its films by now
    again, _ = preparation.prepare(folder, Worker(folder))
    assert len(again) == len(rows)


def test_a_list_that_cannot_be_read_is_kept_beside_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("film\na.png\n")
    exclusions.write(path, Exclusions(reasons={"b.png": "blank"}))
    assert (tmp_path / "list.csv.damaged").read_text() == "film\na.png\n"
    assert list(exclusions.read(path).reasons) == ["b.png"]
