"""Data: what is in use, and how something else gets into use without anything being guessed."""

import io
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fracture_core.audit import audit_job, findings
from fracture_core.audit.findings import Audit, Finding, Item
from fracture_core.datasets import catalog, chosen_data, exclusions
from fracture_core.jobs import launcher
from fracture_core.readers import mura
from fracture_core.runs import run_lock, run_requests, run_status
from tests.core.datasets.test_open_set import Repository, repository  # noqa: F401 - a fixture
from ui.data import audit_panel, data_choice
from ui.shared import charts, theme
from ui.shell import state

APP = Path(__file__).resolve().parents[2] / "app.py"


@pytest.fixture
def data_page(folders: Path) -> AppTest:
    """The app on the Data page."""
    app = AppTest.from_file(str(APP), default_timeout=30)
    return app.switch_page("pages/data.py")


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    """Class folders: 6 films in "broken*", 4 in "whole"."""
    root = tmp_path / "classes"
    for name, count in (("broken*", 6), ("whole", 4)):
        (root / name).mkdir(parents=True)
        for index in range(count):
            pixels = np.full((32, 32), 20 * index, np.uint8)
            Image.fromarray(pixels).save(root / name / f"{index}.png")
    return root


def words(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.warning, app.error, app.code)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


def use(app: AppTest, folder: Path | str) -> AppTest:
    app.text_input(key="folder").set_value(str(folder))
    return press(app, "Use this folder")


def counts(app: AppTest) -> pd.DataFrame:
    return app.dataframe[0].value


def test_it_shows_the_folder_its_kind_and_that_it_is_synthetic_and_whole(
    data_page: AppTest, phantom_root: Path
) -> None:
    app = data_page.run()
    assert not app.exception
    assert app.code[0].value == str(phantom_root)
    text = words(app)
    assert "MURA's layout" in text and "synthetic" in text and "check: complete" in text
    assert "No files ignored" in text
    assert "agreement" in text and "10.6084/m9.figshare.22363012" in text


def test_the_counts_are_those_of_the_manifest(data_page: AppTest, phantom_root: Path) -> None:
    table = counts(data_page.run())
    manifest = catalog.read(phantom_root).manifest
    whole = table[table["Body part"] == "all"]
    assert whole["Films"].sum() == len(manifest)
    assert whole["▲ films"].sum() == manifest["label"].sum()
    assert (table["▲ studies"] + table["● studies"] == table["Studies"]).all()
    assert (table["▲ films"] + table["● films"] == table["Films"]).all()


def test_a_wrong_path_is_one_sentence_and_the_data_in_use_stays(
    data_page: AppTest, phantom_root: Path, tmp_path: Path
) -> None:
    app = data_page.run()
    archive = tmp_path / "MURA-v1.1.zip"
    archive.write_bytes(b"PK")
    wrong = {
        "": "The path is empty",
        str(tmp_path / "nowhere"): "There is no folder",
        str(archive): "Unpack it",
        str(phantom_root / "train"): f"Give {phantom_root}",
        "a\0b": "cannot be followed",
    }
    for path, sentence in wrong.items():
        use(app, path)
        assert not app.exception
        assert sentence in app.error[0].value.replace("\\", "")
        assert app.code[0].value == str(phantom_root)
        assert chosen_data.chosen().root == phantom_root


def test_another_folder_is_used_from_then_on(
    data_page: AppTest, phantom_root: Path, tmp_path: Path
) -> None:
    other = tmp_path / "MURA-v1.1"
    shutil.copytree(phantom_root / "valid", other / "valid")
    app = use(data_page.run(), f" '{tmp_path}' ")  # its parent, pasted with quotes
    assert app.code[0].value == str(other)
    assert set(counts(app)["Split"]) == {"valid"}
    assert chosen_data.chosen().root == other
    (now,) = app.success
    assert now.value.replace("\\", "").startswith("Now in use: **MURA-v1.1**, ")
    assert not app.run().success  # said once


@pytest.fixture
def hands(phantom_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three films of two studies of hands in MURA's layout, all that was ever published."""
    film, root = next(phantom_root.rglob("image1.png")), tmp_path / "hands"
    for name in ("study1_positive/image1", "study1_positive/image2", "study2_negative/image1"):
        copy = root / "train" / "XR_HAND" / "patient00001" / f"{name}.png"
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(film, copy)
    monkeypatch.setattr(mura, "PUBLISHED", {("train", "hand"): (1, 1, 1, 2)})
    return root


def test_all_of_mura_is_beside_the_published_counts_and_said_to_be_all(
    data_page: AppTest, hands: Path
) -> None:
    app = use(data_page.run(), hands)
    assert not app.exception
    table = counts(app)
    assert table[["Studies", "Published studies"]].values.tolist() == [[2, 2]]
    assert table[["Films", "Published films"]].values.tolist() == [[3, 3]]
    assert "green-badge[:material/check: all 3 published films are here]" in words(app)
    assert "Compares counts, not contents" in words(app)


def test_what_differs_from_the_published_counts_is_named(
    data_page: AppTest, hands: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elbow = {("valid", "elbow"): (1, 1, 1, 1)}
    monkeypatch.setattr(mura, "PUBLISHED", {("train", "hand"): (2, 1, 5, 2)} | elbow)
    app = use(data_page.run(), hands)
    text = words(app)
    assert "**2 differences** from MURA v1.1" in text
    assert "- train XR_HAND: 1 study missing (2 of 3), 4 images missing (3 of 7)" in text
    assert "- valid XR_ELBOW: missing" in text
    assert "green-badge" not in text


def test_of_many_differences_the_first_twenty_are_named_and_the_rest_counted(
    data_page: AppTest, hands: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {("train", f"part{i}"): (1, 1, 1, 1) for i in range(22)}
    monkeypatch.setattr(mura, "PUBLISHED", parts)
    app = use(data_page.run(), hands)
    listed = next(each.value for each in app.markdown if "XR_PART0" in each.value.replace("\\", ""))
    assert listed.count(": missing") == 20
    assert listed.endswith("- and 3 more")  # two parts, and the hands
    assert counts(app)["Published films"].isna().tolist() == [True]


def test_phantoms_and_class_folders_have_no_published_counts(
    data_page: AppTest, classes: Path
) -> None:
    app = data_page.run()
    for _ in range(2):
        assert not [name for name in counts(app).columns if "Published" in name]
        assert "ublished" not in words(app)
        chosen_data.choose(classes, "whole")
        app.run()


def history(app: AppTest) -> dict[str, str]:
    """The buttons of data sets that were used before: label -> what its help says."""
    buttons = [button for button in app.button if button.icon == ":material/history:"]
    return {b.label.replace("\\", ""): b.help.replace("\\", "") for b in buttons}


def test_data_sets_used_before_are_one_click_away(
    data_page: AppTest, classes: Path, hands: Path, phantom_root: Path
) -> None:
    chosen_data.choose(classes, "broken*")
    chosen_data.choose(hands)
    app = data_page.run()
    first = {phantom_root.name: str(phantom_root)}  # as the setting says
    assert history(app) == {"classes": f"{classes}, positive class broken*", **first}
    press(app, "classes")
    assert chosen_data.chosen() == chosen_data.Choice(root=classes, positive="broken*")
    assert app.code[0].value == str(classes)
    assert history(app) == {"hands": str(hands), **first}


def test_folders_of_one_name_are_told_apart_by_their_parents(
    data_page: AppTest, hands: Path, tmp_path: Path
) -> None:
    for place in ("old", "new"):
        shutil.copytree(hands, tmp_path / place / "MURA-v1.1")
        chosen_data.choose(tmp_path / place / "MURA-v1.1")
    # Beside the new one in use, and what the setting says.
    assert set(history(data_page.run())) == {"old/MURA-v1.1", "films"}
    chosen_data.choose(hands)
    assert set(history(data_page.run())) == {"old/MURA-v1.1", "new/MURA-v1.1", "films"}


def test_data_used_before_that_cannot_be_read_is_a_sentence_and_changes_nothing(
    data_page: AppTest, hands: Path, phantom_root: Path
) -> None:
    chosen_data.choose(hands)
    chosen_data.choose(phantom_root)
    app = data_page.run()
    shutil.rmtree(hands / "train")
    press(app, "hands")
    assert not app.exception
    assert "holds no image" in app.error[0].value.replace("\\", "")
    assert chosen_data.chosen().root == phantom_root
    assert app.code[0].value == str(phantom_root)
    assert [choice.root for choice in chosen_data.recent()] == [phantom_root, hands]


def test_data_used_before_whose_class_is_gone_asks_anew(
    data_page: AppTest, classes: Path, phantom_root: Path
) -> None:
    chosen_data.choose(classes, "broken*")
    chosen_data.choose(phantom_root)
    app = data_page.run()
    (classes / "broken*").rename(classes / "cracked")
    press(app, "classes")
    assert app.radio[0].options == ["cracked", "whole"]
    assert chosen_data.chosen().root == phantom_root


def test_class_folders_ask_which_class_means_a_fracture(
    data_page: AppTest, classes: Path, phantom_root: Path
) -> None:
    app = use(data_page.run(), classes)
    assert app.radio[0].options == [theme.plain("broken*"), "whole"]
    assert app.radio[0].value is None
    assert next(b for b in app.button if b.label == "Use this class").disabled
    assert chosen_data.chosen().root == phantom_root
    app.radio[0].set_value("broken*").run()
    press(app, "Use this class")
    assert chosen_data.chosen() == chosen_data.Choice(root=classes, positive="broken*")
    assert counts(app)[["▲ films", "● films"]].sum().tolist() == [6, 4]
    assert not app.radio
    assert "class folder 'broken*'" in words(app)


def test_class_folders_that_are_set_from_outside_ask_at_once(
    data_page: AppTest, classes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRACTURE_DATA", str(classes))
    app = data_page.run()
    assert app.info[0].value == "One answer is missing before these films can be used."
    assert "cannot be used" not in words(app)
    app.radio[0].set_value("whole").run()
    press(app, "Use this class")
    assert counts(app)["▲ films"].sum() == 4
    assert not [b for b in app.button if (b.key or "").startswith("recent ")]  # the same folder


def test_a_question_about_another_folder_stands_below_its_field(
    data_page: AppTest, classes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Path(shutil.copytree(classes, tmp_path / "other"))
    monkeypatch.setenv("FRACTURE_DATA", str(classes))
    app = data_page.run()
    app.text_input(key=state.FOLDER).set_value(str(other))
    press(app, "Use this folder")
    assert not app.exception
    (radio,) = app.radio
    assert theme.plain(str(other)) in radio.label
    assert f"{theme.plain(str(classes))} cannot be used." in app.warning[0].value
    radio.set_value("whole").run()
    press(app, "Use this class")
    assert chosen_data.chosen().root == other


def test_fracatlas_is_used_without_asking_for_a_class(data_page: AppTest, tmp_path: Path) -> None:
    root, lines = tmp_path / "FracAtlas", ["image_id,hand,leg,hardware,fractured"]
    for index in range(20):
        name = ("Fractured", "Non_fractured")[index % 2]
        (root / "images" / name).mkdir(parents=True, exist_ok=True)
        pixels = np.full((32, 32), 10 * index, np.uint8)
        Image.fromarray(pixels).save(root / "images" / name / f"{index}.jpg")
        lines.append(f"{index}.jpg,{int(index < 10)},{int(index >= 10)},0,{1 - index % 2}")
    (root / "dataset.csv").write_text("\n".join(lines))
    app = use(data_page.run(), root / "images")
    assert f"Give {root}." in words(app)
    use(app, root)
    assert not app.exception
    assert not app.radio
    assert chosen_data.chosen() == chosen_data.Choice(root=root, positive=None)
    assert list(counts(app)) == ["Split", "Body part", "▲ films", "● films", "Films"]
    whole = counts(app)[counts(app)["Body part"] == "all"]
    assert whole[["▲ films", "● films", "Films"]].sum().tolist() == [10, 10, 20]
    assert "FracAtlas' radiologists" in words(app)


def test_data_that_is_gone_leaves_the_way_to_other_data(
    data_page: AppTest, phantom_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRACTURE_DATA", str(tmp_path / "unplugged"))
    app = data_page.run()
    assert not app.exception
    assert "There is no folder" in app.warning[0].value
    use(app, phantom_root)
    assert app.code[0].value == str(phantom_root)


def test_the_phantom_is_one_click_away_and_made_if_it_is_not_there(
    data_page: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, started = tmp_path / "phantom", []
    monkeypatch.setattr(data_choice, "phantom_folder", lambda: home)
    monkeypatch.setattr(launcher, "start_phantom", started.append)
    press(data_page.run(), "Use the phantom")
    assert chosen_data.chosen().root == home
    assert started == [home]


def test_rescan_finds_what_has_come_deep_down(
    data_page: AppTest, phantom_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "own"
    shutil.copytree(phantom_root, root)
    monkeypatch.setenv("FRACTURE_DATA", str(root))
    app = data_page.run()
    before = counts(app)["Films"].sum()
    film = next(root.glob("train/*/*/*/image1.png"))
    shutil.copy(film, film.with_name("image99.png"))
    assert counts(app.run())["Films"].sum() == before
    press(app, "Rescan")
    assert counts(app)["Films"].sum() == before + 2  # in its part, and in the row of all parts


def test_what_is_no_film_is_counted_and_the_first_fifty_notes_listed(
    data_page: AppTest, phantom_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "own"
    shutil.copytree(phantom_root, root)
    study = next(root.glob("train/*/*/*/image1.png")).parent
    for index in range(60):
        (study / f"note{index}.txt").touch()
        (root / f"folder{index}").mkdir()
    monkeypatch.setenv("FRACTURE_DATA", str(root))
    app = data_page.run()
    assert "60 text files ignored." in words(app)
    assert "60 notes on files and folders" in [each.label for each in app.expander]
    assert "The first 50 of 60" in words(app)
    assert len(app.dataframe[1].value) == 50


def test_the_plot_holds_the_same_numbers_as_the_table() -> None:
    parts = pd.DataFrame(
        {
            "split": ["train", "valid"],
            "part": ["shoulder", "unknown"],
            "positive_studies": [3, 1],
            "negative_studies": [5, 0],
        }
    )
    ink = charts.Ink(text="#fff", grid="#333", train="#111", dev="#222", valid="#333")
    positive, negative = charts.counts(parts, "#f00", "#00f", ink).data
    assert list(positive.x) == [3, 1] and list(negative.x) == [5, 0]
    assert list(positive.y) == ["train shoulder", "valid"]
    assert positive.text == ("▲ 3", "▲ 1")


def audited(app: AppTest) -> AppTest:
    """The page once the audit that was asked for is over."""
    press(app, "Run the audit")
    for _ in range(300):
        if not run_status.read(audit_job.folder_of(cached_hash())).state.alive:
            return app.run()
        time.sleep(0.1)
    raise AssertionError("the audit did not end")


def cached_hash() -> str:
    choice = chosen_data.chosen()
    return catalog.read(choice.root, choice.positive).hash


def test_the_audit_runs_and_shows_its_findings_worst_first(
    data_page: AppTest, classes: Path, folders: Path
) -> None:
    (classes / "whole" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    chosen_data.choose(classes, "broken*")
    app = audited(data_page.run())
    assert not app.exception
    text = words(app)
    assert "**1 film cannot be read**" in text
    # Films of one grey, the same in both classes: copies, blank, and under both labels.
    assert text.index("occur under both labels") < text.index("cannot be read")
    assert text.index("cannot be read") < text.index("are exact copies")
    assert "films are uniformly grey" in text
    assert text.index("badge[serious]") < text.index("badge[costly]")
    assert "Audit again" in [button.label for button in app.button]
    app.session_state["entries-two labels"] = True
    app.run()
    splits = catalog.read(classes, "broken*").manifest["split"].unique()
    captions = [each.value.replace("\\", "") for each in app.caption]
    assert any(each.startswith(f"{split}: ") for split in splits for each in captions)


@pytest.mark.slow
def test_ticked_films_are_left_out_of_the_next_run(
    data_page: AppTest, phantom_root: Path, folders: Path, tmp_path: Path
) -> None:
    root = tmp_path / "own"
    shutil.copytree(phantom_root, root)
    train = sorted((root / "train").glob("*/*/*/image1.png"))
    train[0].write_bytes(train[1].read_bytes())
    chosen_data.choose(root)
    app = audited(data_page.run())
    box = next(box for box in app.checkbox if box.key == "tick-same image")
    assert "Exclude 1 film of these from training" in box.label
    box.check().run()
    assert "Training excludes **1 film**" in words(app)
    kept = exclusions.read(exclusions.file_of(cached_hash()))
    assert set(kept.reasons) == {train[1].relative_to(root).as_posix()}
    app.switch_page("pages/train.py").run()
    assert app.toggle(key="exclude").value
    command = app.code[0].value
    assert f"--exclude {exclusions.file_of(cached_hash())}" in command
    app.switch_page("pages/data.py").run()
    next(box for box in app.checkbox if box.key == "tick-same image").uncheck().run()
    assert not exclusions.file_of(cached_hash()).exists()


def test_an_audit_that_is_under_way_shows_progress_and_can_be_stopped(
    data_page: AppTest, folders: Path
) -> None:
    place = audit_job.folder_of(cached_hash())
    (place / "requests").mkdir(parents=True)
    (place / "asked.json").write_text("{}")
    run_status.write(
        place,
        run_status.Status(
            state=run_status.State.RUNNING,
            message="Opening every film: 3 of 9.",
            seconds_left=65.0,
        ),
    )
    with run_lock.hold(place):
        app = data_page.run()
        sentence = "Opening every film: 3 of 9. About 1 min 5 s left."
        assert app.progress[0].text == theme.plain(sentence)
        app.button(key="stop-audit").click().run()
        assert run_requests.has(place, "stop")
        assert app.button(key="stop-audit").disabled
    app.run()
    assert "ended without a final status" in words(app)
    assert "Continue the audit" in [button.label for button in app.button]


def many(kind: str, count: int) -> findings.Finding:
    """A finding of this many films that are not there."""
    items = tuple(
        findings.Item(path=f"train/{number}.png", detail="a copy", leave_out=True)
        for number in range(count)
    )
    return findings.Finding(kind=kind, items=items, count=count, score=0.5)


def test_the_films_of_a_finding_are_sent_only_when_they_are_looked_at(data_page: AppTest) -> None:
    place = audit_job.folder_of(cached_hash())
    place.mkdir(parents=True)
    both = (many("two labels", 5000), many("same image", 20))
    audit_job.save(place, findings.Audit(films=9000, findings=both, shortcuts=()))
    app = data_page.run()
    assert "**5,000 films occur under both labels**" in words(app)
    tables = len(app.dataframe)
    app.session_state["entries-two labels"] = True
    app.run()
    assert not app.exception
    assert len(app.dataframe) == tables + 1
    assert len(app.dataframe[-1].value) == audit_panel.ROWS
    assert f"The first {audit_panel.ROWS:,} of 5,000" in words(app)


def test_a_tick_in_another_browser_is_seen_and_takes_nothing_from_other_ticks(
    data_page: AppTest,
) -> None:
    place = audit_job.folder_of(cached_hash())
    place.mkdir(parents=True)
    both = (many("two labels", 5), many("same image", 3))
    audit_job.save(place, findings.Audit(films=9, findings=both, shortcuts=()))
    app = data_page.run()
    other = AppTest.from_file(str(APP), default_timeout=30).switch_page("pages/data.py").run()
    app.checkbox(key="tick-two labels").check().run()
    other.run()
    assert other.checkbox(key="tick-two labels").value
    other.checkbox(key="tick-same image").check().run()
    app.checkbox(key="tick-two labels").uncheck().run()
    assert app.checkbox(key="tick-same image").value
    kept = exclusions.read(exclusions.file_of(cached_hash()))
    assert set(kept.reasons) == {f"train/{number}.png" for number in range(3)}


def test_no_name_in_the_findings_file_is_a_spreadsheets_formula() -> None:
    item = Item(path="=cmd()/film.png", detail="+1\nnext")
    finding = Finding(kind="gap", items=(item,), count=1, score=0.5, sentences=("@it",))
    text = audit_panel.csv(Audit(films=1, findings=(finding,), shortcuts=()))
    rows = pd.read_csv(io.StringIO(text), keep_default_na=False)
    assert rows["path"].tolist() == ["'=cmd()/film.png", ""]
    assert rows["detail"].tolist() == ["'+1\ufffdnext", "'@it"]


def test_the_open_set_is_fetched_once_its_licence_is_accepted(
    data_page: AppTest,
    tmp_path: Path,
    repository: Repository,  # noqa: F811
) -> None:
    repository.breaks = 10**9
    app = data_page.run()
    app.text_input(key=state.FETCH_FOLDER).set_value(str(tmp_path / "open")).run()
    assert "CC BY 4.0" in words(app).replace("\\", "")
    assert app.button(key="fetch-open-set").disabled and repository.requests == []
    app.checkbox(key="accept-licence").check().run()
    app.button(key="fetch-open-set").click().run()
    for child in launcher._children:
        child.wait(timeout=60)
    app.run()
    assert not app.exception
    press(app, "Use FracAtlas")
    assert chosen_data.chosen().root == tmp_path / "open" / "FracAtlas"


def test_a_table_of_films_is_previewed_asked_about_and_remembered(
    data_page: AppTest, tmp_path: Path
) -> None:
    root = tmp_path / "own"
    for number in range(12):
        film = root / f"batch{number % 3}" / f"{number}.png"
        film.parent.mkdir(parents=True, exist_ok=True)
        film.touch()
    rows = [
        (f"batch{number % 3}/{number}.png", "broken" if number % 2 else "whole")
        for number in range(12)
    ]
    table = pd.DataFrame(rows, columns=["where_it_is", "finding"])
    table.loc[11, "finding"] = "Broken"  # is the same label, to the reader as well
    table.to_csv(root / "films.csv", sep=";", index=False)
    app = data_page.run()
    app.text_input(key=state.TABLE_FILE).set_value(str(root / "gone.csv")).run()
    assert "cannot be used" in app.error[0].value
    app.text_input(key=state.TABLE_FILE).set_value(str(root / "films.csv")).run()
    boxes = {box.label: box for box in app.selectbox}
    assert boxes["Labels"].value == "finding" and boxes["Paths of the films"].value is None
    assert "12 rows; the first 5" in words(app)
    assert "where_it_is" in boxes["Paths of the films"].options  # not escaped: it is no Markdown
    boxes["Paths of the films"].set_value("where_it_is").run()
    radio = next(each for each in app.radio if "means a fracture" in each.label)
    plain = [option.replace("\\", "") for option in radio.options]
    assert plain == ["broken (6 rows)", "whole (6 rows)"]
    radio.set_value("broken").run()
    press(app, "Use this table")
    assert not app.exception
    choice = chosen_data.chosen()
    assert (choice.root, choice.positive) == (root, "broken")
    data = catalog.read(choice.root, choice.positive, table=choice.table)
    assert (data.kind, len(data.manifest), int(data.manifest["label"].sum())) == ("table", 12, 6)
    assert "films.csv (path: where_it_is, label: finding)" in words(app).replace("\\", "")
