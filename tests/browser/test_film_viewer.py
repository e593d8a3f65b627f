"""The film viewer in a real browser: what is done inside it never runs the page's script."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from fracture_core.datasets import catalog
from tests.browser.conftest import Server, free_port

SCALE = re.compile(r"scale\(([0-9.]+)\)")


@pytest.fixture
def study(phantom_root: Path) -> str:
    """The key of a study of several views, with another one after it."""
    table = catalog.studies(catalog.read(phantom_root).manifest)
    return str(table[table["views"] >= 2]["key"].iloc[0])


@pytest.fixture
def page(server: Server, open_page: Callable[..., Page], study: str) -> Page:
    """The study's films, drawn."""
    opened = open_page(f"{server.url}/studies?study={study}")
    expect(opened.locator(".pane img").nth(1)).to_be_visible()
    return opened


def zooms(page: Page) -> list[float]:
    """Return the magnification of each film."""
    styles = page.locator(".pane img").evaluate_all("all => all.map(one => one.style.transform)")
    return [float(SCALE.search(style)[1]) for style in styles]


def at(study: str) -> re.Pattern[str]:
    """An address of this study; Streamlit escapes its slashes sometimes."""
    return re.compile(re.escape(study).replace("/", "(/|%2F)") + "(&|$)")


def pressed(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def test_zoom_and_pan_are_linked_across_the_views_until_they_are_not(page: Page) -> None:
    first, second = page.locator(".pane").nth(0), page.locator(".pane").nth(1)
    first.hover()
    page.mouse.wheel(0, -600)
    assert len(set(zooms(page))) == 1 and zooms(page)[0] > 1.5
    box = first.bounding_box()
    before = second.locator("img").get_attribute("style")
    page.mouse.move(box["x"] + 60, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + 20, box["y"] + 30, steps=3)
    page.mouse.up()
    assert second.locator("img").get_attribute("style") != before
    pressed(page, "Link views").click()
    second.hover()
    page.mouse.wheel(0, 5000)
    assert zooms(page)[1] == 1 < zooms(page)[0]
    pressed(page, "Reset").click()
    assert set(zooms(page)) == {1}


def test_keys_invert_zoom_and_show_one_view_after_the_other(page: Page) -> None:
    films = page.locator(".film")
    count = films.count()
    page.keyboard.press("i")
    assert "invert" in page.locator(".pane img").first.get_attribute("style")
    page.keyboard.press("+")
    assert zooms(page)[0] == pytest.approx(1.4)
    for number in range(count):
        page.keyboard.press("v")
        assert [films.nth(i).is_visible() for i in range(count)] == [
            i == number for i in range(count)
        ]
    page.keyboard.press("v")
    expect(films.last).to_be_visible()
    page.keyboard.press("0")
    assert "invert" not in page.locator(".pane img").first.get_attribute("style")


def test_the_arrows_open_the_next_study_and_the_one_before(page: Page, study: str) -> None:
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    expect(page).not_to_have_url(at(study))
    expect(page.locator(".zoom")).to_have_text("100 %")  # another study begins with whole films
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(at(study))


def test_a_slider_moved_by_an_arrow_opens_no_other_study(page: Page, study: str) -> None:
    slider = page.get_by_label("Contrast")
    slider.focus()
    before = float(slider.input_value())
    slider.press("ArrowRight")
    assert float(slider.input_value()) == before + 1
    assert "contrast(101%)" in page.locator(".pane img").first.get_attribute("style")
    page.wait_for_timeout(500)
    expect(page).to_have_url(at(study))


def test_what_the_network_sees_changes_size_and_way_beside_the_films(page: Page) -> None:
    seen = page.locator(".seen img").first

    def side() -> int:
        seen.evaluate("image => image.decode()")
        return int(seen.evaluate("image => image.naturalWidth"))

    assert side() == 32
    page.keyboard.press("+")
    pressed(page, "128 px").click()
    assert side() == 128
    pixels = "image => { const c = document.createElement('canvas'); c.width = c.height = 128;"
    pixels += " const p = c.getContext('2d'); p.drawImage(image, 0, 0); return c.toDataURL(); }"
    area = seen.evaluate(pixels)
    pressed(page, "nearest pixel").click()
    seen.evaluate("image => image.decode()")
    assert seen.evaluate(pixels) != area
    assert zooms(page)[0] > 1  # the films stay as they were looked at


def test_films_are_whole_at_the_start_and_fit_the_window(page: Page) -> None:
    for number in range(page.locator(".pane").count()):
        pane = page.locator(".pane").nth(number)
        box = pane.bounding_box()
        width, height = pane.locator("img").evaluate("i => [i.naturalWidth, i.naturalHeight]")
        assert box["width"] / box["height"] == pytest.approx(width / height, rel=0.02)
        assert box["x"] >= 0 and box["x"] + box["width"] <= 1440


@pytest.mark.parametrize(("views", "width"), [(11, 1440), (5, 900)])
def test_every_film_of_a_study_of_many_views_is_in_sight(
    open_page: Callable[..., Page], tmp_path: Path, views: int, width: int
) -> None:
    folder = tmp_path / "films" / "train" / "XR_HAND" / "patient00001" / "study1_positive"
    folder.mkdir(parents=True)
    for number in range(views):
        Image.new("L", (400, 500), 20 * number).save(folder / f"image{number + 1}.png")
    app = Server(folder=tmp_path, data=tmp_path / "films", port=free_port())
    app.start()
    try:
        page = open_page(f"{app.url}/studies?study=train/hand/patient00001/study1", width)
        expect(page.locator(".seen img")).to_have_count(views)
        left = page.locator(".viewer").bounding_box()["x"]
        right = page.locator(".seen").bounding_box()["x"]
        for film in page.locator(".film").all():
            box = film.bounding_box()
            assert left <= box["x"] and box["x"] + box["width"] <= right
            assert box["width"] > 130  # no smaller than that a person sees a bone
        page.keyboard.press("v")
        expect(page.locator(".film:visible")).to_have_count(1)
        assert page.locator(".film:visible").bounding_box()["height"] > 300
    finally:
        app.stop()


def test_the_known_break_is_drawn_without_losing_the_place(
    server: Server, open_page: Callable[..., Page], phantom_root: Path
) -> None:
    table = catalog.studies(catalog.read(phantom_root).manifest)
    key = table[table["label"] == 1]["key"].iloc[0]
    page = open_page(f"{server.url}/studies?study={key}")
    expect(page.locator(".pane img").first).to_be_visible()
    page.keyboard.press("+")
    before = page.locator(".pane img").first.get_attribute("src")
    page.get_by_text("Show the known break").click()
    expect(page.get_by_text(re.compile("displaced|angulated|hairline")).first).to_be_visible()
    assert page.locator(".pane img").first.get_attribute("src") != before
    assert zooms(page)[0] == pytest.approx(1.4)


def test_a_hostile_file_name_is_shown_to_the_letter(
    open_page: Callable[..., Page], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "<img src=x onerror=document.title='hit'>.png"
    for kind in ("broken", "whole"):
        (tmp_path / "films" / kind).mkdir(parents=True)
        for number in range(2):
            Image.new("L", (60, 80), 40 * number).save(tmp_path / "films" / kind / f"{number}.png")
    Image.new("L", (60, 80), 90).save(tmp_path / "films" / "broken" / name)
    monkeypatch.setenv("FRACTURE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FRACTURE_DATA", str(tmp_path / "films"))
    catalog.choose(tmp_path / "films", "broken")
    manifest = catalog.read(tmp_path / "films", "broken").manifest
    (key,) = catalog.study_key(manifest[manifest["path"].str.contains("onerror")])
    app = Server(folder=tmp_path, data=tmp_path / "films", port=free_port())
    app.start()
    try:
        page = open_page(f"{app.url}/studies?study={quote(key)}")
        expect(page.locator("figcaption").first).to_have_text(f"{name}: no prediction")
        assert page.title() != "hit"
    finally:
        app.stop()


def test_what_is_brushed_over_is_judged_without_it_until_it_is_restored(
    server: Server, open_page: Callable[..., Page], study: str
) -> None:
    page = open_page(f"{server.url}/diagnose?study={study}")
    expect(page.get_by_text("What the verdict depends on")).to_be_visible(timeout=60_000)
    page.keyboard.press("+")
    pressed(page, "Eraser").click()
    pressed(page, "Broad").click()
    image, note = page.locator(".pane img").first, page.locator("figcaption span").first
    before, number = image.get_attribute("src"), note.text_content()
    box = page.locator(".pane").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.5, steps=5)
    expect(page.locator(".strokes polyline")).to_have_count(1)
    page.mouse.up()
    expect(page.get_by_text("With the erased area removed")).to_be_visible()
    assert image.get_attribute("src") != before
    assert zooms(page)[0] == pytest.approx(1.4)
    expect(page.locator(".strokes polyline")).to_have_count(0)  # the film itself shows it now
    pressed(page, "Restore").click()
    expect(page.get_by_text("With the erased area removed")).to_have_count(0)
    expect(note).to_have_text(number)
