"""Diagnose in a real browser: where headline and films stand, and the ways to other studies."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from fracture_core.datasets import catalog
from tests.browser.conftest import Server

FINDS = re.compile("The model finds (a|no) fracture")
SCORE = re.compile(r"0\.\d{3}|1\.000")
# A laptop, a small one or a projector, and half a screen.
SIZES = ((1440, 900), (1280, 720), (900, 900))
SETTLED = """([count, width]) => {
    const seen = [...document.querySelectorAll("*")].flatMap((each) =>
        each.shadowRoot ? [...each.shadowRoot.querySelectorAll(".pane > canvas:not(.lens)")] : []);
    const drawn = seen.filter((each) => each.dataset.zoom);
    return innerWidth === width && seen.length === count && drawn.length > 0;
}"""

WATCH = """() => {
    const viewers = [...document.querySelectorAll("*")].flatMap((each) =>
        each.shadowRoot ? [...each.shadowRoot.querySelectorAll(".viewer")] : []);
    window.placesSeen = [];
    const look = () => {
        const { y, height } = viewers[0].getBoundingClientRect();
        const place = [y, height, document.querySelectorAll("h1").length].join();
        if (!window.placesSeen.includes(place)) window.placesSeen.push(place);
        requestAnimationFrame(look);
    };
    look();
}"""


@pytest.fixture
def page(shared_server: Server, open_page: Callable[..., Page], finished_run: Path) -> Page:
    """Diagnose with a small run, against which much is to be said."""
    return open_page(f"{shared_server.url}/diagnose?model={finished_run.name}")


def films_of(root: Path, count: int) -> list[Path]:
    return sorted(root.glob("valid/*/*/*/*.png"))[:count]


def drop(page: Page, films: list[Path]) -> None:
    """Drop these films in place of others, and wait for the verdict and their pictures."""
    if page.get_by_role("button", name="Remove all").count():
        page.get_by_role("button", name="Remove all").click()
        expect(page.get_by_role("button", name="Diagnose this study")).to_be_visible()
    page.locator("input[type=file]").first.set_input_files(films)
    expect(page.get_by_role("heading", name=FINDS)).to_be_visible(timeout=60_000)


def bottom(element: Locator) -> float:
    box = element.bounding_box()
    assert box
    return box["y"] + box["height"]


def scored(page: Page) -> list[Locator]:
    """Every picture of a film with its score: whole films, or of many the strip's."""
    thumbs = page.locator(".thumb:visible")
    shown = thumbs if thumbs.count() else page.locator("figure.film:visible")
    return [shown.nth(i) for i in range(shown.count())]


@pytest.mark.slow
def test_headline_and_scored_films_stand_in_the_first_screen(
    page: Page, phantom_root: Path
) -> None:
    for count in (1, 3, 6):
        drop(page, films_of(phantom_root, count))
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_function(SETTLED, arg=[count, width])
            assert bottom(page.get_by_role("heading", name=FINDS)) < 0.55 * height
            films = scored(page)
            assert len(films) == count
            for film in films:
                expect(film).to_contain_text(SCORE)
                assert bottom(film) <= height, (count, width)
            large = page.locator("figure.film:visible").first.bounding_box()
            assert large and large["height"] >= 0.3 * height, (count, width)
            # Nothing but the box stands between the line on top and the headline.
            assert page.get_by_test_id("stAlert").count() == 1


@pytest.mark.slow
def test_nothing_jumps_while_the_threshold_moves(page: Page, phantom_root: Path) -> None:
    drop(page, films_of(phantom_root, 2))
    expect(page.get_by_role("button", name="CSV")).to_be_visible()
    page.wait_for_function(SETTLED, arg=[2, 1440])
    page.evaluate(WATCH)
    page.get_by_role("slider", name="Threshold").focus()
    for threshold in ("0.51", "0.52", "0.53"):
        page.keyboard.press("ArrowRight")
        expect(page.get_by_text(re.compile(f"(above|is above) {threshold}"))).to_be_visible()
    seen = page.evaluate("() => window.placesSeen")
    assert len(seen) == 1, seen  # the viewer, at one place and of one size, below a headline


@pytest.mark.slow
def test_in_a_narrow_window_controls_and_films_are_one_column(
    page: Page, phantom_root: Path
) -> None:
    page.set_viewport_size({"width": 900, "height": 900})
    example = page.get_by_role("button", name="Diagnose this study")
    expect(example).to_be_visible()
    heading = page.get_by_role("heading", name="Diagnose", exact=True)
    assert bottom(heading) < bottom(example)  # nothing is uploaded yet: the controls come first
    drop(page, films_of(phantom_root, 3))
    page.wait_for_function(SETTLED, arg=[3, 900])
    title = heading.bounding_box()
    headline = page.get_by_role("heading", name=FINDS).bounding_box()
    viewer = page.locator(".viewer").bounding_box()
    slider = page.get_by_test_id("stSlider").bounding_box()
    assert title["x"] == headline["x"] == viewer["x"]
    # The controls reach as far to the right as the films: no hole beside them.
    assert abs(slider["x"] + slider["width"] - viewer["x"] - viewer["width"]) < 2
    assert headline["y"] + headline["height"] < viewer["y"] < title["y"]
    inside = "() => document.documentElement.scrollWidth <= innerWidth"
    assert page.evaluate(inside)


@pytest.mark.slow
def test_other_studies_are_reached_in_full_screen_too(
    page: Page, shared_server: Server, phantom_root: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "three.zip", "w") as archive:
        for number, film in enumerate(films_of(phantom_root, 3), 1):
            archive.write(film, f"case{number}/{film.name}")
    drop(page, [tmp_path / "three.zip"])
    page.get_by_label("Study of the upload").click()
    page.get_by_role("option", name="case2").click()
    expect(page.get_by_text("case2 ·")).to_be_visible()
    page.get_by_role("button", name="Full screen").click()
    title = page.locator(".title")
    expect(title).to_have_text("case2")
    page.get_by_role("button", name="Next study").click()
    expect(title).to_have_text("case3")
    page.locator(".film").first.focus()
    page.keyboard.press("ArrowLeft")
    expect(title).to_have_text("case2")
    page.get_by_role("button", name="Exit full screen").click()

    keys = catalog.studies(catalog.read(phantom_root).manifest)["key"].tolist()
    page.goto(f"{shared_server.url}/diagnose?study={keys[0]}")
    expect(page.get_by_role("heading", name=FINDS)).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Full screen").click()
    expect(page.get_by_role("button", name="Previous study")).to_be_disabled()
    page.get_by_role("button", name="Next study").click()
    expect(page).to_have_url(re.compile(re.escape(quote(keys[1], safe=""))))
