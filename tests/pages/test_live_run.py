"""Train, with a run in the address: what can be asked of it, and what two browsers may ask."""

import json
import os
import re
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fracture_core.epochs import epoch_weights, forks
from fracture_core.errors import DamagedFile
from fracture_core.folders import models_folder
from fracture_core.jobs import launcher
from fracture_core.releases import epoch_average_job
from fracture_core.runs import (
    journal,
    run_config,
    run_folders,
    run_labels,
    run_lock,
    run_requests,
    run_status,
)
from ui.cache import run_cache, shared_cache
from ui.live import curve_panel, flip_feed, live_run, pinned_studies, run_figures
from ui.run_menu import run_files
from ui.shared import theme
from ui.shell import frame, state
from ui.shell.state import ARRIVED

APP = Path(__file__).resolve().parents[2] / "app.py"
RESTING = ("stopped", "finished", "failed", "interrupted")

Open = Callable[..., AppTest]


@pytest.fixture
def open_run(folders: Path) -> Open:
    """Opens a browser session on a run, with "More" and "About" open or closed."""

    def opened(folder: Path, more: bool = True) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=30).switch_page("pages/train.py")
        app.query_params["run"] = folder.name
        app.session_state[f"more-{folder.name}"] = more
        app.session_state[f"about-{folder.name}"] = more
        app.run()
        assert not app.exception
        return app

    return opened


def texts(app: AppTest) -> str:
    """All running text of the page."""
    kinds = (app.title, app.markdown, app.caption, app.info, app.warning, app.error)
    return "\n".join(element.value for kind in kinds for element in kind)


def keys(app: AppTest) -> set[str]:
    """The keys of all buttons."""
    return {button.key for button in app.button}


def told(app: AppTest) -> str:
    """Return the texts of the toasts."""
    return "\n".join(toast.value for toast in app.toast)


def curves(app: AppTest) -> dict:
    """Return the data of the curves."""
    (found,) = [e for e in app.get("bidi_component") if e.proto.component_name == "live_curves"]
    return json.loads(found.proto.json)


def set_state(folder: Path, state: str, **changes: object) -> None:
    """Write a status as the child would have."""
    before = run_status.read(folder).__dict__
    run_status.write(
        folder, run_status.Status(**{**before, "state": run_status.State(state), **changes})
    )


@pytest.mark.parametrize("damage", ["deleted", "garbage"])
def test_without_its_films_a_run_still_shows_its_curves(
    open_run: Open, run_copy: Path, damage: str
) -> None:
    films = run_copy / "films.parquet"
    films.unlink() if damage == "deleted" else films.write_bytes(b"garbage")
    app = open_run(run_copy)
    assert "films" in app.warning[0].value
    assert curves(app)


def places(app: AppTest) -> list[str]:
    """The kinds of what stands round the curves, as they follow one another."""
    blocks = [block for block in app if hasattr(block, "children")]
    (inner,) = (block for block in blocks if _has_curves(block))
    (outer,) = (block for block in blocks if inner in block.children.values())
    return [each.type for block in (outer, inner) for each in block.children.values()]


def _has_curves(block: Any) -> bool:
    return any(
        each.type == "bidi_component" and each.proto.component_name == "live_curves"
        for each in block.children.values()
    )


def test_what_stands_above_the_curves_has_its_place_from_the_start_to_the_end(
    open_run: Open, run_copy: Path
) -> None:
    metrics = (run_copy / "metrics.jsonl").read_bytes()
    found = {}
    for name, epochs in (("starting", 0), ("running", 1), ("running", 3), ("stopped", 3)):
        (run_copy / "metrics.jsonl").write_bytes(b"".join(metrics.splitlines(True)[:epochs]))
        set_state(run_copy, name)
        with run_lock.hold(run_copy) if name != "stopped" else nullcontext():
            app = open_run(run_copy)
        found[name, epochs] = places(app)
        words = texts(app)
        assert (f"Epoch {epochs}, rate " in words) == (epochs > 0)
        if epochs:
            assert words.count("; baseline ") >= 2 and "Dev studies" in words
        slider = app.select_slider[0]
        assert slider.disabled == (epochs < 2)
        assert slider.label.endswith({0: ": none yet", 1: ": 1"}.get(epochs, ""))
    starting, *others = found.values()
    assert all(each == others[0] for each in others), found
    # Before the first epoch the phases stand in the line of the figures.
    assert ["flex_container" if each == "markdown" else each for each in starting] == others[0]


def test_before_its_films_are_read_the_phases_stand_where_the_figures_will(
    open_run: Open, run_copy: Path
) -> None:
    set_state(run_copy, "starting", epoch=0)
    for name in ("metrics.jsonl", "films.parquet"):
        (run_copy / name).unlink()
    with run_lock.hold(run_copy):
        found = texts(open_run(run_copy, more=False))
    assert "loading TensorFlow" in found and "Dev studies" not in found
    assert "cannot be read" not in found


def test_epochs_whose_lines_cannot_be_read_are_told_of_a_run_at_rest(
    open_run: Open, run_copy: Path
) -> None:
    lines = (run_copy / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    (run_copy / "metrics.jsonl").write_bytes(lines[0] + b"junk\n" + lines[2][:30])
    words = "The metrics of 2 epochs of 3 cannot be read: metrics.jsonl"
    app = open_run(run_copy)
    assert words in texts(app)
    assert "The best epoch is no longer known." in texts(app)
    assert app.button(key="use-best").disabled
    set_state(run_copy, "running")  # its next line may be on the way
    with run_lock.hold(run_copy):
        assert words not in texts(open_run(run_copy))


def test_an_epoch_counts_as_soon_as_its_line_is_there(open_run: Open, run_copy: Path) -> None:
    set_state(run_copy, "running", epoch=2)
    with run_lock.hold(run_copy):
        assert "Epoch 3, rate" in texts(open_run(run_copy))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("running", "Closing this page changes nothing: the run continues."),
        ("interrupted", "up to the last checkpoint is kept; Resume continues there."),
        ("failed", "up to the last step is kept"),
        ("stopped", "up to the last step is kept"),
    ],
)
def test_it_is_told_what_is_kept(open_run: Open, run_copy: Path, state: str, words: str) -> None:
    set_state(run_copy, "running" if state == "interrupted" else state)
    with run_lock.hold(run_copy) if state == "running" else nullcontext():
        app = open_run(run_copy)
    assert words in "\n".join([texts(app), *(button.help for button in app.button)])


def test_a_page_at_rest_looks_whether_the_run_goes_on(
    run_copy: Path, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reruns: list[bool] = []
    monkeypatch.setattr(live_run.st, "rerun", lambda: reruns.append(True))
    live_run._wait(run_copy.name, False)
    assert reruns == []
    set_state(run_copy, "running")
    with run_lock.hold(run_copy):
        live_run._wait(run_copy.name, True)  # the page is drawn every two seconds
        assert reruns == []
        live_run._wait(run_copy.name, False)
        assert reruns == [True]
    live_run._wait("deleted", False)
    assert reruns == [True, True]


def test_of_a_run_that_goes_on_a_fork_is_offered_where_the_state_stays(
    open_run: Open, run_copy: Path
) -> None:
    checkpoints = run_copy / "checkpoints"
    for epoch in (5, 6, 7):
        shutil.copyfile(checkpoints / "epoch_0003.npz", checkpoints / f"epoch_{epoch:04d}.npz")
    key = f"fork-epoch-{run_copy.name}"
    assert open_run(run_copy).selectbox(key=key).value == 7
    set_state(run_copy, "running")
    with run_lock.hold(run_copy):
        assert open_run(run_copy).selectbox(key=key).value == 5


def test_once_a_run_was_started_its_page_keeps_its_places(folders: Path, run_copy: Path) -> None:
    app = AppTest.from_file(str(APP), default_timeout=30).switch_page("pages/train.py")
    app.query_params["run"] = run_copy.name
    app.session_state[ARRIVED] = True  # as the form does: the page is scrolled to its top
    places, scrolled = [], []
    for _ in range(2):
        app.run()
        places.append([e.type for e in app.main.children.values() if e.type != "html"])
        scrolled.append(any("scrollTo" in each.proto.body for each in app.get("html")))
    assert places[0] == places[1] and scrolled == [True, False]


@pytest.mark.parametrize(
    ("done", "last", "end"),
    [
        (0, 75, 10),
        (9, 75, 10),
        (10, 75, 25),
        (25, 75, 50),
        (50, 75, 75),
        (75, 75, 75),
        (0, 3, 3),
        (300, 600, 500),
        (600, 10_000, 1_000),
        (99, 10_000, 100),
        (4, 0, 4),
    ],
)
def test_the_axis_of_a_young_run_ends_at_a_round_number_ahead(
    done: int, last: int, end: int
) -> None:
    assert curve_panel.axis_end(done, last) == end


def test_the_axis_grows_with_the_run(open_run: Open, run_copy: Path) -> None:
    with run_lock.hold(run_copy):
        set_state(run_copy, "running", epochs=600)
        assert curves(open_run(run_copy))["last"] == 10
        line = journal.lines(run_copy / "metrics.jsonl")[-1]
        journal.append_line(run_copy / "metrics.jsonl", line | {"epoch": 30})
        assert curves(open_run(run_copy))["last"] == 50


# --- the row ------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", RESTING)
def test_a_run_at_rest_can_go_on_and_cannot_be_stopped(
    open_run: Open, run_copy: Path, state: str
) -> None:
    set_state(run_copy, "running" if state == "interrupted" else state)
    app = open_run(run_copy)
    assert ("resume" in keys(app)) == (state != "finished")
    assert {"train-more", "delete"} <= keys(app) and "stop" not in keys(app)
    assert not app.button(key="delete").disabled


@pytest.mark.parametrize("state", ["queued", "starting", "running"])
def test_a_run_at_work_can_be_stopped_and_not_deleted(
    open_run: Open, run_copy: Path, state: str
) -> None:
    with run_lock.hold(run_copy):
        set_state(run_copy, state)
        app = open_run(run_copy)
        assert "stop" in keys(app) and not keys(app) & {"resume", "train-more"}
        assert ("stop-later" in keys(app)) == (state != "queued")
        assert app.button(key="delete").disabled
        assert "Stop it first" in texts(app)
        assert "Closing this page changes nothing" in app.button(key="stop").help


def test_what_is_behind_more_is_not_made_while_it_is_closed(open_run: Open, run_copy: Path) -> None:
    assert not keys(open_run(run_copy, more=False)) & {"delete", "fork", "apply-rate"}


def test_both_requests_of_two_browsers_are_kept_in_order(open_run: Open, run_copy: Path) -> None:
    with run_lock.hold(run_copy):
        set_state(run_copy, "running")
        first, second = open_run(run_copy), open_run(run_copy)
        first.button(key="stop-later").click().run()
        second.button(key="stop").click().run()
        assert first.button(key="stop-later").disabled
        kinds = [request["kind"] for _, request in run_requests.waiting(run_copy)]
        assert kinds == ["stop_after_epoch", "stop"]


def test_of_two_who_resume_at_once_the_second_is_told_why_not(
    open_run: Open, run_copy: Path
) -> None:
    set_state(run_copy, "stopped")
    app = open_run(run_copy)
    with run_lock.hold(run_copy):  # the other browser was quicker
        app.button(key="resume").click().run()
        assert not app.exception
        assert "running already" in told(app)


@pytest.mark.slow
def test_train_more_adds_the_epochs_that_stand_beside_it(open_run: Open, run_copy: Path) -> None:
    app = open_run(run_copy, more=False)
    app.number_input(key=f"more-epochs-{run_copy.name}").set_value(2)
    app.button(key="train-more").click().run()
    assert not app.exception
    assert launcher.wait(run_copy).state is run_status.State.FINISHED, journal.log_tail(run_copy)
    assert journal.metrics(run_copy)["epoch"].tolist() == [1, 2, 3, 4, 5]


# --- what it says -------------------------------------------------------------------------------


def test_a_finished_run_is_headed_by_its_own_last_word(open_run: Open, run_copy: Path) -> None:
    message = "Finished early, after 3 of 9 epochs: no lower dev loss for 2 epochs."
    set_state(run_copy, "finished", message=message)
    assert open_run(run_copy).title[0].value == theme.plain(message.removesuffix("."))


def test_a_run_that_fails_while_it_is_watched_shows_the_end_of_its_log(
    open_run: Open, run_copy: Path
) -> None:
    with run_lock.hold(run_copy):
        set_state(run_copy, "running")
        app = open_run(run_copy)
        assert not app.toggle(key="show-log").value
        set_state(run_copy, "failed", message="The loss is none any more at step 7.")
        (run_copy / "train.log").write_text("its last words\n")
    app.run()
    assert "at step 7" in app.error[0].value
    assert any("its last words" in code.value for code in app.code)


def test_the_learning_rate_is_among_the_figures(open_run: Open, run_copy: Path) -> None:
    journal.log_event(run_copy, "learning_rate", rate=0.0005, step=2)
    app = open_run(run_copy)
    assert "Epoch 3, rate" in texts(app)
    assert "It is set to **0.0005**" in texts(app)


def test_the_curves_mark_where_the_run_was_resumed_and_changed(
    open_run: Open, run_copy: Path
) -> None:
    length = journal.lines(run_copy / "metrics.jsonl")[0]["step"]
    journal.log_event(run_copy, "resumed", step=2 * length)
    journal.log_event(run_copy, "learning_rate", rate=0.0005, step=length)
    journal.log_event(run_copy, "more_epochs", epochs=5, epoch=3)
    marks = curves(open_run(run_copy))["marks"]
    assert [(mark["x"], mark["words"]) for mark in marks if mark["kind"] == "event"] == [
        (1, "learning rate 0.0005"),
        (2, "resumed"),
        (3, "5 more epochs requested"),
    ]
    assert [mark["x"] for mark in marks if mark["kind"] == "best"] == [journal.best_epoch(run_copy)]


def test_image_and_study_accuracy_stand_beside_each_other_with_the_guess(
    open_run: Open, run_copy: Path
) -> None:
    found = curves(open_run(run_copy))
    assert [panel["name"] for panel in found["panels"]] == ["loss", "accuracy", "study_accuracy"]
    lines = {(line["panel"], line["name"]): line["over"] for line in found["lines"]}
    epochs = journal.metrics(run_copy)
    assert lines["study_accuracy", "dev"] == f"{epochs['dev.studies'].iloc[-1]} studies"
    assert lines["accuracy", "valid"] == f"{epochs['valid.n'].iloc[-1]} films"
    assert {guide["panel"] for guide in found["guides"]} == {"accuracy", "study_accuracy"}


def test_the_projector_view_shows_chosen_panels_and_no_settings(
    open_run: Open, run_copy: Path
) -> None:
    app = AppTest.from_file(str(APP), default_timeout=30).switch_page("pages/train.py")
    app.query_params.update({"run": run_copy.name, "show": "curves"})
    app.run()
    assert not app.exception
    assert curves(app)["big"] and not app.button
    lines = [each.proto.body for each in app.get("html")]
    assert not any("Dev studies" in line for line in lines)
    assert "Data:" not in texts(app) and "Model:" not in texts(app)
    assert sum(run_copy.name in line for line in lines) == 1
    app.query_params["show"] = "numbers"
    app.run()
    names = [each.proto.component_name for each in app.get("bidi_component")]
    assert names == ["announcement", "epoch_player"] and app.select_slider
    (line,) = [each.proto.body for each in app.get("html") if "Dev studies" in each.proto.body]
    assert re.search(r"of 2 \([0-9.]+ to [0-9.]+", line)


def test_advice_is_told_once_and_can_be_waved_off(open_run: Open, run_copy: Path) -> None:
    epochs = journal.lines(run_copy / "metrics.jsonl")
    last = epochs[-1]
    for number in range(4, 10):
        line = last | {"epoch": number, "dev": last["dev"] | {"accuracy": 0.0}}
        journal.append_line(run_copy / "metrics.jsonl", line)
    app = open_run(run_copy)
    assert "no better than always guessing" in texts(app).replace("\\", "")
    app.button(key="wave-off").click().run()
    assert "no better than always guessing" not in texts(app).replace("\\", "")


def test_the_way_of_a_run_shows_where_it_is(open_run: Open, run_copy: Path) -> None:
    assert "compiling" not in texts(open_run(run_copy))  # its figures stand there
    (run_copy / "metrics.jsonl").unlink()
    with run_lock.hold(run_copy):
        set_state(run_copy, "running", phase="evaluating")
        text = texts(open_run(run_copy))
        assert ":primary-background[**evaluating dev and valid**]" in text and "queued" not in text
        data = run_folders.read(run_copy).facts["data"]
        roles = {role: count for role, count in data["images"].items() if role != "valid"}
        run_config.complete(run_copy, data=data | {"images": roles})
        assert ":primary-background[**evaluating dev**]" in texts(open_run(run_copy))
        set_state(run_copy, "starting", phase="measuring")
        assert ":primary-background[**measuring threads**]" in texts(open_run(run_copy))
        set_state(run_copy, "queued", phase="")
        assert ":primary-background[**queued**]" in texts(open_run(run_copy))


def test_the_link_to_the_run_that_is_on_is_as_long_whatever_time_is_left(run_copy: Path) -> None:
    long = run_copy.with_name("a-name-that-is-quite-long-and-differs-at-its-end-a")
    run_copy.rename(long)
    with run_lock.hold(long):
        set_state(long, "running", epoch=2, epochs=9, seconds_left=309.0)
        app = AppTest.from_file(str(APP), default_timeout=30).run()  # any page: on top of all
        links = [link.proto for link in app.get("page_link")]
        (link,) = [link for link in links if "epoch 3" in link.label]
        assert link.label.endswith("a-name-that-…at-its-end-a: epoch 3 of 9")
        assert link.help.endswith("epoch 3 of 9, 5 min 9 s left")


def test_the_line_on_top_tells_of_the_run_whose_page_it_is(run_copy: Path) -> None:
    other = Path(shutil.copytree(run_copy, run_copy.with_name("other")))
    for folder in (run_copy, other):
        set_state(folder, "running", epoch=1, epochs=9)

    def line(run: str) -> tuple[str, list[str]]:
        app = AppTest.from_file(str(APP), default_timeout=30)  # the line is any page's
        app.query_params["run"] = run
        links = [link.proto.label for link in app.run().get("page_link")]
        return texts(app), [each for each in links if "radio_button_checked" in each]

    with run_lock.hold(run_copy), run_lock.hold(other):
        for run, second in ((run_copy, other), (other, run_copy)):
            words, (chip,) = line(run.name)
            assert f"Run: **{run.name}** :violet-badge" in words  # it names this page's run,
            assert chip.endswith(f": {second.name}: epoch 2 of 9")  # and leads to the others
        words, (chip,) = line("")
        assert "Run: " not in words and chip.endswith("(+1)")
    for folder in (run_copy, other):
        set_state(folder, "stopped")
    assert line(run_copy.name)[1] == []


# --- learning rate ------------------------------------------------------------------------------


def test_a_new_learning_rate_is_asked_for_once_and_shown_as_pending(
    open_run: Open, run_copy: Path
) -> None:
    app = open_run(run_copy)
    app.number_input(key=f"rate-{run_copy.name}").set_value(0.0004).run()
    app.button(key="apply-rate").click().run()
    app.button(key="apply-rate").click().run()  # a double click
    asked = [(r["kind"], r["rate"]) for _, r in run_requests.waiting(run_copy)]
    assert asked == [("learning_rate", 0.0004)]
    assert "Waiting: 0.0004 takes effect when it is resumed" in app.info[0].value


# --- forks --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_fork_is_made_once_opened_and_names_its_parent(open_run: Open, run_copy: Path) -> None:
    app = open_run(run_copy)
    app.selectbox(key=f"fork-epoch-{run_copy.name}").set_value(2).run()
    app.number_input(key=f"fork-epochs-{run_copy.name}-2").set_value(4)
    app.number_input(key=f"fork-rate-{run_copy.name}-2").set_value(0.0003)
    second = open_run(run_copy)  # asks for the same: a double click in a slow browser
    second.selectbox(key=f"fork-epoch-{run_copy.name}").set_value(2).run()
    app.button(key="fork").click().run()
    assert not app.exception
    assert app.query_params["run"] == f"{run_copy.name}-e2"
    assert launcher.wait(run_folders.find(f"{run_copy.name}-e2")).state is run_status.State.FINISHED
    second.button(key="fork").click().run()
    assert second.query_params["run"] == f"{run_copy.name}-e2" and not told(second)

    child = run_folders.read(run_folders.find(f"{run_copy.name}-e2"))
    assert len(run_folders.names()) == 2
    assert (child.config.epochs, child.config.learning_rate) == (4, 0.0003)
    assert child.facts["parent"] == {"name": run_copy.name, "epoch": 2}
    app.session_state[f"about-{run_copy.name}-e2"] = True
    app.run()
    links = [link.proto.label for link in app.get("page_link")]
    assert f"forked from {run_copy.name} at epoch 2" in links
    assert not {"delete", "fork"} & keys(app)  # "More" is closed on another run


def test_a_fork_is_offered_at_the_epoch_that_is_shown_else_at_the_nearest_that_is_kept(
    open_run: Open, run_copy: Path
) -> None:
    (run_copy / "checkpoints" / "epoch_0001.npz").unlink(missing_ok=True)  # the best one's is kept
    key = f"fork-epoch-{run_copy.name}"
    app = open_run(run_copy)
    assert app.selectbox(key=key).value == 3
    app.select_slider(key="epoch").set_value("2").run()
    assert app.selectbox(key=f"{key}-2").value == 2
    app.select_slider(key="epoch").set_value("1").run()
    assert app.selectbox(key=f"{key}-1").value == 2
    assert "The state of epoch 1 (shown) is not kept; the nearest is 2." in texts(app)
    app.selectbox(key=f"{key}-1").set_value(3).run()
    assert app.button(key="fork")


@pytest.mark.slow
def test_a_fork_that_changes_nothing_begins_with_the_rate_of_its_epoch(
    open_run: Open, run_copy: Path
) -> None:
    length = journal.lines(run_copy / "metrics.jsonl")[0]["step"]
    journal.log_event(run_copy, "learning_rate", rate=0.0005, step=length)
    journal.log_event(run_copy, "learning_rate", rate=0.0002, step=2 * length)
    app = open_run(run_copy)
    app.selectbox(key=f"fork-epoch-{run_copy.name}").set_value(2).run()
    assert app.number_input(key=f"fork-rate-{run_copy.name}-2").value == 0.0005
    app.button(key="fork").click().run()
    child = run_folders.find(f"{run_copy.name}-e2")
    assert launcher.wait(child).state is run_status.State.FINISHED, journal.log_tail(child)
    assert run_folders.read(child).config.to_dict() == {
        **run_folders.read(run_copy).config.to_dict(),
        "learning_rate": 0.0005,
    }


def test_a_state_that_cannot_be_read_is_told_where_one_would_fork_from_it(
    open_run: Open, run_copy: Path
) -> None:
    (run_copy / "checkpoints" / "epoch_0003.npz").write_bytes(b"torn")
    app = open_run(run_copy)
    (error,) = app.error
    assert "keeps of epoch 3 cannot be read" in error.value and "fork" not in keys(app)
    app.selectbox(key=f"fork-epoch-{run_copy.name}").set_value(2).run()
    assert not app.error and "fork" in keys(app)


def test_a_name_that_another_run_has_is_refused_in_a_sentence(
    open_run: Open, run_copy: Path
) -> None:
    app = open_run(run_copy)
    app.text_input(key=f"fork-name-{run_copy.name}-3").set_value(run_copy.name)
    app.button(key="fork").click().run()
    assert not app.exception
    assert "Choose another name" in told(app)
    assert run_folders.names() == [run_copy.name]


def test_a_fork_outlives_its_parent_and_says_so(open_run: Open, run_copy: Path) -> None:
    child = forks.create(run_copy, 3, "child", epochs=5)
    set_state(child, "stopped")
    run_folders.delete(run_copy)
    assert "forked from finished at epoch 3 (deleted)" in texts(open_run(child))


# --- files and notes ----------------------------------------------------------------------------


def test_weights_and_curves_can_be_saved(open_run: Open, run_copy: Path) -> None:
    labels = [button.proto.label for button in open_run(run_copy).get("download_button")]
    best = journal.best_epoch(run_copy)
    assert labels == [f"Weights of epoch {best}", "Curves as CSV", "Whole run"]


def test_weights_that_were_damaged_meanwhile_are_not_handed_out(
    open_run: Open, run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: dict[str, Callable[[], bytes]] = {}

    def button(_label: str, data: Callable[[], bytes], *, key: str, **_: object) -> None:
        files[key] = data

    monkeypatch.setattr(run_files.st, "download_button", button)
    open_run(run_copy)
    path = epoch_weights.find(run_copy / "checkpoints", journal.best_epoch(run_copy))
    content = path.read_bytes()
    assert files["save-weights"]() == content
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DamagedFile, match=f"{path.name} of {run_copy.name} is damaged"):
        files["save-weights"]()


def test_epochs_are_averaged_by_a_job_whose_model_is_linked(
    open_run: Open, run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    locks: list[int] = []

    def spawn(arguments: list[str], descriptor: int, _log: Path) -> None:
        asked.extend(arguments)
        locks.append(os.dup(descriptor))  # as its child does

    monkeypatch.setattr(launcher, "spawn", spawn)
    app = open_run(run_copy)
    app.text_input(key=f"{state.AVERAGE_EPOCHS}-{run_copy.name}").set_value("1,9")
    app.button(key="average-weights").click().run()
    assert "keeps no weights of epoch 9" in app.error[0].value and not asked
    app.text_input(key=f"{state.AVERAGE_EPOCHS}-{run_copy.name}").set_value("")
    app.button(key="average-weights").click().run()
    folder = epoch_average_job.folder_of(run_copy.name)
    assert asked == ["average", str(folder)] and not app.error
    request = launcher.job_request(folder, "epochs", "name", "run")
    assert (request["epochs"], request["name"]) == ("2,3", f"{run_copy.name}-mean")
    assert "average-weights" not in keys(app)
    assert f"stop-average-{run_copy.name}" in keys(app)
    os.close(locks.pop())
    failed = run_status.Status(state=run_status.State.FAILED, message="No room.")
    run_status.write(folder, failed)
    assert "No room" in app.run().error[0].value and "average-weights" in keys(app)
    made = models_folder() / request["name"]
    made.mkdir(parents=True)
    (made / "card.json").write_text("{}")
    run_status.write(folder, run_status.Status(state=run_status.State.FINISHED))
    (link,) = [e.proto for e in app.run().get("page_link") if "Evaluate " in e.proto.label]
    assert link.label.replace("\\", "") == f"Evaluate {request['name']}"
    assert not app.error and not app.exception


def test_a_run_that_trains_or_keeps_one_epoch_offers_no_average(
    open_run: Open, run_copy: Path
) -> None:
    for epoch in (1, 2):
        (run_copy / "checkpoints" / epoch_weights.name(epoch)).unlink()
    assert "average-weights" not in keys(open_run(run_copy))


def test_tags_and_note_are_kept_and_shown_to_the_letter(open_run: Open, run_copy: Path) -> None:
    run_labels.write(run_copy, run_labels.Labels(tags=("talk",), baseline=True))
    app = open_run(run_copy)
    app.text_area(key=f"note-{run_copy.name}").set_value("<b>best</b> so far")
    app.button(key="keep-notes").click().run()
    kept = run_labels.read(run_copy)
    assert kept == run_labels.Labels(tags=("talk",), note="<b>best</b> so far", baseline=True)
    assert r":gray-badge[talk] \<b\>best\</b\> so far" in texts(app)


def test_a_tag_that_cannot_be_kept_is_refused_beside_its_field(
    open_run: Open, run_copy: Path
) -> None:
    app = open_run(run_copy)
    app.text_area(key=f"note-{run_copy.name}").set_value("still here")
    app.multiselect(key=f"tags-{run_copy.name}").set_value(["x" * 41])
    app.button(key="keep-notes").click().run()
    assert "A tag has 1 to 40 characters" in app.error[0].value and not app.toast
    assert run_labels.read(run_copy) == run_labels.Labels()
    app.multiselect(key=f"tags-{run_copy.name}").set_value([])
    app.button(key="keep-notes").click().run()
    assert not app.error and run_labels.read(run_copy).note == "still here"


def test_one_epoch_is_one_epoch(open_run: Open, run_copy: Path) -> None:
    set_state(run_copy, "stopped", epoch=0, epochs=1)
    assert open_run(run_copy).title[0].value == "Stopped after 0 of 1 epoch"


# --- deletion -----------------------------------------------------------------------------------


def test_deleting_asks_first_and_names_what_is_lost(open_run: Open, run_copy: Path) -> None:
    app = open_run(run_copy)
    app.button(key="delete").click().run()
    assert run_copy.is_dir()
    assert "**finished** with its curves" in texts(app) and "3 epochs" in texts(app)
    app.button(key="delete-for-good").click().run()
    assert not app.exception
    assert not run_copy.exists()
    assert "run" not in app.query_params
    assert "finished is deleted" in app.session_state[state.NOTICE]  # `app.py` shows it
    assert "start-training" in keys(app)


def test_keeping_it_deletes_nothing(open_run: Open, run_copy: Path) -> None:
    app = open_run(run_copy)
    app.button(key="delete").click().run()
    app.button(key="keep").click().run()
    assert run_copy.is_dir() and "delete-for-good" not in keys(app)


def test_a_run_that_was_resumed_meanwhile_is_not_deleted(open_run: Open, run_copy: Path) -> None:
    app = open_run(run_copy)
    app.button(key="delete").click().run()
    with run_lock.hold(run_copy):  # resumed in another browser
        app.button(key="delete-for-good").click().run()
        assert not app.exception
        assert "running already" in told(app)
    assert run_copy.is_dir()


@pytest.mark.parametrize("key", ["train-more", "apply-rate", "fork", "keep-notes", "delete"])
def test_a_run_that_was_deleted_meanwhile_can_be_asked_nothing(
    open_run: Open, run_copy: Path, key: str
) -> None:
    app = open_run(run_copy)
    run_folders.delete(run_copy)  # in another browser
    app.button(key=key).click().run()
    assert not app.exception
    assert "No run is called finished" in texts(app)
    assert run_folders.names() == []


# --- what the server keeps ----------------------------------------------------------------------


def test_of_a_live_runs_metrics_only_the_newest_version_is_kept(
    run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {}
    monkeypatch.setattr(shared_cache, "file_cache", lambda kind: kept.setdefault(kind, {}))
    run = run_folders.read(run_copy)
    first = run_cache.metrics_of(run.folder)
    line = (run_copy / "metrics.jsonl").read_text().splitlines()[-1]
    for epoch in range(4, 9):
        journal.append_line(run_copy / "metrics.jsonl", {**json.loads(line), "epoch": epoch})
        assert list(run_cache.metrics_of(run.folder)["epoch"]) == list(range(1, epoch + 1))
        assert len(run_cache.curves(run))
    assert [len(tables) for tables in kept.values()] == [1, 1]
    assert list(first["epoch"]) == [1, 2, 3]
    mine = run_cache.metrics_of(run.folder)
    mine["epoch"] = 0  # what a page changes stays the page's
    assert list(run_cache.metrics_of(run.folder)["epoch"]) == list(range(1, 9))


def test_the_live_curves_looked_at_last_are_kept_and_nobody_changes_them(tmp_path: Path) -> None:
    shared_cache.file_cache.clear()
    found = [tmp_path / str(n) for n in range(10)]
    for folder in found:
        folder.mkdir()
        journal.append_line(folder / "steps.jsonl", {"step": 1, "loss": 0.5})
    for folder in [*found, found[3]]:
        table = run_cache.steps_of(folder)
        table["loss"] = 0.0
    last = [folder / "steps.jsonl" for folder in [*found[2:3], *found[4:], found[3]]]
    assert list(shared_cache.file_cache("steps")) == last[-run_cache.STEPS_KEPT :]
    journal.append_line(found[3] / "steps.jsonl", {"step": 2, "loss": 0.25})
    assert run_cache.steps_of(found[3])["loss"].tolist() == [0.5, 0.25]


def test_a_run_offers_its_best_epoch_with_its_figures_and_is_used_at_a_click(
    open_run: Open, run_copy: Path
) -> None:
    app = open_run(run_copy)
    best = journal.best_epoch(run_copy)
    assert app.session_state[state.PICKED] == ""
    words = texts(app).replace("\\", "")
    assert f"Epoch {best}, the lowest dev loss: " in words and "of dev studies correct (" in words
    app.button(key="use-best").click().run()
    assert not app.exception
    assert app.session_state[state.PICKED] == f"{run_copy.name}@{best}"
    assert app.button(key="use-best").label == "In use" and app.button(key="use-best").disabled


def test_what_is_drawn_of_a_run_is_made_once_for_all_browsers(
    open_run: Open, run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def count(module: ModuleType, name: str) -> None:
        inner = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given: made.append(name) or inner(*given))

    count(curve_panel, "_after")
    count(curve_panel, "_inside")
    count(run_figures, "_after")
    count(pinned_studies, "_pinned")
    count(flip_feed, "feed_of")
    first, second = open_run(run_copy), open_run(run_copy)
    assert sorted(made) == ["_after", "_after", "_inside", "_pinned", "feed_of"]
    assert curves(first)["points"] == curves(second)["points"]
    line = journal.lines(run_copy / "metrics.jsonl")[-1]
    journal.append_line(run_copy / "metrics.jsonl", line | {"epoch": 4})
    for app in (first, second):
        app.run()
        assert "Epoch 4, rate" in texts(app)
    assert len(made) == 7  # the curves and the figures, once


def test_a_poll_with_an_older_address_does_not_lead_back_to_the_run_of_before(
    folders: Path, run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = {state.RUN: "the one of before", state.SHOW: "curves"}
    reruns: list[bool] = []
    monkeypatch.setattr(live_run.st, "query_params", address)
    monkeypatch.setattr(live_run.st, "session_state", session := {})
    monkeypatch.setattr(live_run.st, "rerun", lambda: reruns.append(True))
    live_run._watched(run_copy.name, was_alive=False)
    assert address == {state.RUN: run_copy.name} and not reruns  # nor into the projector view
    live_run._watched(run_copy.name, was_alive=False, panels="numbers")
    assert address == {state.RUN: run_copy.name, state.SHOW: "numbers"} and not reruns
    session[state.NEXT_RUN] = "fork"  # a person has opened another one
    live_run._watched(run_copy.name, was_alive=False)
    assert reruns == [True] and address == {state.RUN: "fork"}
    assert session == {state.NEXT_RUN: "fork"}


def _line_of_train() -> None:
    from ui.shell import frame

    frame.show("train")


@pytest.mark.parametrize(
    ("then", "brought", "drawn"),
    [("fork", "before", "fork"), ("fork", "fork", "fork"), (None, "a link's", "a link's")],
)
def test_the_run_of_the_next_drawing_is_drawn_once_though_a_poll_brings_an_older_address(
    folders: Path, then: str | None, brought: str, drawn: str
) -> None:
    app = AppTest.from_function(_line_of_train)
    if then:
        app.session_state[state.NEXT_RUN] = then
    app.query_params[state.RUN] = brought  # Streamlit joins a rerun and a poll into one
    app.run()
    assert app.query_params[state.RUN] == drawn
    assert state.NEXT_RUN not in app.session_state


def test_a_poll_redraws_the_run_of_its_page_or_the_one_just_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state.st, "query_params", address := {state.RUN: "before"})
    monkeypatch.setattr(state.st, "session_state", session := {})
    monkeypatch.setattr(state.st, "rerun", lambda: None)
    state.redraw_run("own")
    assert address == {state.RUN: "own"} and session == {state.NEXT_RUN: "own"}
    session[state.NEXT_RUN] = "fork"
    state.redraw_run("own")
    assert address == {state.RUN: "fork"} and session == {state.NEXT_RUN: "fork"}


class Rerun(Exception):
    """In the place of Streamlit's own, which ends the script."""


def test_the_line_on_top_keeps_the_run_of_its_page_whatever_address_a_poll_brings(
    folders: Path, run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rerun() -> None:
        raise Rerun

    address: dict[str, str] = {}
    monkeypatch.setattr(frame.st, "query_params", address)
    monkeypatch.setattr(frame.st, "rerun", rerun)
    monkeypatch.setattr(frame, "is_busy", lambda: True)
    with pytest.raises(Rerun):  # a run was started in this form; a poll of before comes in
        frame._line(False, [[]], run_copy.name)
    assert address == {state.RUN: run_copy.name}
    with pytest.raises(Rerun):  # it was left for the form
        frame._line(False, [[]], "")
    assert address == {}
    assert run_copy.name in frame._watched(run_copy.name) and not frame._watched("")


def test_a_page_that_waits_for_a_curve_is_redrawn_once_it_begins(
    run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reruns: list[bool] = []
    monkeypatch.setattr(live_run.st, "rerun", lambda: reruns.append(True))
    points = (run_copy / "steps.jsonl").read_bytes()
    (run_copy / "steps.jsonl").write_bytes(b"")  # as a run begins
    live_run._await_point(run_copy.name)
    assert not reruns
    (run_copy / "steps.jsonl").write_bytes(points or b"{}\n")
    live_run._await_point(run_copy.name)
    assert reruns == [True]
    live_run._await_point("deleted")
    assert reruns == [True]
