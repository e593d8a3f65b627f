"""A network of the user's own on Train and Diagnose: its code runs only where it is allowed."""

import json
import shutil
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fracture_core.config.network_options import OWN, OwnNetwork, digest
from fracture_core.errors import ConfigError
from fracture_core.folders import PROJECT, models_folder
from fracture_core.jobs import launcher
from fracture_core.models.model_card import Card
from fracture_core.own_networks import allowed
from fracture_core.runs import run_folders
from fracture_core.training import network_check
from tests.core import made_networks, made_runs
from tests.core.made_networks import PLAIN

APP = str(Path(__file__).parents[2] / "app.py")


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The checks that the form asks for, of any text with a function; without a child each."""
    asked: list[tuple[str, int]] = []

    def checked(file: str, text: str, size: int) -> OwnNetwork:
        asked.append((file, size))
        assert allowed.is_allowed(digest(text))
        if "features" not in text:
            raise ConfigError(f"{file} needs a function called features; it has none.")
        return made_networks.of(text, file=file, size=size, parameters=40, width=4, values=3600)

    monkeypatch.setattr(network_check, "checked", checked)
    return asked


@pytest.fixture
def form(folders: Path) -> AppTest:
    """The form, with a network of one's own chosen and no file yet."""
    st.cache_data.clear()
    app = AppTest.from_file(APP, default_timeout=30).switch_page("pages/train.py").run()
    return app.segmented_control(key="demo-architecture").set_value(OWN).run()


def drop(form: AppTest, text: str) -> AppTest:
    upload = ("mine.py", text.encode(), "text/x-python")
    return form.file_uploader(key="network-file").set_value(upload).run()


def errors(app: AppTest) -> str:
    assert not app.exception
    return plain(" ".join(each.value for each in app.error))


def plain(markdown: str) -> str:
    return markdown.replace("\\", "")


def start(app: AppTest):
    return next(each for each in app.button if each.label == "Start training")


def test_a_file_is_shown_then_run_only_after_the_tick(
    form: AppTest, checks: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "is a Python file. Drop it" in errors(form)
    drop(form, PLAIN)
    assert form.code[0].value == PLAIN.strip()
    assert "is not run before you allow it" in errors(form)
    assert start(form).disabled and not checks and not allowed.is_allowed(digest(PLAIN))
    form.checkbox[0].check().run()
    assert not errors(form) and checks == [("mine.py", 32)]
    form.number_input(key="demo-epochs").set_value(2).run()
    assert checks == [("mine.py", 32)]  # each text and size is checked once
    form.number_input(key="demo-size").set_value(64).run()
    assert checks[1:] == [("mine.py", 64)]
    monkeypatch.setattr(launcher, "start_run", lambda folder, **more: None)
    start(form).click().run()
    assert not form.exception
    (run,) = run_folders.list_runs()
    assert run.config.architecture == OWN
    own = run.config.options.own
    assert own is not None and (own.source, own.sha256, own.size) == (PLAIN, digest(PLAIN), 64)


def test_a_wrong_file_is_refused_in_a_sentence(
    form: AppTest, checks: list[tuple[str, int]]
) -> None:
    drop(form, "network = 3")
    form.checkbox[0].check().run()
    assert errors(form) == "mine.py needs a function called features; it has none."
    assert start(form).disabled and len(checks) == 1
    drop(form, PLAIN)  # another text needs a tick of its own
    assert "is not run before you allow it" in errors(form)
    form.segmented_control(key="demo-architecture").set_value("three_conv").run()
    assert not errors(form) and not start(form).disabled


@pytest.mark.parametrize("members", [1, 2])  # of an ensemble, of one source
def test_a_model_of_foreign_code_is_shown_and_runs_once_it_is_allowed(
    folders: Path, monkeypatch: pytest.MonkeyPatch, members: int
) -> None:
    one = Card.networks.fget
    monkeypatch.setattr(Card, "networks", property(lambda card: one(card) * members))
    st.cache_data.clear()
    st.cache_resource.clear()
    folder = models_folder() / "foreign"
    shutil.copytree(PROJECT / "models" / "starter-five-conv", folder)
    card = json.loads((folder / "card.json").read_text())
    own = made_networks.of(
        PLAIN, allow=False, size=card["recipe"]["size"], parameters=10**6, values=10**5
    )
    options = card["options"] | {"dense": [], "own": own.to_dict()}
    made_runs.change_card(folder / "card.json", architecture=OWN, options=options)
    app = AppTest.from_file(APP, default_timeout=60).run()
    app.query_params["model"] = "foreign"
    app.switch_page("pages/diagnose.py").run()
    assert not app.exception
    assert any(f"mine.py ({own.sha256[:8]})" in plain(each.value) for each in app.warning)
    assert PLAIN.strip() in [each.value for each in app.code]
    assert not any("example" in each.value for each in app.header)
    next(each for each in app.button if each.label == "Allow").click().run()
    assert not app.exception and allowed.is_allowed(own.sha256)
    assert any("example" in each.value for each in app.header)
    assert not any("not allowed" in each.value for each in app.warning)
