"""Home: what is here, three doors, one button."""

import contextlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from fracture_core import folders as core_folders
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog, chosen_data, exclusions
from fracture_core.datasets.exclusions import Exclusions
from fracture_core.jobs import launcher
from fracture_core.releases import release
from fracture_core.runs import journal, run_config, run_folders, run_lock, run_requests, run_status
from fracture_core.words import duration
from tests.core import made_runs
from ui.cache import data_cache
from ui.diagnose import prediction_cache
from ui.home import demo
from ui.shared import figures
from ui.shell import frame, memory, state
from ui.train import cost, training_film_cache

APP = Path(__file__).resolve().parents[2] / "app.py"


@pytest.fixture
def home(folders: Path) -> AppTest:
    """The app on its first page."""
    return AppTest.from_file(str(APP), default_timeout=30)


def shown(app: AppTest) -> str:
    """All the text on the page."""
    elements = [*app.title, *app.header, *app.markdown, *app.caption, *app.warning, *app.error]
    return "\n".join(element.value for element in elements)


def details(app: AppTest) -> str:
    """Text of the question mark beside the demo's words."""
    return "\n".join(each.help for each in app.caption if each.help).replace("\\", "")


def curves(app: AppTest) -> list[Any]:
    """The pictures of runs' curves."""
    pictures = [picture for element in app.image for picture in element.proto.imgs]
    return [picture for picture in pictures if picture.alt.startswith("Accuracy of")]


def test_it_says_what_is_in_use_and_offers_three_doors(home: AppTest) -> None:
    text = shown(home.run())
    assert not home.exception
    assert "24 studies" in text and "synthetic" in text
    for door in ("Browse studies", "Watch a network learn", "Diagnose a study"):
        assert door in text
    assert "not a medical device" in text


def test_before_any_run_each_door_has_a_picture_and_says_what_it_will_hold(home: AppTest) -> None:
    text = shown(home.run())
    assert "latest run's curve will appear" in text
    assert "Each film gets a score, the study one verdict" in text
    assert [picture.proto.imgs[0].alt for picture in home.image] == [
        "4 films of the data in use",
        "Films as a network sees them, 32 by 32 pixels",
        "Shown: a study of the data in use. Each film gets a score, the study one verdict.",
    ]


def test_what_is_in_use_is_named_once(home: AppTest, run_copy: Path) -> None:
    text = shown(home.run())
    assert text.count("films** :violet-badge") == 1 and "In use" not in text
    assert text.count("Model") == 1


def test_the_demo_button_starts_one_run_and_opens_it(home: AppTest) -> None:
    home.run()
    home.button(key="demo").click().run()
    (run,) = run_folders.list_runs()
    assert run.config.architecture == "three_conv"
    assert home.query_params["run"] == run.name
    run_requests.send(run.folder, "stop")
    assert launcher.wait(run.folder).state is run_status.State.STOPPED


def test_the_demo_leaves_out_what_was_ticked_and_tells_its_size_and_time(
    home: AppTest, run_copy: Path, phantom_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, status = catalog.read(phantom_root), run_status.read(run_copy).__dict__
    run_status.write(run_copy, run_status.Status(**{**status, "images_per_second": 500.0}))
    text = shown(home.run()).replace("\\", "")
    films = len(training_film_cache.training_films(demo.config()))
    assert f"30 epochs of {films} training films. About " in text
    assert "at the speed of finished" in details(home) and "minute" not in text
    monkeypatch.setattr(demo, "SHOWN", 20)
    first = training_film_cache.training_films(demo.config())["path"].iloc[0]
    exclusions.write(exclusions.file_of(data.hash), Exclusions(reasons={first: "a copy"}))
    text = shown(home.run())
    words = f"30 epochs of 20 films, drawn from {films - 1} training films."
    assert words in text.replace("\\", "")
    assert "Excludes the 1 film ticked on the Data page" in details(home)
    home.button(key="demo").click().run()
    run = run_folders.list_runs()[0]
    assert run.config.steps_per_epoch == 2
    assert run.config.exclude == str(exclusions.file_of(data.hash))
    run_requests.send(run.folder, "stop")
    assert launcher.wait(run.folder).state is run_status.State.STOPPED


def test_the_time_that_a_run_takes_counts_the_films_that_it_judges(
    home: AppTest, run_copy: Path
) -> None:
    home.run()
    status = run_status.read(run_copy).__dict__
    run_status.write(run_copy, run_status.Status(**{**status, "images_per_second": 10.0}))
    chosen = demo.config()
    films, judged = (
        len(training_film_cache.films_learned_from(chosen)),
        training_film_cache.dev_and_valid_films(chosen),
    )
    assert judged == len(data_cache.dataset().manifest) - films
    seconds = 30 * (films + judged / 3) / 10
    assert cost.time_of(chosen, films) == f"About {duration(seconds)}"


def test_no_valid_films_are_spoken_of_where_there_are_none(home: AppTest, run_copy: Path) -> None:
    lines = journal.lines(run_copy / "metrics.jsonl")
    journal.replace_lines(
        run_copy / "metrics.jsonl",
        [{name: value for name, value in line.items() if name != "valid"} for line in lines],
    )
    (picture,) = curves(home.run())
    assert "training " in picture.alt and "dev " in picture.alt and "valid" not in picture.alt


def test_a_film_that_cannot_be_read_costs_no_door(
    home: AppTest, monkeypatch: pytest.MonkeyPatch, phantom_root: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    shutil.copytree(phantom_root, own)
    monkeypatch.setenv("FRACTURE_DATA", str(own))
    first = own / catalog.read(own).manifest["path"].iloc[0]
    first.write_bytes(first.read_bytes()[:300])
    text = shown(home.run())
    assert not home.exception
    assert "1 of these 4 films cannot be read." in text
    assert "Diagnose a study" in text


def test_data_that_has_gone_since_it_was_read_is_one_sentence(
    home: AppTest, monkeypatch: pytest.MonkeyPatch, phantom_root: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    shutil.copytree(phantom_root, own)
    (own / "phantom.json").unlink()  # as real films are
    monkeypatch.setenv("FRACTURE_DATA", str(own))
    home.run()
    own.rename(tmp_path / "elsewhere")
    home.run()
    assert not home.exception
    assert "There is no folder" in home.warning[0].value
    (tmp_path / "elsewhere").rename(own)
    assert "24 studies" in shown(home.run())


def test_data_that_cannot_be_read_is_one_sentence(
    home: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FRACTURE_DATA", str(tmp_path / "gone"))
    home.run()
    assert not home.exception
    assert "There is no folder" in home.warning[0].value
    assert "Choose the data" in [link.label for link in home.get("page_link")]
    assert home.button(key="demo").disabled


def test_the_last_run_shows_with_its_curve_in_words_too(home: AppTest, run_copy: Path) -> None:
    text = shown(home.run())
    assert f"Accuracy of **{run_copy.name}**, finished: " in text.replace("\\", "")
    last = journal.metrics(run_copy).iloc[-1]
    (picture,) = curves(home)
    words = f"valid {figures.percent(last['valid.accuracy'])} of {last['valid.n']:.0f} films"
    assert picture.alt.startswith(f"Accuracy of {run_copy.name}: training ")
    assert f"{words} at epoch 3, " in picture.alt
    assert picture.url.startswith("data:image/svg+xml")


def test_a_run_at_work_shows_before_finished_ones_and_its_first_points_are_a_curve(
    home: AppTest, run_copy: Path
) -> None:
    folder = run_folders.create(TrainConfig(data="x"), "works")
    run_folders.create(TrainConfig(data="x"), "idle")  # newer, and does nothing
    for step, accuracy in ((1, 0.5), (2, 0.625)):
        line = {"step": step, "epoch": step / 10, "accuracy": accuracy, "loss": 0.7}
        journal.append_line(folder / "steps.jsonl", line)
    with run_lock.hold(folder):
        status = run_status.Status(state=run_status.State.RUNNING, epochs=5)
        run_status.write(folder, status)
        home.run()
        (picture,) = curves(home)
        assert picture.alt == (
            f"Accuracy of works: training so far, {figures.percent(0.625)} at epoch 0.2, rising."
        )
        assert "Watch it" in [link.proto.label for link in home.get("page_link")]
        assert "epoch 1 of 5" not in shown(home)  # the line on top says it, once


def test_a_run_that_failed_before_its_first_epoch_says_why(home: AppTest, run_copy: Path) -> None:
    folder = run_folders.create(TrainConfig(data="x"), "broken")
    message = "Its films are gone. Put them back."
    status = run_status.Status(state=run_status.State.FAILED, message=message)
    run_status.write(folder, status)
    assert f"**broken**, failed: {message}" in shown(home.run()).replace("\\", "")
    assert not home.exception


def test_the_latest_verdict_of_the_session_shows_with_its_films_until_they_are_removed(
    home: AppTest, run_copy: Path, phantom_root: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(release, "_gate", lambda model: None)
        release.release(run_copy.name, "starter")
    prediction_cache.warm_up().result()
    key = catalog.studies(catalog.read(phantom_root).manifest)["key"].iloc[0]
    home.run()
    home.query_params["study"] = key
    home.switch_page("pages/diagnose.py").run(timeout=60)
    assert not home.exception
    home.switch_page("pages/home.py").run()
    text = shown(home).replace("\\", "")
    assert "Your latest: study" in text and "**The model finds " in text
    links = {link.proto.label: link.proto.query_string for link in home.get("page_link")}
    assert f"study={quote(key, safe='')}" in links["Open it again"]
    assert "Your latest" not in shown(AppTest.from_file(str(APP), default_timeout=30).run())
    home.query_params.clear()
    home.switch_page("pages/diagnose.py").run()
    path = phantom_root / catalog.read(phantom_root).manifest["path"].iloc[-1]
    dropped = ("mine.png", path.read_bytes(), "image/png")
    home.file_uploader[0].set_value([dropped]).run()
    home.switch_page("pages/home.py").run()
    assert home.image[-1].proto.imgs[0].alt.startswith("Your latest: the uploaded study. ")
    home.switch_page("pages/diagnose.py").run()
    next(button for button in home.button if button.label == "Remove all").click().run()
    home.switch_page("pages/home.py").run()
    assert not home.exception
    assert "Your latest" not in shown(home)


def test_a_model_of_ones_own_does_not_slip_into_the_place_of_an_older_one(
    home: AppTest, run_copy: Path, folders: Path
) -> None:
    for name, created in (("older", "2026-01-01"), ("a-newer", "2026-02-01")):
        card = release.release(run_copy.name, name) / "card.json"
        made_runs.change_card(card, created=created)
    assert "Model: **older**" in shown(home.run())


def test_real_films_are_judged_by_a_released_model_that_has_seen_some_and_by_no_run(
    home: AppTest, run_copy: Path, folders: Path
) -> None:
    real = Path(shutil.copytree(run_copy, folders / "runs" / "real"))
    run_config.complete(real, data=run_folders.read(real).facts["data"] | {"synthetic": False})
    release.release(run_copy.name, "synthetic-one")
    assert r"Model: **synthetic\-one**" in shown(home.run())
    for kind in ("broken", "whole"):
        (folders / "films" / kind).mkdir(parents=True)
        Image.new("L", (40, 40), 90).save(folders / "films" / kind / "1.png")
    chosen_data.choose(folders / "films", "broken")
    again = AppTest.from_file(str(APP), default_timeout=30).run()
    assert r"Model: **synthetic\-one**" in shown(again)
    release.release("real", "real-one")
    later = AppTest.from_file(str(APP), default_timeout=30).run()
    assert r"Model: **real\-one**" in shown(later)
    assert again.run().session_state[state.PICKED] == "synthetic-one"  # no person has changed it


def test_runs_alone_are_not_in_use_and_a_model_that_goes_is_said(
    home: AppTest, run_copy: Path, folders: Path
) -> None:
    assert "Model: **none in use**" in shown(home.run())
    for name in ("first", "second"):
        release.release(run_copy.name, name)
    home = AppTest.from_file(str(APP), default_timeout=30).run()
    assert "Model: **first**" in shown(home)
    shutil.rmtree(folders / "models" / "first")
    home.switch_page("pages/studies.py").run()
    assert not home.exception
    assert "No model is called first. Pick one of these." in shown(home)
    assert home.selectbox(key=state.PREDICTIONS_OF).value is None
    assert home.session_state[state.PICKED] == "first"


def test_a_phantom_that_cannot_be_made_is_told_and_other_data_can_be_chosen(
    home: AppTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    place = tmp_path / "file" / "phantom"
    monkeypatch.delenv("FRACTURE_DATA")
    for module in (data_cache, core_folders):
        monkeypatch.setattr(module, "phantom_folder", lambda: place)
    monkeypatch.setattr(frame, "_shown", [])  # the page goes through app.py
    st.cache_resource.clear()
    home.switch_page("pages/data.py").run()
    assert not home.exception
    assert r"could not be written\. Check the disk" in home.error[0].value
    assert "Use this folder" in [button.label for button in home.button]


def test_a_phantom_with_a_damaged_note_stays_synthetic(
    home: AppTest, monkeypatch: pytest.MonkeyPatch, phantom_root: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    shutil.copytree(phantom_root, own)
    (own / "phantom.json").write_text('{"complete": true')
    monkeypatch.setenv("FRACTURE_DATA", str(own))
    assert "**own** :violet-badge[:material/science: synthetic]" in shown(home.run())
    monkeypatch.setattr(data_cache, "phantom_folder", lambda: own)
    assert not data_cache._is_growing(own)  # no child makes it


def test_a_phantom_whose_maker_was_killed_is_unfinished_and_can_be_finished(
    home: AppTest, monkeypatch: pytest.MonkeyPatch, phantom_root: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    shutil.copytree(phantom_root, own)
    index = json.loads((own / "phantom.json").read_text())
    (own / "phantom.json").write_text(json.dumps({**index, "complete": False}))
    monkeypatch.setenv("FRACTURE_DATA", str(own))
    text = shown(home.run())
    assert "own**, incomplete" in text and "being generated" not in text
    started = []
    monkeypatch.setattr(launcher, "start_phantom", started.append)
    home.button(key="finish-phantom").click().run()
    assert started == [own]


def test_the_line_tells_of_the_run_that_trains_before_those_that_wait(home: AppTest) -> None:
    with contextlib.ExitStack() as held:
        for name, doing in (
            ("trains", run_status.State.RUNNING),
            ("waits", run_status.State.QUEUED),
        ):
            folder = run_folders.create(TrainConfig(data="x"), name)
            held.enter_context(run_lock.hold(folder))
            run_status.write(folder, run_status.Status(state=doing, epochs=5))
        assert run_folders.list_runs()[0].name == "waits"
        home.run()
        links = [link.proto.label for link in home.get("page_link")]
        assert any("trains: epoch 1 of 5" in label for label in links)
        assert not any("waits: " in label for label in links)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks the kernel and glibc")
def test_what_was_freed_goes_back_to_the_system(folders: Path) -> None:
    def held() -> int:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def look() -> AppTest:
        return AppTest.from_file(str(APP), default_timeout=30).run()

    look()
    small = [bytes(5_000) for _ in range(20_000)]
    del small[:-1]  # the last one holds down all that lies below it
    before = held()
    memory.give_back_memory.clear()
    look()
    assert held() < before - 50_000_000
    assert small
