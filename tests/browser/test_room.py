"""Several browsers at one server: other data, a restart, and a server opened to visitors."""

import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from fracture_core import room
from fracture_core.datasets import catalog
from fracture_core.runs import run_status
from tests.browser import accessibility
from tests.browser.conftest import DIRECT, Server, free_port


@pytest.fixture
def other(phantom_root: Path, tmp_path: Path) -> Path:
    """Other data with studies of the same keys."""
    root = Path(shutil.copytree(phantom_root, tmp_path / "other-films"))
    patient = catalog.read(root).manifest["path"].iloc[-1]
    shutil.rmtree((root / patient).parents[1])
    return root


def use(page: Page, folder: Path) -> None:
    page.get_by_role("textbox", name="Folder of the data set").fill(str(folder))
    page.get_by_role("button", name="Use this folder").click()
    expect(page.get_by_text(str(folder), exact=True).first).to_be_visible()


@pytest.mark.slow
def test_who_reads_a_study_keeps_it_while_somebody_changes_the_data(
    server: Server, phantom_root: Path, other: Path, open_page: Callable[..., Page]
) -> None:
    data = catalog.read(phantom_root)
    key = catalog.studies(data.manifest)["key"].iloc[0]
    reader = open_page(f"{server.url}/studies?study={key}&data={data.hash[:8]}")
    forward = reader.get_by_role("button", name="Next")
    expect(forward).to_be_visible()
    changer = open_page(f"{server.url}/data")
    use(changer, other)
    forward.click()
    expect(reader.get_by_text("This tab still reads")).to_be_visible()
    expect(reader.get_by_text("Data: films", exact=False).first).to_be_visible()
    accessibility.check(reader)
    reader.get_by_role("button", name="Stay with films").click()
    expect(reader.get_by_text("In use here: other-films")).to_be_visible()
    reader.mouse.move(0, 0)  # off a button that has come to lie below it
    accessibility.check(reader)
    assert f"data={data.hash[:8]}" in reader.url
    shared = open_page(reader.url)  # to a colleague, or the same tab after a reload
    expect(shared.get_by_text("This address belongs to the data set")).to_be_visible()
    expect(shared.get_by_role("button", name="Next")).to_have_count(0)
    accessibility.check(shared)
    shared.get_by_role("button", name="Open it in films").click()
    expect(shared.get_by_role("button", name="Next")).to_be_visible()
    reader.get_by_role("button", name="Switch to other-films").click()
    expect(reader.get_by_text("Data: other-films", exact=False).first).to_be_visible()
    assert "study=" not in reader.url and f"data={data.hash[:8]}" not in reader.url


@pytest.mark.slow
def test_an_address_of_unknown_data_opens_nothing_by_itself(
    server: Server, phantom_root: Path, open_page: Callable[..., Page]
) -> None:
    key = catalog.studies(catalog.read(phantom_root).manifest)["key"].iloc[0]
    page = open_page(f"{server.url}/studies?study={key}&data=0123abcd")
    expect(page.get_by_text("unknown here")).to_be_visible()
    expect(page.get_by_role("button", name="Next")).to_have_count(0)
    accessibility.check(page)
    page.get_by_role("button", name="Look for it in films").click()
    expect(page.get_by_role("button", name="Next")).to_be_visible()


@pytest.mark.slow
def test_after_a_restart_an_open_diagnose_says_that_its_films_are_gone(
    server: Server, finished_run: Path, phantom_root: Path, open_page: Callable[..., Page]
) -> None:
    shutil.copytree(finished_run, server.folder / "runs" / finished_run.name)
    page = open_page(f"{server.url}/diagnose?model={finished_run.name}")
    film = next(phantom_root.rglob("image1.png"))
    addresses: list[tuple[str, str]] = []
    page.on("request", lambda request: addresses.append((request.method, request.url)))
    page.locator("input[type=file]").first.set_input_files(film, timeout=60_000)
    expect(page.get_by_role("button", name="Report")).to_be_visible(timeout=60_000)

    # What another session gets of an upload by its address: nothing.
    (upload,) = {url for method, url in addresses if method == "PUT"}
    with DIRECT.open(upload) as answer:  # the app's own page, as for any address
        assert b"<html" in answer.read() and answer.headers.get_content_type() == "text/html"
    for method in ("PUT", "DELETE"):
        with pytest.raises(urllib.error.HTTPError) as error:
            DIRECT.open(urllib.request.Request(upload, b"x", method=method))
        assert error.value.code == 403

    with page.expect_websocket():  # the page finds the new server by itself
        server.stop()
        server.start()
    page.get_by_text("With names", exact=True).click()
    expect(page.get_by_text("The server was restarted")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Remove all").click()
    expect(page.get_by_text("The server was restarted")).to_have_count(0)


@pytest.fixture
def opened_room(
    tmp_path: Path, phantom_root: Path, finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """A server opened to a room, with a run at rest."""
    monkeypatch.setenv(room.VARIABLE, "films.example.org")
    monkeypatch.setenv("FRACTURE_CACHE", str(tmp_path / "cache"))
    folder = Path(shutil.copytree(finished_run, tmp_path / "runs" / "shared"))
    before = run_status.read(folder).__dict__
    run_status.write(
        folder, run_status.Status(**{**before, "state": run_status.State.STOPPED, "epoch": 2})
    )
    app = Server(folder=tmp_path, data=phantom_root, port=free_port())
    app.start()
    yield app
    app.stop()


@pytest.mark.slow
def test_a_visitor_looks_and_the_owner_acts(
    opened_room: Server, open_page: Callable[..., Page]
) -> None:
    token = room.new_token()
    visitor = open_page(f"{opened_room.url}/train?run=shared")
    expect(visitor.get_by_role("button", name="Resume")).to_be_disabled()
    expect(visitor.locator(".panel path.line").last).to_be_attached()
    accessibility.check(visitor)
    mine = open_page(f"{opened_room.url}/train?run=shared&owner={token}")
    expect(mine.get_by_role("button", name="Resume")).to_be_enabled()
    assert token not in mine.url and token not in mine.content()
    visitor.get_by_role("button", name="Visitor").click()
    visitor.get_by_label("Owner's token").fill(token)
    visitor.get_by_role("button", name="I am the owner").click()
    expect(visitor.get_by_role("button", name="Resume")).to_be_enabled()
    assert token not in (opened_room.folder / "server.log").read_text()
