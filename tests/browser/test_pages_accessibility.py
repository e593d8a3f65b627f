"""Accessibility of Home, Train, the report, Evaluate and Data, by axe-core, in their states."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from fracture_core import locks
from fracture_core.errors import Stopped
from fracture_core.phantom import phantom_set
from tests.browser import accessibility
from tests.browser.accessibility import Violation
from tests.browser.conftest import Server, free_port

STREAMLIT: set[tuple[str, str]] = set()

SWITCHES = {
    "report_2018": "Parameters as a table",
    "evaluate": "The matrix of studies as a table",
    "data": "Studies of each split as a table",
}


def violations(page: Page, address: str, heading: str, waits_for: str) -> list[Violation]:
    """Open a page, and return what it breaks."""
    open_at(page, address, heading, waits_for)
    return accessibility.violations(page)


def open_at(page: Page, address: str, heading: str, waits_for: str) -> None:
    """Open a page, and wait until its last part is there."""
    page.goto(address)
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    expect(page.get_by_text(waits_for).first).to_be_attached()
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    expect(page.locator("[data-stale=true]")).to_have_count(0)


PAGES = {
    "": ("Is there a fracture in this study?", "not a medical device"),
    "train": ("Train", "The same run from a terminal"),
    "report_2018": ("The 2018 report", "Single studies"),
    "evaluate": ("Evaluate", "Not a medical device."),
    "data": ("Data", "Where to get films"),
}


@pytest.mark.slow
def test_home_train_report_evaluate_and_data_break_no_rule(
    server: Server, open_page: Callable[..., Page], finished_run: Path
) -> None:
    page = open_page(server.url)
    found = [
        violation
        for name, (heading, last) in PAGES.items()
        if name != "evaluate"  # of the starter nothing is evaluated yet
        for violation in violations(page, f"{server.url}/{name}", heading, last)
    ]
    runs = server.folder / "runs"
    shutil.copytree(finished_run, runs / "finished")
    shutil.copytree(finished_run, runs / "broken")
    shutil.rmtree(runs / "broken" / "checkpoints")
    (runs / "broken" / "status.json").write_text('{"state": "failed", "message": "No films."}')
    page.emulate_media(color_scheme="light")
    for name, (heading, last) in PAGES.items():
        address = f"{server.url}/{name}" + ("?model=finished" if name == "evaluate" else "")
        found += violations(page, address, heading, last)
        if name in SWITCHES:  # the table in the place of the plot
            page.get_by_text(SWITCHES[name]).click()
            expect(page.get_by_test_id("stTable").first).to_be_visible()
            found += accessibility.violations(page)
    assert [each for each in found if each.ours] == []
    assert accessibility.of_streamlit(found) == STREAMLIT
    # The checker sees these pages: a picture without a name is found there.
    page.get_by_test_id("stMain").evaluate("main => main.append(new Image())")
    assert any(each.rule == "image-alt" for each in accessibility.violations(page))


@pytest.mark.slow
def test_a_first_visit_while_films_are_generated_breaks_no_rule(
    tmp_path: Path, open_page: Callable[..., Page]
) -> None:
    films = tmp_path / "phantom"
    with pytest.raises(Stopped):
        phantom_set.make(films, studies=6, should_stop=lambda: True)
    server = Server(folder=tmp_path, data=films, port=free_port())
    server.start()
    found = {}
    try:
        with locks.held(films / phantom_set.LOCK):
            page = open_page(server.url)
            for name in ("", "studies", "train", "data"):
                page.goto(f"{server.url}/{name}")
                expect(page.get_by_text("being generated").first).to_be_visible()
                found[name] = accessibility.violations(page)
        page.goto(server.url)
        expect(page.get_by_text("incomplete").first).to_be_visible()
        expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
        found["incomplete"] = accessibility.violations(page)
    finally:
        server.stop()
    assert [each for violations in found.values() for each in violations if each.ours] == []
    # Close below the button that goes on; whether it counts depends on where the pixels fall.
    small = ("target-size", "button[aria-label=Help]")
    allowed = {name: {small} if name == "incomplete" else set() for name in found}
    for name, each in found.items():
        assert accessibility.of_streamlit(each) <= allowed[name]


@pytest.mark.slow
def test_every_plot_and_picture_is_told_in_words(
    shared_server: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(shared_server.url)
    for name, (heading, last) in PAGES.items():
        address = f"{shared_server.url}/{name}" + ("?model=finished" if name == "evaluate" else "")
        open_at(page, address, heading, last)
        pictures = page.get_by_test_id("stImage").locator("img").all()
        assert all(each.get_attribute("alt") for each in pictures), name
        plots = page.get_by_test_id("stPlotlyChart").all()
        assert len(plots) == {"report_2018": 4, "evaluate": 2, "data": 1}.get(name, 0)
        for plot in plots:
            label = plot.locator("xpath=ancestor-or-self::*[@aria-label]").last
            assert len(str(label.get_attribute("aria-label"))) > 20, name
        switches = page.get_by_text(" as a table").count()
        assert switches == len(plots), name
