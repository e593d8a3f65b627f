"""Selections and corrected labels on Studies, Data, Evaluate and Train."""

from pathlib import Path

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fracture_core import room
from fracture_core.audit import audit_job, findings
from fracture_core.config.train_config import TrainConfig
from fracture_core.curation import corrections, selections
from fracture_core.curation.corrections import Corrections
from fracture_core.curation.selections import Selection
from fracture_core.datasets import catalog, exclusions
from fracture_core.datasets.catalog import Dataset
from fracture_core.evaluations import evaluation
from fracture_core.models import stored_models
from ui.shared import theme
from ui.train import training_film_cache

APP = str(Path(__file__).parents[2] / "app.py")


@pytest.fixture(autouse=True)
def nothing_cached() -> None:
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def data(folders: Path, phantom_root: Path) -> Dataset:
    return catalog.read(phantom_root)


@pytest.fixture
def table(data: Dataset) -> pd.DataFrame:
    return catalog.studies(data.manifest)


def opened(page: str, owner: str = "", **address: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60).switch_page(f"pages/{page}.py")
    app.query_params.update(address)
    app.session_state["owner-token"] = owner
    app.session_state["saved-selections"] = True  # open
    app.run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    kinds = (app.title, app.markdown, app.caption, app.warning, app.info, app.error, app.toast)
    return "\n".join(str(e.value) for kind in kinds for e in kind).replace("\\", "")


def press(app: AppTest, key: str) -> AppTest:
    button = next(b for b in app.button if key in (b.key, b.label.replace("\\", "")))
    assert not button.disabled
    button.click().run()
    assert not app.exception
    return app


def tiles(app: AppTest) -> list[str]:
    keys = [button.key or "" for button in app.button]
    return [key.removeprefix("open-") for key in keys if key.startswith("open-")]


def tick(app: AppTest, key: str, place: str = "") -> AppTest:
    app.checkbox(key=f"select-{place}-{key}").check().run()
    assert not app.exception
    return app


def save(data: Dataset, keys: list[str], name: str = "mine") -> Selection:
    value = Selection(name=name, keys=tuple(keys), data=data.hash)
    return selections.save(selections.folder_of(data.hash), value)


def correct(data: Dataset, key: str, label: int) -> Corrections:
    studies = catalog.studies(data.manifest)
    value = corrections.corrected(Corrections(), studies, {key: label}, "AB", "a cast")
    corrections.write(data.hash, value)
    return value


# --- select -------------------------------------------------------------------------------------


def test_ticked_studies_are_counted_shown_saved_and_cleared(
    data: Dataset, table: pd.DataFrame
) -> None:
    app = opened("studies")
    assert "selected" not in said(app)
    keys = tiles(app)
    tick(tick(app, keys[0]), keys[2])
    assert "**2 studies selected**" in said(app)
    app.checkbox(key=f"select--{keys[0]}").uncheck().run()
    assert "**1 study selected**" in said(app)
    press(app, "select-all-wall")
    assert f"**{len(table)} studies selected**" in said(app)
    app.text_input(key="selection-name").input("odd hands").run()
    app.text_input(key="selection-tags").input("cast, wire,cast").run()
    app.text_input(key="person-name-save").input("AB").run()
    press(app, "select-save")
    assert app.session_state["notice"] == "Saved: odd hands (24 studies)."
    stored = selections.read(selections.folder_of(data.hash), "odd hands")
    assert (stored.tags, stored.by, len(stored.keys)) == (("cast", "wire"), "AB", len(table))
    press(app, "select-clear")
    assert "studies selected" not in said(app)
    assert not app.checkbox(key=f"select--{keys[2]}").value


def test_all_that_match_the_filters_are_selected_and_beside_the_others(
    data: Dataset, table: pd.DataFrame
) -> None:
    app = opened("studies", split="valid")
    press(app, "select-all-wall")
    valid = table[table["split"] == "valid"]["key"].tolist()
    assert app.session_state["ticked-studies"] == {"data": data.hash, "keys": valid}
    app.pills(key="split").set_value(["train"]).run()
    tick(app, tiles(app)[0])
    assert len(app.session_state["ticked-studies"]["keys"]) == len(valid) + 1


def test_a_selection_filters_the_wall_and_one_that_is_gone_says_so(
    data: Dataset, table: pd.DataFrame
) -> None:
    keys = table["key"].tolist()[3:6]
    save(data, keys)
    app = opened("studies", selection="mine")
    assert tiles(app) == keys and app.selectbox(key="selection").value == "mine"
    app.selectbox(key="selection").set_value(None).run()
    assert len(tiles(app)) == len(table)
    gone = opened("studies", selection="gone")
    assert not tiles(gone) and "Drop selection gone: 24 studies" in [
        b.label.replace("\\", "") for b in gone.button
    ]
    tick(app, keys[0])
    app.selectbox(key="selection").set_value("*").run()
    assert tiles(app) == keys[:1]
    press(app, "select-clear")
    assert len(tiles(app)) == len(table)


def test_a_name_that_is_markup_is_shown_to_the_letter(data: Dataset, table: pd.DataFrame) -> None:
    name = "**bold** :red[x] <b>"
    save(data, [table["key"].iloc[0]], name)
    app = opened("studies", selection=name)
    assert any(f"**{theme.plain(name)}**" in str(each.value) for each in app.markdown)
    assert not any(name in str(each.value) for each in (*app.markdown, *app.caption))


def test_a_selection_is_excluded_from_training_included_and_removed(
    data: Dataset, table: pd.DataFrame
) -> None:
    value = save(data, table["key"].tolist()[:2], "a; b")
    films = data.manifest[selections.films_of(data.manifest, value.keys)]["path"].tolist()
    path, key = exclusions.file_of(data.hash), f"select-{value.hash}-a; b"
    app = press(opened("studies"), f"{key}-exclude")
    assert set(exclusions.read(path).reasons) == set(films)
    press(app, f"{key}-exclude")
    assert not path.exists()
    press(press(app, f"{key}-exclude"), f"{key}-remove")
    assert not path.exists() and not selections.names(selections.folder_of(data.hash))


def test_findings_of_the_audit_are_selected(data: Dataset, table: pd.DataFrame) -> None:
    paths = data.manifest.groupby(catalog.study_key(data.manifest), sort=False)["path"].first()
    items = tuple(findings.Item(path=path, detail="grey", leave_out=True) for path in paths[:3])
    kind = next(iter(findings.KINDS))
    finding = findings.Finding(kind=kind, items=items, count=3, score=0.1, sentences=())
    folder = audit_job.folder_of(data.hash)
    folder.mkdir(parents=True)
    audit_job.save(folder, findings.Audit(films=24, findings=(finding,), shortcuts=()))
    app = AppTest.from_file(APP, default_timeout=60).switch_page("pages/data.py")
    app.session_state[f"entries-{kind}"] = True
    app.run()
    assert not app.exception
    press(app, f"select-all-{kind}")
    assert app.session_state["ticked-studies"]["keys"] == list(paths.index[:3])
    assert "**3 studies selected**" in said(app)


# --- correct ------------------------------------------------------------------------------------


def test_a_label_is_corrected_on_its_study_shown_everywhere_and_undone(
    data: Dataset, table: pd.DataFrame, phantom_root: Path
) -> None:
    study = table.iloc[0]
    app = opened("studies", study=study["key"])
    assert "The label is the data's own." in said(app)
    press(app, "correct-label")
    assert "Fill it in" in app.session_state["notice"]  # who is missing
    app.text_input(key="person-name-label").input("AB").run()
    app.text_input(key="correction-why").input("a *cast*").run()
    press(app, "correct-label")
    own, other = ("fracture", "no fracture")[:: 1 if study["label"] else -1]
    assert f"The label was corrected from {own} to {other}, by AB on 20" in said(app)
    assert ": a *cast*." in said(app) and "(corrected)" in said(app)
    assert corrections.read(data.hash).labels == {study["key"]: 1 - study["label"]}
    assert catalog.read(phantom_root, rescan=True).hash == data.hash
    wall = opened("studies", label="none" if study["label"] else "fracture")
    assert study["key"] in tiles(wall) and "(corrected)" in said(wall)
    press(app, "undo-correction")
    assert "The label is the data's own." in said(app)
    assert not corrections.read(data.hash).items


def test_a_quiz_tells_nothing_of_a_correction(data: Dataset, table: pd.DataFrame) -> None:
    study = table.iloc[0]
    correct(data, study["key"], 1 - study["label"])
    for address in ({}, {"study": study["key"]}):
        assert "orrect" not in said(opened("studies", quiz="true", **address))


def test_corrections_are_listed_on_data_and_damage_is_said(
    data: Dataset, table: pd.DataFrame
) -> None:
    study = table.iloc[0]
    value = correct(data, study["key"], 1 - study["label"])
    app = opened("data")
    assert f"**1 label corrected** (list {value.hash})" in said(app)
    (shown,) = [f.value for f in app.dataframe if "Why" in f.value.columns]
    assert shown.iloc[0].tolist()[::3] == [study["key"], "AB"] and shown["Why"][0] == "a cast"
    path = corrections.file_of(data.hash)
    path.write_text(path.read_text().replace("a cast", "a wire"))
    assert "are damaged" in said(opened("data"))


def test_a_table_of_labels_is_previewed_and_taken(data: Dataset, table: pd.DataFrame) -> None:
    study = table.iloc[0]
    text = f"study,label\n{study['key']},{1 - study['label']}\nnobody,1\n"
    app = opened("data")
    app.file_uploader(key="dropped-labels").upload("new.csv", text.encode(), "text/csv")
    app.run()
    assert not app.exception
    assert "2 rows: 1 label would change; 0 labels as before." in said(app)
    assert "1 row with a study that is not in these data; first, line 3 (nobody)." in said(app)
    assert not corrections.read(data.hash).items
    app.text_input(key="person-name-import").input("AB").run()
    press(app, "import-labels")
    (each,) = corrections.read(data.hash).items.values()
    assert (each.study, each.by, each.why) == (study["key"], "AB", "table new.csv")


# --- use ----------------------------------------------------------------------------------------


def test_train_offers_both_and_counts_the_films_of_the_selection(
    data: Dataset, table: pd.DataFrame
) -> None:
    train = table[table["split"] == "train"]
    save(data, train["key"].tolist()[:12])
    correct(data, train["key"].iloc[0], 1 - train["label"].iloc[0])
    app = opened("train")
    command = app.code[0].value
    assert "--corrections" in command and "--selection" not in command
    app.selectbox(key="train-on").set_value("mine").run()
    assert not app.exception and "--selection mine" in app.code[0].value
    config = TrainConfig(data=str(data.root), selection="mine", corrections=True)
    rows = training_film_cache.training_films(config)
    assert set(catalog.study_key(rows)) <= set(train["key"][:12])
    app.toggle(key="corrected-labels").set_value(False).run()
    assert "--corrections" not in app.code[0].value


def test_evaluate_uses_corrected_labels_and_says_how_many(
    data: Dataset, table: pd.DataFrame, run_copy: Path
) -> None:
    app = opened("evaluate", model="finished", films="valid")
    before = app.title[1].value
    assert not [each for each in app.toggle if each.key == "by-corrected"]
    study = table[table["split"] == "valid"].iloc[0]
    value = correct(data, study["key"], 1 - study["label"])
    app = opened("evaluate", model="finished", films="valid")
    assert f"1 label corrected (list {value.hash})." in said(app)
    assert app.title[1].value != before
    app.toggle(key="by-corrected").set_value(False).run()
    assert app.title[1].value == before and "label corrected" not in said(app)


def test_a_corrected_label_is_marked_and_the_walls_follow_the_switch(
    data: Dataset, run_copy: Path
) -> None:
    model = stored_models.find("finished")
    studies = evaluation.of_run(run_copy, model.card.epoch, "valid").studies()
    wrong = studies[~studies["right"].astype(bool)].iloc[0]
    own, other = (theme.mark(bool(label)) for label in (wrong["label"], 1 - wrong["label"]))
    correct(data, wrong["key"], 1 - wrong["label"])
    app = opened("evaluate", model="finished", films="valid", lines="right")
    rows = next(each.value for each in app.dataframe if "Verdict" in each.value)
    assert [label.endswith("✎") for label in rows["Label"]].count(True) == 1
    kind = "missed" if wrong["label"] else "alarms"
    app.session_state["difficult"], app.session_state["difficult-kind"] = True, kind
    app.run()
    errors = len(studies[~studies["right"].astype(bool) & (studies["label"] == wrong["label"])])
    words = f":small[label {own}"
    assert said(app).count(words) == errors - 1  # the model was right, by the corrected label
    app.toggle(key="by-corrected").set_value(False).run()
    assert said(app).count(words) == errors and f":small[label {other}" not in said(app)
    assert "(corrected)" not in said(app)


def doubted(films: str) -> AppTest:
    """Evaluate with the labels in doubt."""
    app = opened("evaluate", model="finished", films=films)
    app.session_state["difficult"], app.session_state["difficult-kind"] = True, "labels"
    app.run()
    assert not app.exception
    return app


def test_evaluate_names_no_list_where_only_a_dev_label_is_corrected(
    data: Dataset, run_copy: Path
) -> None:
    dev = catalog.studies(stored_models.find("finished").dev_films).iloc[0]
    value = correct(data, dev["key"], 1 - dev["label"])
    app = doubted("valid")
    assert app.toggle(key="by-corrected").label == "Use corrected labels: 1 of dev"
    assert " on these data." in said(app) and value.hash not in said(app)
    app = doubted("dev")
    assert f"By the corrected labels (list {value.hash})." in said(app)


def test_a_selection_can_be_evaluated_and_errors_selected(
    data: Dataset, table: pd.DataFrame, run_copy: Path
) -> None:
    app = opened("evaluate", model="finished", films="valid")
    listed = next(b for b in app.button if (b.key or "").startswith("select-all-"))
    listed.click().run()
    assert not app.exception and "selected**" in said(app)
    save(data, table["key"].tolist()[:3])
    app = opened("evaluate", model="finished", films="selection")
    assert app.selectbox(key="of").value == "mine"
    assert "Evaluate 3 studies" in [b.label for b in app.button]


# --- visitors -----------------------------------------------------------------------------------


def test_a_visitor_selects_but_saves_corrects_and_removes_nothing(
    data: Dataset, table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = save(data, table["key"].tolist()[:2])
    study = table.iloc[0]
    correct(data, study["key"], 1 - study["label"])
    monkeypatch.setenv(room.VARIABLE, "films.example.org")
    token = room.new_token()
    before = {p: p.read_bytes() for p in selections.folder_of(data.hash).parents[1].rglob("*.json")}
    app = tick(opened("studies"), table["key"].iloc[0])
    assert "**1 study selected**" in said(app)
    keys = ("select-save", *(f"select-{value.hash}-mine-{x}" for x in ("exclude", "remove")))
    assert all(b.disabled for b in app.button if b.key in keys)
    assert {b.key for b in app.button} >= set(keys)
    mine = opened("studies", owner=token, study=study["key"])
    room.new_token()
    press(mine, "undo-correction")  # as if its owner had left meanwhile
    assert "Only the owner" in mine.session_state["notice"]
    assert not any(u.key == "dropped-labels" for u in opened("data").file_uploader)
    after = {p: p.read_bytes() for p in selections.folder_of(data.hash).parents[1].rglob("*.json")}
    assert after == before
