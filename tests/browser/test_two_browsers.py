"""Two browsers on one run: what the second one asks too late is answered in words.

Only a browser shows it: an element that a callback draws inside a fragment empties the page.
"""

import contextlib
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, TimeoutError, expect

from fracture_core.runs import run_labels, run_lock, run_requests, run_status
from tests.browser.conftest import Server


@pytest.fixture
def stopped(server: Server, finished_run: Path) -> Path:
    """A run at rest in the server's own folder."""
    folder = Path(shutil.copytree(finished_run, server.folder / "runs" / "shared"))
    before = run_status.read(folder).__dict__
    run_status.write(
        folder, run_status.Status(**{**before, "state": run_status.State.STOPPED, "epoch": 2})
    )
    return folder


def ask_to_delete(page: Page) -> None:
    """Open the dialog that asks."""
    page.get_by_test_id("stPopover").get_by_role("button", name="More").click()
    page.get_by_role("tab", name="Delete").click()
    page.get_by_role("button", name="Delete this run").click()
    expect(page.get_by_role("button", name="Delete permanently")).to_be_visible()


def poll(is_done: Callable[[], bool]) -> None:
    """Wait until something is done on the server."""
    for _ in range(300):
        if is_done():
            return
        time.sleep(0.1)
    raise AssertionError("it was not done in 30 s")


def press(page: Page, name: str) -> bool:
    """Press a button, unless the page has seen by itself what was done in the other browser."""
    with contextlib.suppress(TimeoutError):
        page.get_by_role("button", name=name).click(timeout=3_000)
        return True
    return False


@pytest.mark.slow
def test_a_run_that_is_deleted_in_one_browser_is_gone_in_the_other(
    server: Server, stopped: Path, open_page: Callable[..., Page]
) -> None:
    first, second, third = (open_page(f"{server.url}/train?run=shared") for _ in range(3))
    ask_to_delete(first)
    ask_to_delete(second)
    expect(third.get_by_role("button", name="Resume")).to_be_visible()
    first.get_by_role("button", name="Delete permanently").dblclick()
    expect(first.get_by_text("shared is deleted")).to_be_visible()
    assert not stopped.exists() and "run=" not in first.url
    press(second, "Delete permanently")
    press(third, "Resume")
    for page in (second, third):
        expect(page.get_by_text("No run is called shared").first).to_be_visible()
        expect(page.get_by_role("button", name="Start training")).to_be_visible()


@pytest.mark.slow
def test_a_run_that_is_resumed_in_one_browser_is_kept_by_the_other(
    server: Server, stopped: Path, open_page: Callable[..., Page]
) -> None:
    first, second = (open_page(f"{server.url}/train?run=shared") for _ in range(2))
    ask_to_delete(first)
    expect(second.get_by_role("button", name="Resume")).to_be_visible()
    with run_lock.hold(stopped):
        first.get_by_role("button", name="Delete permanently").click()
        second.get_by_role("button", name="Resume").click()
        for page in (first, second):
            expect(page.get_by_text("running already")).to_be_visible()
    assert (stopped / "config.json").is_file()
    second.reload()
    second.get_by_role("button", name="Resume").dblclick()
    expect(second.get_by_role("heading", name=re.compile("Finished 3 of 3"))).to_be_visible(
        timeout=60_000
    )


@pytest.mark.slow
def test_a_saved_note_stays_in_view_and_reaches_the_other(
    server: Server, stopped: Path, open_page: Callable[..., Page]
) -> None:
    first = open_page(f"{server.url}/train?run=shared")
    first.get_by_test_id("stPopover").get_by_role("button", name="More").click()
    first.get_by_role("tab", name="Notes").click()
    first.get_by_role("textbox", name="Note").fill("lags behind the other seeds")
    first.get_by_role("button", name="Save notes").click()
    poll(lambda: run_labels.read(stopped).note != "")
    expect(first.get_by_role("tab", name="Notes")).to_have_attribute("aria-selected", "true")
    expect(first.get_by_role("button", name="Save notes")).to_be_visible()
    second = open_page(f"{server.url}/train?run=shared")
    for page in (first, second):
        page.get_by_role("button", name="About").click()
        expect(page.get_by_text("lags behind the other seeds").last).to_be_visible()


@pytest.mark.slow
def test_who_asks_for_more_epochs_of_a_run_that_goes_on_elsewhere_is_told(
    server: Server, stopped: Path, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{server.url}/train?run=shared")
    more = page.get_by_role("button", name="Train 25 more epochs")
    expect(more).to_be_visible()
    before = run_status.read(stopped).__dict__
    with run_lock.hold(stopped):  # as a child that another browser has started
        run_status.write(
            stopped, run_status.Status(**{**before, "state": run_status.State.RUNNING})
        )
        if press(page, "Train 25 more epochs"):
            expect(page.get_by_text("running already")).to_be_visible()
        expect(page.get_by_role("button", name="Stop now")).to_be_visible()
    assert run_requests.waiting(stopped) == []


@pytest.mark.slow
def test_what_a_run_does_is_seen_on_every_page_that_names_it(
    server: Server, stopped: Path, open_page: Callable[..., Page]
) -> None:
    own = stopped.with_name("own")
    shutil.copytree(stopped, own)
    pages = []
    for path in ("", "train?run=own", "train", "runs"):
        pages.append(open_page(f"{server.url}/{path}"))
        expect(pages[-1].get_by_text("Model:")).to_be_visible()  # the line on top is there
    for page in pages[:3]:
        expect(page.get_by_text("stopped").first).to_be_visible()
    expect(pages[3].get_by_test_id("stDataFrame").first).to_be_visible()
    before = run_status.read(stopped).__dict__
    for epoch in (4, 26):  # as a child that another browser has started, and later
        with run_lock.hold(stopped):
            status = {**before, "state": run_status.State.RUNNING, "epoch": epoch, "epochs": 30}
            run_status.write(stopped, run_status.Status(**status))
            words = f"epoch {epoch + 1} of 30"
            for page in pages:
                expect(page.get_by_text(words).first).to_be_visible()
            expect(pages[1].get_by_text(f"shared: {words}, three_conv")).to_be_visible()
            expect(pages[2].get_by_text(f"shared: {words}, three_conv")).to_be_visible()
    run_status.write(stopped, run_status.Status(**before))
    for page in pages[1:3]:
        expect(page.get_by_text("shared: stopped, three_conv")).to_be_visible()
