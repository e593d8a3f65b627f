"""Positions on the pages: Home's doors on one line, and every page in a window of 900 px."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from fracture_core.datasets import catalog
from tests.browser.conftest import Server

NARROWEST = 195  # px of a column of a page
DOORS = ("browse", "learn", "diagnose")
WIDE = """() => {
    const main = document.querySelector("[data-testid=stMain]");
    const columns = [...document.querySelectorAll("[data-testid=stColumn]")];
    return {
        beyond: main.scrollWidth - main.clientWidth,
        narrowest: Math.min(9999, ...columns.map((each) => each.getBoundingClientRect().width)),
    };
}"""


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1280, 720), (900, 900)])
def test_pictures_and_links_of_the_doors_stand_on_one_line_in_the_first_screen(
    shared_server: Server, open_page: Callable[..., Page], width: int, height: int
) -> None:
    page = open_page(shared_server.url, width, height)
    expect(page.get_by_role("link", name="Upload a study")).to_be_visible()
    doors = [page.locator(f".st-key-card-{name}") for name in DOORS]
    for door in doors:
        expect(door.get_by_role("img").first).to_have_js_property("complete", True)
    pictures = [door.get_by_role("img").first.bounding_box() for door in doors]
    links = [door.get_by_role("link").bounding_box() for door in doors]
    assert len({round(box["y"]) for box in pictures}) == 1
    assert len({(round(box["width"]), round(box["height"])) for box in pictures}) == 1
    assert len({round(box["y"]) for box in links}) == 1
    assert len({round(box["height"]) for box in links}) == 1  # each label in one line
    assert links[0]["y"] + links[0]["height"] <= height
    assert pictures[0]["width"] >= NARROWEST


@pytest.mark.slow
def test_no_page_has_narrow_columns_or_leaves_the_window_at_900_px(
    shared_server: Server, open_page: Callable[..., Page], phantom_root: Path
) -> None:
    key = catalog.studies(catalog.read(phantom_root).manifest)["key"].iloc[0]
    page = open_page(shared_server.url, 900, 900)
    for address, last in {
        "": "not a medical device",
        "studies": "24 studies",
        f"studies?study={key}": "Label",
        "train": "The same run from a terminal",
        "train?run=finished": "Pinned studies",
        "runs?runs=finished": "Export CSV",
        "report_2018": "Single studies",
        "evaluate?model=finished": "Difficult studies",
        "data": "Where to get films",
    }.items():
        page.goto(f"{shared_server.url}/{address}")
        expect(page.get_by_text(last).first).to_be_attached()
        expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
        expect(page.locator("[data-stale=true]")).to_have_count(0)
        measured = page.evaluate(WIDE)
        assert measured["beyond"] <= 0, address
        assert measured["narrowest"] >= NARROWEST, address


@pytest.mark.slow
def test_in_a_narrow_window_the_table_of_runs_does_not_scroll_sideways(
    server: Server, open_page: Callable[..., Page], finished_run: Path
) -> None:
    for name in ("first", "second"):
        shutil.copytree(finished_run, server.folder / "runs" / name)
    page = open_page(f"{server.url}/runs", 900, 900)
    heads = page.get_by_test_id("stDataFrame").locator("[role=columnheader]")
    expect(heads.filter(has_text="Best epoch")).to_have_count(1)
    names = heads.all_text_contents()
    assert {"Run", "State", "Dev accuracy"} < set(names)
    beyond = "(each) => each.scrollWidth > each.clientWidth"
    assert not page.locator(".dvn-scroller").evaluate(beyond)
    switch = page.get_by_text("All columns")
    switch.click()
    picture = heads.filter(has_text=re.compile("^Interval$"))  # a column that was left out
    expect(picture).to_have_count(1)
    page.wait_for_function(f"() => ({beyond})(document.querySelector('.dvn-scroller'))")
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(switch).to_have_count(0)
    expect(picture).to_have_count(1)


@pytest.mark.slow
def test_the_wall_goes_on_below_its_choices(
    shared_server: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{shared_server.url}/studies", 900, 900)
    expect(page.get_by_text("24 studies")).to_be_visible()
    cards = page.locator(".st-key-wall [class*='st-key-card-']")
    expect(cards).to_have_count(24)
    choices = page.get_by_label("Patient", exact=True).bounding_box()
    lefts = [cards.nth(number).bounding_box()["x"] for number in (0, 23)]
    assert lefts[0] > choices["x"] + choices["width"]  # beside the choices
    below = [cards.nth(number).bounding_box() for number in range(24)]
    assert any(box["x"] < choices["x"] + 20 for box in below)  # and below them
