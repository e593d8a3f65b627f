"""Home and Train have a process wait for the next run, for whoever may start one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from fracture_core import room
from fracture_core.jobs import standby
from fracture_core.runs import run_lock, run_status
from fracture_core.runs.run_status import State, Status

APP = str(Path(__file__).parents[2] / "app.py")


@pytest.fixture
def server(run_copy: Path) -> Iterator[Path]:
    """Permission to keep a process on standby, as a server has it; gives a run at rest."""
    st.cache_resource.clear()
    with standby.permitted():
        yield run_copy


def at(page: str, owner: str = "", **address: str) -> str:
    """Open a page in a new tab, as whoever holds this token; return its captions."""
    app = AppTest.from_file(APP, default_timeout=60)
    app = app if page == "home" else app.switch_page(f"pages/{page}.py")
    app.query_params.update(address)
    app.session_state["owner-token"] = owner
    app.run()
    assert not app.exception
    return "\n".join(each.value for each in app.caption)


@pytest.mark.parametrize("page", ["home", "train"])
def test_a_page_with_a_start_button_has_one_process_wait(server, page) -> None:
    at(page)
    [first] = standby._waiting
    at(page)
    [second] = standby._waiting
    assert second is first
    at("train", run=server.name)  # another may follow the run that has ended
    assert standby._waiting == [first]


def test_the_form_says_that_it_waits_and_what_it_takes(server) -> None:
    assert "The next run starts a new process." in at("train")
    words = at("train")
    assert "for the next run" in words and " MB)" in words


def test_a_page_without_a_start_button_makes_none(server) -> None:
    at("studies")
    assert standby._waiting == []


def test_no_process_waits_beside_an_active_run(server) -> None:
    with run_lock.hold(server):
        run_status.write(server, Status(state=State.RUNNING, epoch=1, epochs=3))
        at("train")
        at("home")
        assert standby._waiting == []


def test_none_waits_for_a_visitor(server, monkeypatch) -> None:
    monkeypatch.setenv(room.VARIABLE, "films.example.org")
    token = room.new_token()
    for page in ("home", "train"):
        assert "next run" not in at(page, owner=token[:-1])
    assert standby._waiting == []
    at("train", owner=token)
    assert len(standby._waiting) == 1
