"""Accessibility of Diagnose: by axe-core in every state, by keyboard alone, and read aloud."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser import accessibility
from tests.browser.conftest import Server

FINDS = re.compile("The model finds (a|no) fracture")
STREAMLIT = {("presentation-role-conflict", "section[data-testid=stFileUploaderDropzone]")}
MOST_TABS = 90  # from the top of the page to its last button


@pytest.fixture
def page(shared_server: Server, open_page: Callable[..., Page], finished_run: Path) -> Page:
    """Diagnose with a small run."""
    page = open_page(f"{shared_server.url}/diagnose?model={finished_run.name}")
    expect(page.get_by_role("button", name="Diagnose this study")).to_be_visible()
    return page


def drop(page: Page, *films: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(films)
    expect(page.get_by_role("heading", name=FINDS)).to_be_visible(timeout=60_000)
    expect(page.get_by_role("button", name="CSV")).to_be_visible()


@pytest.mark.slow
def test_no_state_of_the_page_breaks_a_rule(page: Page, phantom_root: Path, tmp_path: Path) -> None:
    found = accessibility.violations(page)
    films = sorted(phantom_root.glob("valid/*/*/*/*.png"))[:2]
    drop(page, films[0])
    found += accessibility.violations(page)
    blank, broken = tmp_path / "blank.png", tmp_path / "broken.png"
    Image.fromarray(np.full((300, 200), 90, np.uint8)).save(blank)
    broken.write_bytes(films[0].read_bytes()[:900])
    page.get_by_role("button", name="Remove all").click()
    expect(page.get_by_role("button", name="Diagnose this study")).to_be_visible()
    drop(page, *films, blank, broken)
    found += accessibility.violations(page)

    # A film is read aloud with its score, and a doubted one with the doubt.
    words = re.compile(r"^blank\.png: score [01]\.\d{3}: (no )?fracture, set aside: it is uniform")
    expect(page.get_by_role("img", name=words)).to_be_visible()
    scores = page.get_by_role("figure", name=re.compile("^Scores of the films, threshold 0.50: "))
    expect(scores).to_be_visible()
    page.get_by_text("Scores of the films as a table", exact=True).click()
    expect(page.get_by_role("cell", name=films[0].name).first).to_be_visible()
    page.get_by_text("1 file could not be read", exact=True).click()
    page.get_by_text("Measurements of 1 film", exact=True).click()
    expect(page.get_by_text("its spread is 0.000")).to_be_visible()
    found += accessibility.violations(page)

    page.get_by_text("Heat maps", exact=True).click()
    expect(page.get_by_role("button", name="Grad-CAM")).to_be_visible(timeout=60_000)
    tools = page.get_by_role("group", name="Film tools").bounding_box()
    assert tools and tools["height"] < 50  # with the maps' buttons, still one row
    page.get_by_text("Through the epochs", exact=True).last.click()
    course = page.get_by_role("figure", name=re.compile("^Scores of the films from epoch 1 to 3"))
    expect(course).to_be_visible(timeout=60_000)
    found += accessibility.violations(page)

    page.get_by_role("button", name="Remove all").click()
    expect(page.get_by_role("button", name="Diagnose this study")).to_be_visible()
    with zipfile.ZipFile(tmp_path / "several.zip", "w") as archive:
        for number, film in enumerate(films, 1):
            archive.write(film, f"case{number}/{film.name}")
    drop(page, tmp_path / "several.zip")
    expect(page.get_by_label("Study of the upload")).to_be_visible()
    found += accessibility.violations(page)
    assert [each for each in found if each.ours] == []
    assert accessibility.of_streamlit(found) == STREAMLIT
    labels = page.locator("label, summary, button").all_inner_texts()
    assert not [words for words in labels if re.search(r"\*\*|\\|:[a-z]+\[", words)]


@pytest.mark.slow
def test_the_keyboard_alone_leads_from_upload_to_verdict_to_export(
    page: Page, phantom_root: Path
) -> None:
    film = next(iter(phantom_root.glob("valid/*/*/*/*.png")))
    # Listened for from here on: Chromium needs a moment until it hands the chooser to a test.
    page.on("filechooser", lambda chooser: chooser.set_files(film))
    tab_to(page, "Upload")
    expect(page.get_by_role("button", name="Upload", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=FINDS)).to_be_visible(timeout=60_000)
    expect(page.get_by_role("button", name="CSV")).to_be_visible()
    tab_to(page, "Threshold")
    page.keyboard.press("Home")
    expect(page.get_by_role("heading", name="finds a fracture (1 of 1 film)")).to_be_visible()
    tab_to(page, "Report")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "fracture-study.html"


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the focus is on the element of this name."""
    focused = """() => {
        const at = document.activeElement;
        return at.getAttribute("aria-label") || at.innerText || "";
    }"""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        label = page.evaluate(focused).strip()
        if label.endswith(name) and not label.startswith("Help for"):
            return
    raise AssertionError(f"{MOST_TABS} presses of Tab do not lead to {name}")
