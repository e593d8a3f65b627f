"""A server opened to a room: visitors look, watch and upload; only the owner changes things."""

import shutil
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from fracture_core import room
from fracture_core.audit import audit_job, findings
from fracture_core.datasets import catalog, chosen_data, exclusions
from fracture_core.errors import NotOwner
from fracture_core.folders import PROJECT, runs_folder
from fracture_core.runs import run_folders, run_status
from fracture_core.runs.run_status import State
from ui.shell import actions, owner

APP = str(Path(__file__).parents[2] / "app.py")
PAGES = ("home", "studies", "train", "runs", "report_2018", "evaluate", "diagnose", "data")
ACTIONS = [
    name
    for name, value in vars(actions).items()
    if hasattr(value, "__wrapped__") and name not in ("errors_shown",)
]


@pytest.fixture
def token(run_copy: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The owner's token of an open room that has a run at rest in it."""
    st.cache_resource.clear()
    before = run_status.read(run_copy).__dict__
    run_status.write(run_copy, run_status.Status(**{**before, "state": State.STOPPED, "epoch": 2}))
    monkeypatch.setenv(room.VARIABLE, "films.example.org")
    return room.new_token()


def at(page: str, owner: str = "", **address: str) -> AppTest:
    """A page, as the tab of whoever holds this token. (AppTest runs all but the first page alone;
    what `app.py` does with an address is shown in the browser tests.)"""
    app = AppTest.from_file(APP, default_timeout=60)
    app = app if page == "home" else app.switch_page(f"pages/{page}.py")
    app.query_params.update(address)
    app.session_state["owner-token"] = owner
    return app.run()


def said(app: AppTest) -> str:
    kinds = (app.title, app.markdown, app.caption, app.warning, app.info, app.error, app.code)
    words = "\n".join(str(element.value) for kind in kinds for element in kind)
    return "\n".join([words, *(toast.value for toast in app.toast)]).replace("\\", "")


def tree(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, but what looking at things may keep."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not {"manifests", "thumbnails"} & set(path.parts)
    }


def button(app: AppTest, key: str) -> Button:
    return next(each for each in app.button if each.key == key or each.label == key)


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_refuses_a_visitor_before_it_looks_at_anything(
    name: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    action = getattr(actions, name)
    session: dict[str, str] = {}
    monkeypatch.setattr(owner.st, "session_state", session)
    for given in ("", "wrong", token[:-1]):
        session["owner-token"] = given
        with pytest.raises(NotOwner, match="Only the owner"):
            action("anything", 1, no_such="argument")
    session["owner-token"] = token
    with pytest.raises(Exception) as refused:  # the owner comes as far as the arguments
        action("anything", 1, no_such="argument")
    assert not isinstance(refused.value, NotOwner)


def test_there_are_all_the_actions() -> None:
    assert {
        "send_request",
        "delete",
        "fork",
        "make_ensemble",
        "average_weights",
        "prepare_run",
        "resume",
        "set_labels",
        "start_report",
        "stop_report",
        "start_run",
        "import_run",
        "recompute_averages",
        "keep_weights",
        "check_network",
        "allow_code",
        "keep_table",
        "fetch",
        "audit",
        "measure_leak",
        "stop_leak",
        "cross_validate",
        "start_sweep",
        "stop_group",
        "resume_group",
        "delete_group",
        "release_group",
        "make_phantom",
        "rescan",
        "choose_data",
        "read_folder",
        "leave_out",
        "save_selection",
        "remove_selection",
        "correct_labels",
        "undo_corrections",
        "evaluate",
        "save_point",
        "save_calibration",
        "save_promise",
        "fit_gate",
        "make_twins",
        "make_neighbours",
    } == set(ACTIONS)


@pytest.mark.parametrize(
    ("page", "address", "key"),
    [
        ("home", {}, "demo"),
        ("train", {}, "start-training"),
        ("train", {"run": "finished"}, "resume"),
        ("train", {"run": "finished"}, "train-more"),
        ("report_2018", {}, "run-experiments"),
        ("data", {}, "run-audit"),
        ("studies", {"map": "true", "model": "finished"}, "make-neighbours"),
        ("data", {}, "Rescan"),
        ("runs", {"runs": "finished"}, "pin"),
        ("runs", {"runs": "finished"}, "keep-notes"),
        ("runs", {"runs": "finished"}, "delete-for-good"),
    ],
)
def test_the_event_of_a_button_that_a_visitor_may_not_press_changes_nothing(
    page: str, address: dict[str, str], key: str, token: str, folders: Path
) -> None:
    assert all(each.disabled for each in pressed(at(page, **address), key))
    app = at(page, owner=token, **address)
    if key == "delete-for-good":
        button(app, "delete-chosen").click().run()
    (mine,) = pressed(app, key)
    room.new_token()  # the tab still shows the button, and is a visitor's
    before = tree(folders)
    app = mine.click().run()
    assert not app.exception
    kept = next((app.session_state[k] for k in ("notice",) if k in app.session_state), "")
    if key != "Rescan":  # greyed now, it is not heard at all; the others' callbacks are
        assert "Only the owner" in kept + said(app)
    assert tree(folders) == before and not any(
        run.status.state.alive for run in run_folders.list_runs()
    )


def pressed(app: AppTest, key: str) -> list:
    return [each for each in app.button if key in (each.key, each.label)]


def test_a_visitor_ticks_no_film(token: str, phantom_root: Path) -> None:
    data = catalog.read(phantom_root)
    path = data.manifest["path"].iloc[0]
    item = findings.Item(path=path, detail="grey all over", leave_out=True)
    kind = next(iter(findings.KINDS))
    found = findings.Finding(kind=kind, items=(item,), count=1, score=0.1, sentences=("One.",))
    audit_job.folder_of(data.hash).mkdir(parents=True)
    audit_job.save(
        audit_job.folder_of(data.hash), findings.Audit(films=1, findings=(found,), shortcuts=())
    )
    assert at("data").checkbox(key=f"tick-{kind}").disabled
    app = at("data", owner=token)
    room.new_token()
    app.checkbox(key=f"tick-{kind}").check().run()
    assert not app.exception and not exclusions.file_of(data.hash).exists()
    mine = at("data", owner=room.new_token())
    mine.checkbox(key=f"tick-{kind}").check().run()
    assert exclusions.file_of(data.hash).exists()


def test_the_owners_token_leaves_the_address_at_once_and_opens_the_buttons(token: str) -> None:
    for given, is_owner in ((token, True), (token[:-1], False)):
        app = AppTest.from_file(APP, default_timeout=60)
        app.query_params["owner"] = given
        app.run()
        assert not app.exception and "owner" not in app.query_params
        assert button(app, "demo").disabled is not is_owner
        assert token not in said(app)
        assert ("not the owner's token" in said(app)) is not is_owner


def test_a_new_token_makes_a_visitor_of_who_had_the_old_one(token: str) -> None:
    app = at("train", run="finished", owner=token)
    room.new_token()
    assert button(app.run(), "resume").disabled


@pytest.mark.parametrize("page", PAGES)
def test_no_page_tells_a_visitor_where_things_lie_on_this_machine(
    page: str, token: str, folders: Path, phantom_root: Path
) -> None:
    secret = [str(phantom_root.parent), str(folders), str(PROJECT)]
    address = {"run": "finished"} if page == "train" else {}
    for app in (at(page, **address), at(page)):
        assert not app.exception
        text = said(app) + "".join(str(each.help) for each in app.button)
        assert not [place for place in secret if place in text]


def test_data_that_cannot_be_read_is_no_place_either(
    token: str, phantom_root: Path, tmp_path: Path
) -> None:
    gone = tmp_path / "private" / "MURA-v1.1"
    shutil.copytree(phantom_root / "valid", gone / "valid")
    chosen_data.choose(gone)
    shutil.rmtree(gone)
    for page in ("data", "home"):
        text = said(at(page))
        assert "MURA-v1.1" in text and str(tmp_path) not in text, page


@pytest.mark.parametrize("show", ["", "numbers"])
def test_no_part_of_a_failed_run_tells_a_visitor_where_it_lies(
    token: str, run_copy: Path, show: str
) -> None:
    folder = runs_folder()
    before = run_status.read(run_copy).__dict__
    message = f"{folder}/secret/films (1).png cannot be read."
    status = run_status.Status(**{**before, "state": State.FAILED, "message": message})
    run_status.write(run_copy, status)
    address = {"run": run_copy.name, **({"show": show} if show else {})}
    for mine in (False, True):
        app = at("train", token if mine else "", **address)
        drawn = [each.proto.json for each in app.get("bidi_component")]
        drawn += [each.proto.body for each in app.get("html")] + [said(app)]
        assert any("Failed" in each for each in drawn)
        assert any(str(folder) in each for each in drawn) == mine


def test_a_visitor_is_offered_no_folder_and_no_other_data(
    token: str, phantom_root: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(phantom_root / "valid", other / "valid")
    chosen_data.choose(other)
    chosen_data.choose(phantom_root)
    app = at("data")
    assert not [field for field in app.text_input if field.key == "folder"]
    assert "Only the owner can choose a data set" in said(app)
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params["data"] = catalog.read(other).hash[:8]
    app.run()
    assert "unknown here" in said(app) and not [b for b in app.button if "other" in b.label]


def test_without_a_room_everybody_may_change_everything(run_copy: Path) -> None:
    st.cache_resource.clear()
    app = at("train", owner="anything")
    assert not button(app, "start-training").disabled
    assert not [each for each in app.button if each.label == "I am the owner"]
