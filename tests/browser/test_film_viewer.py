"""The film viewer in a real browser: what is done inside it never runs the page's script."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from fracture_core.datasets import catalog, chosen_data
from tests.browser import accessibility
from tests.browser.conftest import Server, free_port
from tests.core import dicoms

FILMS = ".pane > canvas:not(.lens)"


@pytest.fixture
def study(phantom_root: Path) -> str:
    """The key of a study of several views, with another one after it."""
    table = catalog.studies(catalog.read(phantom_root).manifest)
    return str(table[table["views"] >= 2]["key"].iloc[0])


@pytest.fixture
def page(shared_server: Server, open_page: Callable[..., Page], study: str) -> Page:
    """The study's films, drawn, with the pointer on the first."""
    opened = open_page(f"{shared_server.url}/studies?study={study}")
    expect(films(opened).nth(1)).to_have_attribute("data-zoom", "1.000")
    films(opened).first.hover()
    return opened


@pytest.fixture(scope="module")
def reading_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An app over studies of 1, 2, 3, 4 and 8 films of 300 x 400 px, and a DICOM file."""
    home = tmp_path_factory.mktemp("reading")
    for number, views in enumerate((1, 2, 3, 4, 8), start=1):
        folder = home / f"films/train/XR_HAND/patient{number:05d}/study1_positive"
        folder.mkdir(parents=True)
        for view in range(1, views + 1):
            grey = np.arange(300 * 400).reshape(400, 300) % 251
            Image.fromarray(grey.astype(np.uint8)).save(folder / f"image{view}.png")
    folder = home / "films/train/XR_HAND/patient00006/study1_negative"
    folder.mkdir(parents=True)
    values = np.arange(200 * 100, dtype=np.uint16).reshape(200, 100)
    (folder / "image1.dcm").write_bytes(dicoms.make(values, ImagerPixelSpacing=[0.5, 0.5]))
    app = Server(folder=home, data=home / "films", port=free_port())
    app.start()
    yield app
    app.stop()


def films(page: Page) -> Locator:
    return page.locator(FILMS)


def picture(page: Page, number: int = 0) -> str:
    """Return what a film's canvas shows."""
    return str(films(page).nth(number).evaluate("canvas => canvas.toDataURL()"))


def drawn(page: Page) -> None:
    """Wait until the browser has drawn what the last event asked for."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


def at(study: str) -> re.Pattern[str]:
    """An address of this study; Streamlit escapes its slashes sometimes."""
    return re.compile(re.escape(study).replace("/", "(/|%2F)") + "(&|$)")


def pressed(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def drag(page: Page, start: tuple[float, float], end: tuple[float, float], button: str) -> None:
    page.mouse.move(*start)
    page.mouse.down(button=button)
    page.mouse.move(*end, steps=4)
    page.mouse.up(button=button)


def middle(page: Page, number: int = 0) -> tuple[float, float]:
    box = films(page).nth(number).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.mark.slow
def test_films_use_the_stage_whatever_their_number(
    reading_room: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{reading_room.url}/studies?study=train/hand/patient00001/study1")
    for number, views in enumerate((1, 2, 3, 4, 8), start=1):
        expect(page.locator(".film")).to_have_count(views)
        expect(films(page).first).to_have_attribute("data-zoom", "1.000")
        stage = page.locator(".stage").bounding_box()
        boxes = [each.bounding_box() for each in page.locator(f"{FILMS}, .thumb canvas").all()]
        boxes = [box for box in boxes if box]
        share = sum(box["width"] * box["height"] for box in boxes) / (
            stage["width"] * stage["height"]
        )
        assert share >= 0.6, f"{views} films take {share:.2f} of the stage"
        assert all(box["width"] / box["height"] == pytest.approx(0.75, rel=0.02) for box in boxes)
        assert max(box["y"] + box["height"] for box in boxes) <= 900
        lefts = {round(box["x"]) for box in boxes}
        tops = {round(box["y"]) for box in boxes}
        if views <= 3:
            assert (len(lefts), len(tops)) == (views, 1)
        elif views == 4:
            assert (len(lefts), len(tops)) == (2, 2)
        else:
            assert page.locator(".thumb").count() == views
            assert boxes[0]["height"] > 2 * boxes[1]["height"]
        if number < 5:
            page.get_by_role("button", name="Next", exact=False).first.click()
            expect(page).to_have_url(re.compile(f"patient0000{number + 1}"))
    assert not [each for each in accessibility.violations(page) if each.ours]  # of a strip too
    page.locator(".thumb").nth(6).click()
    expect(page.locator(".film:visible figcaption")).to_contain_text("image7.png")
    films(page).nth(6).hover()
    page.keyboard.press("v")
    expect(page.locator(".film:visible figcaption")).to_contain_text("image1.png")
    assert (
        page.locator(".stage").bounding_box()["y"]
        + page.locator(".film:visible").bounding_box()["height"]
        <= 900
    )


@pytest.mark.slow
def test_zoom_window_full_screen_and_ruler_in_one_room(
    reading_room: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{reading_room.url}/studies?study=train/hand/patient00001/study1")
    expect(films(page).first).to_have_attribute("data-zoom", "1.000")
    whole = films(page).first.bounding_box()
    page.mouse.move(*middle(page))
    page.mouse.wheel(0, -900)
    expect(films(page).first).not_to_have_attribute("data-zoom", "1.000")
    assert films(page).first.bounding_box()["width"] > 1.5 * whole["width"]  # not its own outline
    before = picture(page)
    page.get_by_role("button", name="Pan right").click()
    drawn(page)
    assert picture(page) != before
    page.locator(".film").focus()
    before = picture(page)
    page.keyboard.press("ArrowLeft")
    drawn(page)
    assert picture(page) != before
    expect(page).to_have_url(re.compile("patient00001"))
    page.mouse.dblclick(*middle(page))
    expect(films(page).first).to_have_attribute("data-zoom", "1.000")

    before, (x, y) = picture(page), middle(page)
    drag(page, (x, y), (x + 60, y - 40), "right")
    expect(page.locator(".values")).to_have_text("W 293 L 102")
    drawn(page)
    assert picture(page) != before
    page.mouse.dblclick(x, y)
    expect(page.locator(".values")).to_have_text("W 255 L 128")
    page.keyboard.down("Shift")
    drag(page, (x, y), (x + 40, y), "left")
    page.keyboard.up("Shift")
    expect(page.locator(".values")).to_have_text("W 281 L 128")
    pressed(page, "Window and level").click()
    pressed(page, "Bone").click()
    expect(page.locator(".values")).to_have_text("W 153 L 166")
    page.get_by_role("slider", name="Level").press("ArrowRight")
    expect(page.locator(".values")).to_have_text("W 153 L 167")
    expect(page).to_have_url(re.compile("patient00001"))
    page.keyboard.press("Escape")
    expect(pressed(page, "Bone")).to_be_hidden()

    pressed(page, "Rotate").click()
    expect(page.locator(".stage")).to_be_visible()
    box = films(page).first.bounding_box()
    assert box["width"] / box["height"] == pytest.approx(4 / 3, rel=0.02)
    pressed(page, "Full screen").click()
    expect(pressed(page, "Exit full screen")).to_be_visible()
    expect(page.locator(".title")).to_have_text("patient00001, study1, hand, train, 1 view")
    assert pressed(page, "Previous study").is_disabled()
    pressed(page, "Next study").click()
    expect(page.locator(".title")).to_have_text("patient00002, study1, hand, train, 2 views")
    expect(films(page).nth(1)).to_have_attribute("data-zoom", "1.000")
    box = page.locator(".stage").bounding_box()
    assert box["width"] * box["height"] > 0.6 * 1440 * 900
    pressed(page, "Exit full screen").click()
    expect(pressed(page, "Full screen")).to_be_visible()

    page.goto(f"{reading_room.url}/studies?study=train/hand/patient00006/study1")
    expect(films(page).first).to_have_attribute("data-zoom", "1.000")
    pressed(page, "Ruler").click()
    box = films(page).first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"]
    drag(page, (x, y + 0.25 * box["height"]), (x, y + 0.75 * box["height"]), "left")
    length = page.locator(".over .mark text").text_content()
    assert re.fullmatch(r"(49|50)\.\d mm at the detector", length)  # half of 200 rows of 0.5 mm
    pressed(page, "Angle").click()
    for step, (dx, dy) in enumerate(((0, 0), (60, 0), (60, 60))):
        page.mouse.click(x - 30 + dx, y + 100 + dy)
        expect(page.locator(".over .mark").last.locator("circle")).to_have_count(min(3, step + 2))
    expect(page.locator(".over .mark text").last).to_have_text("90.0°")


@pytest.mark.slow
def test_zoom_and_pan_are_linked_across_the_views_until_they_are_not(page: Page) -> None:
    page.mouse.wheel(0, -600)
    expect(films(page).first).not_to_have_attribute("data-zoom", "1.000")
    zooms = [films(page).nth(i).get_attribute("data-zoom") for i in range(2)]
    assert zooms[0] == zooms[1]
    before, (x, y) = picture(page, 1), middle(page)
    drag(page, (x, y), (x - 40, y - 50), "left")
    drawn(page)
    assert picture(page, 1) != before
    pressed(page, "Link views").click()
    films(page).nth(1).hover()
    page.mouse.wheel(0, 5000)
    expect(films(page).nth(1)).to_have_attribute("data-zoom", "1.000")
    expect(films(page).first).to_have_attribute("data-zoom", zooms[0])
    pressed(page, "Reset").click()
    expect(films(page).first).to_have_attribute("data-zoom", "1.000")


@pytest.mark.slow
def test_keys_act_only_in_the_viewer_and_can_be_switched_off(page: Page, study: str) -> None:
    shown, count = page.locator(".film"), page.locator(".film").count()
    plain = picture(page)
    page.keyboard.press("i")
    drawn(page)
    assert picture(page) != plain
    for number in range(count):
        page.keyboard.press("v")
        expect(page.locator(".film:visible")).to_have_count(1)
        expect(shown.nth(number)).to_be_visible()
    page.keyboard.press("v")
    expect(shown.last).to_be_visible()
    page.keyboard.press("0")
    drawn(page)
    assert picture(page) == plain
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Shortcuts")).to_be_visible()
    page.get_by_role("checkbox", name=re.compile("Single-key")).uncheck()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Shortcuts")).to_be_hidden()
    expect(page).to_have_url(at(study))  # Escape did not go back to all studies
    films(page).first.hover()
    page.keyboard.press("i")
    drawn(page)
    assert picture(page) == plain
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Shortcuts")).to_be_hidden()  # all of them are off
    pressed(page, "Shortcuts").click()
    page.get_by_role("checkbox", name=re.compile("Single-key")).check()
    pressed(page, "Close").click()
    page.mouse.move(5, 5)
    page.evaluate("() => document.activeElement?.blur()")
    page.keyboard.press("i")
    drawn(page)
    assert picture(page) == plain
    place = page.get_by_text(re.compile(r"\d+ of \d+ studies"))
    before = place.text_content()
    page.keyboard.press("ArrowRight")
    expect(page).not_to_have_url(at(study))
    expect(place).not_to_have_text(before)
    expect(page.get_by_role("button", name="Previous")).to_be_enabled()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(at(study))


@pytest.mark.slow
def test_the_toolbar_keeps_the_focus_while_films_and_page_are_drawn_again(
    shared_server: Server, open_page: Callable[..., Page], phantom_root: Path
) -> None:
    table = catalog.studies(catalog.read(phantom_root).manifest)
    key = table[(table["label"] == 1) & (table["views"] >= 2)]["key"].iloc[0]
    page = open_page(f"{shared_server.url}/studies?study={key}")
    expect(films(page).nth(1)).to_have_attribute("data-zoom", "1.000")
    pressed(page, "Zoom in").focus()
    page.keyboard.press("Enter")
    expect(films(page).first).to_have_attribute("data-zoom", "1.400")
    expect(pressed(page, "Zoom in")).to_be_focused()
    page.get_by_text("Show the known break").click()
    expect(page.get_by_text(re.compile("displaced|angulated|hairline")).first).to_be_visible()
    expect(page.locator(".over .break").first).to_be_attached()
    expect(films(page).first).to_have_attribute("data-zoom", "1.400")  # the place stays
    expect(pressed(page, "Zoom in")).to_be_visible()
    pressed(page, "Quiz me").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("label hidden")).to_be_visible()
    expect(page.locator(".over .break")).to_have_count(0)
    expect(page.get_by_text("fracture")).to_have_count(0)
    expect(pressed(page, "Quiz me")).to_be_focused()
    expect(films(page).first).to_have_attribute("data-zoom", "1.400")
    pressed(page, "Reveal").click()
    expect(page.get_by_text("▲ fracture")).to_be_visible()


@pytest.mark.slow
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
    expect(films(page).first).to_have_attribute("data-zoom", "1.400")


@pytest.mark.slow
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
    chosen_data.choose(tmp_path / "films", "broken")
    manifest = catalog.read(tmp_path / "films", "broken").manifest
    (key,) = catalog.study_key(manifest[manifest["path"].str.contains("onerror")])
    app = Server(folder=tmp_path, data=tmp_path / "films", port=free_port())
    app.start()
    try:
        page = open_page(f"{app.url}/studies?study={quote(key)}")
        expect(page.locator("figcaption").first).to_have_text(f"{name}: no prediction")
        label = films(page).first.get_attribute("aria-label")
        assert label == f"{name}: no prediction"
        assert page.title() != "hit"
    finally:
        app.stop()


@pytest.mark.slow
def test_what_is_brushed_over_is_judged_without_it_until_it_is_restored(
    shared_server: Server, open_page: Callable[..., Page], study: str
) -> None:
    page = open_page(f"{shared_server.url}/diagnose?study={study}")
    expect(page.get_by_text("What the verdict depends on")).to_be_visible(timeout=60_000)
    expect(films(page).first).to_have_attribute("data-zoom", "1.000")
    page.locator(".film").first.focus()
    page.keyboard.press("+")
    pressed(page, "Eraser").click()
    page.get_by_role("button", name="Broad").click()
    note = page.locator("figcaption span").nth(1)
    before, number = picture(page), note.text_content()
    films(page).first.scroll_into_view_if_needed()
    box = films(page).first.bounding_box()
    y = box["y"] + box["height"] * 0.5
    page.mouse.move(box["x"] + box["width"] * 0.3, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, y, steps=5)
    expect(page.locator(".strokes polyline")).to_have_count(1)
    page.mouse.up()
    expect(page.get_by_text("With the erased area removed")).to_be_visible()
    expect(page.locator(".strokes polyline")).to_have_count(0)  # the film itself shows it now
    drawn(page)
    assert picture(page) != before
    expect(films(page).first).to_have_attribute("data-zoom", "1.400")
    pressed(page, "Restore").click()
    expect(page.get_by_text("With the erased area removed")).to_have_count(0)
    expect(note).to_have_text(number)
