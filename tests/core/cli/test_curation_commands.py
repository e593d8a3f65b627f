"""The commands `labels` and `selections`, and evaluations by them."""

import json

import pytest

from fracture_core.cli import command_line
from fracture_core.curation import corrections, selections
from fracture_core.datasets import catalog
from fracture_core.runs import journal


def spoken(capsys, *words: object) -> str:
    """Return the output of a command that succeeds."""
    assert command_line.main([str(word) for word in words]) == 0
    return capsys.readouterr().out


def refused(capsys, *words: object) -> str:
    """Return the one sentence of a command that is refused with exit 2."""
    assert command_line.main([str(word) for word in words]) == 2
    return capsys.readouterr().err


@pytest.fixture
def studies(folders, phantom_root):
    return catalog.studies(catalog.read(phantom_root).manifest)


def test_labels_are_set_listed_exported_undone_and_imported(
    studies, phantom_root, tmp_path, capsys
) -> None:
    first, second = studies.iloc[0], studies.iloc[1]
    other = "negative" if first["label"] else "positive"
    words = ("labels", "set", phantom_root, first["key"], other)
    printed = spoken(capsys, *words, "--why", "a cast", "--by", "AB")
    assert printed.startswith("1 label corrected (list ")
    listed = spoken(capsys, "labels", "list", phantom_root)
    assert first["key"] in listed and "by AB on 20" in listed and ": a cast" in listed
    record = json.loads(spoken(capsys, "labels", "list", phantom_root, "--json"))
    assert [each["study"] for each in record["corrections"]] == [first["key"]]
    spoken(capsys, "labels", "export", phantom_root, tmp_path / "labels.csv")
    spoken(capsys, "labels", "undo", phantom_root, first["key"])
    assert not corrections.read(catalog.read(phantom_root).hash).items
    more = f"{second['key']},{second['label']},,,,\nx,1,,,,\n"
    (tmp_path / "labels.csv").write_text((tmp_path / "labels.csv").read_text() + more)
    imported = ("labels", "import", phantom_root, tmp_path / "labels.csv")
    preview = spoken(capsys, *imported, "--preview")
    assert "3 rows: 1 label would change; 1 label as before." in preview
    assert "1 row with a study that is not in these data; first, line 4 (x)" in preview
    assert not corrections.read(catalog.read(phantom_root).hash).items
    spoken(capsys, *imported, "--by", "CD")
    (each,) = corrections.read(catalog.read(phantom_root).hash).items.values()
    assert (each.study, each.by, each.why) == (first["key"], "CD", "table labels.csv")


def test_what_cannot_be_corrected_is_refused_in_a_sentence(studies, phantom_root, capsys) -> None:
    key = studies["key"].iloc[0]
    words = ("labels", "set", phantom_root)
    assert "no study of the name 'nobody'" in refused(capsys, *words, "nobody", 1, "--why", "x")
    assert "A label is 1" in refused(capsys, *words, key, "perhaps", "--why", "x")
    with pytest.raises(SystemExit):  # without a reason
        command_line.main([*map(str, words), key, "1"])
    assert "--why" in capsys.readouterr().err
    assert "No label of these data" in refused(capsys, "train", phantom_root, "--corrections")


def test_selections_are_saved_listed_exported_and_removed(
    studies, phantom_root, tmp_path, capsys
) -> None:
    keys = studies["key"][:2].tolist()
    words = ("selections", "save", phantom_root, "odd hands", *keys)
    printed = spoken(capsys, *words, "--tag", "cast", "--note", "n", "--by", "AB")
    assert printed.startswith("odd hands [cast]: 2 studies, ")
    (record,) = json.loads(spoken(capsys, "selections", "list", phantom_root, "--json"))
    assert record["keys"] == keys and record["by"] == "AB"
    spoken(capsys, "selections", "export", phantom_root, "odd hands", tmp_path / "list.csv")
    assert len((tmp_path / "list.csv").read_text().splitlines()) == 1 + studies["views"][:2].sum()
    assert "no selection 'x'" in refused(capsys, "train", phantom_root, "--selection", "x")
    assert spoken(capsys, "selections", "remove", phantom_root, "odd hands") == ""


@pytest.mark.slow
def test_a_selection_is_evaluated_by_corrected_labels_and_known_patients_are_said(
    studies, run_copy, phantom_root, capsys
) -> None:
    data = catalog.read(phantom_root)
    films = journal.films(run_copy)
    rows = catalog.studies(films).groupby("role").head(2)
    keys = catalog.study_key(rows).tolist()
    value = selections.Selection(name="mixed", keys=tuple(keys), data=data.hash)
    selections.save(selections.folder_of(data.hash), value)
    words = ("evaluate", "finished@3", phantom_root, "--selection", "mixed")
    before = json.loads(spoken(capsys, *words, "--json"))
    assert {line["study"] for line in before["lines"]} == set(keys)
    assert before["data"]["selection"] == value.facts and before["split"] == "selection"
    first = before["lines"][0]
    corrected = corrections.corrected(
        corrections.Corrections(), studies, {first["study"]: 1 - first["label"]}, "AB", "cast"
    )
    corrections.write(data.hash, corrected)
    after = json.loads(spoken(capsys, *words, "--corrections", "--json"))
    assert after["lines"][0]["right"] is not first["right"]
    assert after["data"]["corrections"] == {"labels": 1, "hash": corrected.hash}
    assert after["lines"][1:] == before["lines"][1:]
    printed = spoken(capsys, *words, "--corrections")
    assert f"selection mixed: {len(keys)} studies" in printed
    assert f"1 label corrected (list {corrected.hash})." in printed
    assert f"of {len(keys)} studies are of patients that the model was trained on" in printed
    assert f"of {len(keys)} studies are of dev patients" in printed
    only = json.loads(spoken(capsys, *words, "--split", "valid", "--json"))
    assert {line["study"].split("/")[0] for line in only["lines"]} == {"valid"}
