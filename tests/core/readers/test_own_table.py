"""The reader of a table of the user's own."""

import shlex
from pathlib import Path

import pandas as pd
import pytest

from fracture_core.cli import command_line, setting_options
from fracture_core.datasets import catalog
from fracture_core.errors import ClassesError, ConfigError, DataError
from fracture_core.readers import own_table
from fracture_core.readers.own_table import Table
from fracture_core.runs import training_command


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve films in folders of no known layout."""
    monkeypatch.setenv("FRACTURE_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "films"
    for number in range(12):
        path = root / f"batch{number % 3}" / f"film{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def frame(**columns: list[object]) -> pd.DataFrame:
    paths = [f"batch{number % 3}/film{number}.png" for number in range(12)]
    return pd.DataFrame({"File Name": paths, "Fracture": [1, 0] * 6, **columns})


def saved(table: pd.DataFrame, path: Path, sep: str = ",", encoding: str = "utf-8") -> str:
    if path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, sep=sep, encoding=encoding)
    return str(path)


def skipped(data: catalog.Dataset) -> dict[str, str]:
    return {each.path: each.reason for each in data.skipped}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("films.csv", {}),
        ("films.csv", {"sep": ";", "encoding": "utf-16"}),
        ("films.tsv", {"sep": "\t", "encoding": "utf-8-sig"}),
        ("films.parquet", {}),
    ],
)
def test_a_table_of_any_kind_becomes_a_manifest(root, tmp_path, name, options) -> None:
    table = saved(frame(), tmp_path / name, **options)
    data = catalog.read(root, table=table)
    assert (data.kind, data.positive, data.patients, data.table) == ("table", "1", False, table)
    assert len(data.manifest) == 12 and data.manifest["label"].sum() == 6
    assert data.manifest["split"].value_counts().to_dict() == {"train": 10, "valid": 2}
    assert data.skipped == ()
    assert catalog.read(root, table=table).hash == data.hash  # out of the cache
    saved(frame().iloc[:6], tmp_path / name, **options)
    assert len(catalog.read(root, table=table).manifest) == 6


def test_a_second_row_without_a_label_costs_no_film(root, tmp_path) -> None:
    rows = frame()
    twice = pd.concat(
        [rows.iloc[[0]].assign(Fracture=""), rows, rows.iloc[[1]].assign(Fracture="")]
    )
    data = catalog.read(root, table=saved(twice, tmp_path / "films.csv"), positive="1")
    assert len(data.manifest) == 12 and data.manifest["label"].sum() == 6
    assert skipped(data) == {
        "batch1/film1.png": "is listed again in line 15 of films.csv, unlabelled"
    }


def test_patients_studies_parts_and_splits_are_used(root, tmp_path) -> None:
    columns = {
        "patient_id": [float(number // 4) for number in range(12)],
        "exam": [number // 2 for number in range(12)],
        "region": ["Wrist", ""] * 6,
        "set": ["Training"] * 8 + ["VAL"] * 3 + ["fold1"],
    }
    data = catalog.read(root, table=saved(frame(**columns), tmp_path / "films.csv"))
    assert data.patients
    manifest = data.manifest
    assert set(manifest["patient"]) == {"0", "1", "2"}
    assert set(manifest["part"]) == {"wrist", "unknown"}
    assert manifest["split"].value_counts().to_dict() == {"train": 8, "valid": 3}
    assert "has the split 'fold1'" in skipped(data)["batch2/film11.png"]


def test_a_study_is_positive_if_any_of_its_films_is(root, tmp_path) -> None:
    columns = {"study": [number // 2 for number in range(12)], "split": ["train"] * 12}
    data = catalog.read(root, table=saved(frame(**columns), tmp_path / "films.csv"))
    assert data.manifest["label"].tolist() == [1] * 12
    assert len(skipped(data)) == 6


def test_paths_of_another_machine_and_names_alone_find_their_files(root, tmp_path) -> None:
    table = frame()
    table.loc[0, "File Name"] = "D:\\Data\\films\\batch0\\FILM0.png"
    table.loc[1, "File Name"] = "film1"
    table.loc[2, "File Name"] = "/elsewhere/x/film2.png"
    data = catalog.read(root, table=saved(table, tmp_path / "films.csv"))
    assert len(data.manifest) == 12


def test_a_missing_film_is_not_replaced_by_another_patients_of_its_name(root, tmp_path) -> None:
    table = frame()
    table.loc[0, "File Name"] = "batch9/film1.png"  # is missing, and is not batch1/film1.png
    table.loc[1, "Fracture"] = 0
    data = catalog.read(root, table=saved(table, tmp_path / "films.csv"))
    labels = dict(zip(data.manifest["path"], data.manifest["label"], strict=True))
    assert len(labels) == 11 and labels["batch1/film1.png"] == 0
    assert "was not found" in skipped(data)["batch9/film1.png"]


def test_two_films_whose_names_differ_in_case_are_two(root, tmp_path) -> None:
    (root / "batch0" / "FILM0.png").touch()
    table = frame()
    table.loc[12] = pd.Series(["batch0/FILM0.png", 0], table.columns)
    data = catalog.read(root, table=saved(table, tmp_path / "films.csv"))
    labels = dict(zip(data.manifest["path"], data.manifest["label"], strict=True))
    assert (labels["batch0/film0.png"], labels["batch0/FILM0.png"]) == (1, 0)


def test_of_columns_that_differ_in_case_the_named_one_is_used(root, tmp_path) -> None:
    table = frame(fracture=[0] * 11 + [1])
    text = saved(table, tmp_path / "films.csv")
    named = str(Table(file=Path(text), columns={"label": "fracture"}))
    assert catalog.read(root, table=named).manifest["label"].sum() == 1


def test_rows_without_a_file_twice_or_without_a_label_are_counted_and_named(root, tmp_path) -> None:
    table = frame().astype(str)
    table.loc[0, "Fracture"] = ""
    rows = [("gone.png", "1"), ("batch1/film1.png", "0"), ("batch2/film2.png", "0")]
    more = pd.DataFrame(rows, columns=table.columns)
    text = saved(pd.concat([table, more]).drop(index=[11]), tmp_path / "films.csv")
    data = catalog.read(root, table=text)
    assert skipped(data) == {
        "batch0/film0.png": "has no label in films.csv; left out",
        "gone.png": "is in line 13 of films.csv but was not found",
        "batch1/film1.png": "is listed again in line 14 of films.csv",
        "batch2/film2.png": "has both labels in films.csv; left out",
        "batch2/film11.png": "is not listed in films.csv; left out",
    }
    assert len(data.manifest) == 9


def test_labels_are_two_values_of_which_one_is_named(root, tmp_path) -> None:
    table = frame(label=["Broken", "healthy "] * 6)
    text = saved(table, tmp_path / "films.csv")
    with pytest.raises(ClassesError, match=r"labels Broken, healthy\. Say which") as error:
        catalog.read(root, table=text)
    assert error.value.classes == ("Broken", "healthy")
    assert catalog.read(root, "broken", table=text).positive == "Broken"
    with pytest.raises(ClassesError, match="'plate' is none of them"):
        catalog.read(root, "plate", table=text)
    three = saved(frame(label=["a", "b", "c"] * 4), tmp_path / "three.csv")
    with pytest.raises(DataError, match=r"must be two values.* there are 3 \(a, b, c\)"):
        catalog.read(root, "a", table=three)


def test_columns_are_named_or_the_question_lists_them(root, tmp_path) -> None:
    odd = frame().rename(columns={"File Name": "where", "Fracture": "what"})
    text = saved(odd, tmp_path / "films.csv")
    with pytest.raises(DataError, match=r"holds the paths\? It has: where, what\. Name it"):
        catalog.read(root, table=text)
    named = str(Table(file=Path(text), columns={"path": "where", "label": "what"}))
    assert Table.parse(named).columns == {"path": "where", "label": "what"}
    assert len(catalog.read(root, table=named).manifest) == 12
    with pytest.raises(DataError, match=r"has no column 'who'"):
        catalog.read(root, table=str(Table(file=Path(text), columns={"path": "who"})))


def test_a_table_that_cannot_be_used_is_one_sentence(root, tmp_path) -> None:
    with pytest.raises(DataError, match=r"cannot be used: it is missing"):
        catalog.read(root, table=str(tmp_path / "gone.csv"))
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(DataError, match=r"cannot be used"):
        catalog.read(root, table=str(tmp_path / "bad.parquet"))
    (tmp_path / "empty.csv").write_text("path,label\n\n")
    with pytest.raises(DataError, match="holds no row"):
        catalog.read(root, table=str(tmp_path / "empty.csv"))
    (tmp_path / "off.csv").write_text("path,label\n../../etc/passwd,1\nx.png,0\n")
    with pytest.raises(DataError, match=r"No file of off\.csv is in .*line 2 names"):
        catalog.read(root, table=str(tmp_path / "off.csv"))


def test_a_question_mark_in_a_files_name_is_no_list_of_columns() -> None:
    assert Table.parse("/a/what?.csv") == Table(file=Path("/a/what?.csv"), columns={})
    table = Table(file=Path("/a/what?x=1.csv"), columns={"path": "a&b=c", "label": "y"})
    assert Table.parse(str(table)) == table


def test_the_command_line_names_table_and_columns(root, tmp_path, capsys) -> None:
    text = saved(frame(), tmp_path / "films.csv")
    words = [str(root), "--table", text, "--column", "path=File Name", "--column", "label=Fracture"]
    assert command_line.main(["inspect", *words]) == 0
    assert "(table)" in capsys.readouterr().out
    config = setting_options.config_of(command_line.parse(["train", *words]))
    again = shlex.split(training_command.of_config(config))[3:]
    assert setting_options.config_of(command_line.parse(again)) == config
    assert catalog.read(root, table=config.table).kind == "table"
    for wrong in (["--column", "path=a"], ["--table", text, "--column", "colour=a"]):
        with pytest.raises(ConfigError, match="--column"):
            setting_options.config_of(command_line.parse(["train", str(root), *wrong]))


def test_guesses_take_no_column_twice() -> None:
    assert own_table.guesses(["Image ID", "Class", "ID"]) == {"path": 0, "label": 1}
    assert own_table.guesses(["a", "b"]) == {}
