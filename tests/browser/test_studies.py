"""From the wall to a verdict in a real browser: filter, count, link, study, Diagnose."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from fracture_core.datasets import catalog
from tests.browser.conftest import Server, free_port

BAR = ("All studies", "Next", "Reveal", "Diagnose this study")
TILES = '[class*="st-key-open-"]'


@pytest.mark.slow
def test_a_filter_shows_as_many_tiles_as_it_counts_and_a_link_opens_the_same(
    shared_server: Server, open_page: Callable[..., Page], phantom_root: Path
) -> None:
    table = catalog.studies(catalog.read(phantom_root).manifest)
    page = open_page(f"{shared_server.url}/studies")
    expect(page.locator(TILES)).to_have_count(len(table), timeout=30_000)
    page.get_by_role("button", name=re.compile("no fracture · ")).click()
    negative = int((table["label"] == 0).sum())
    expect(page.get_by_text(f"{negative} studies")).to_be_visible()
    expect(page.locator(TILES)).to_have_count(negative, timeout=30_000)
    page.get_by_role("button", name=re.compile("^forearm · ")).click()
    both = int(((table["label"] == 0) & (table["part"] == "forearm")).sum())
    expect(page.get_by_text(f"{both} studies")).to_be_visible()
    expect(page.locator(TILES)).to_have_count(both, timeout=30_000)
    expect(page).to_have_url(re.compile("label=none.*part=forearm|part=forearm.*label=none"))

    other = open_page(page.url)
    expect(other.get_by_text(f"{both} studies")).to_be_visible()
    expect(other.locator(TILES)).to_have_count(both, timeout=30_000)


@pytest.mark.slow
def test_from_the_wall_by_way_of_a_study_to_its_verdict(
    shared_server: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{shared_server.url}/studies?label=fracture")
    page.locator(f"{TILES} button").first.click()
    expect(page.locator(".pane canvas").first).to_be_visible()
    expect(page).to_have_url(re.compile("study="))  # the address follows the films
    study = re.search(r"study=([^&]+)", page.url)[1]
    page.get_by_role("button", name="Diagnose this study").click()
    verdict = page.get_by_role("heading", name=re.compile("The model finds (a|no) fracture"))
    expect(verdict).to_be_visible(timeout=60_000)
    assert study in page.url


@pytest.mark.slow
def test_a_click_on_a_film_of_the_wall_opens_its_study(
    shared_server: Server, open_page: Callable[..., Page], phantom_root: Path
) -> None:
    page = open_page(f"{shared_server.url}/studies")
    keys = catalog.studies(catalog.read(phantom_root).manifest)["key"].tolist()
    film = page.locator('[class*="st-key-card-"] img')
    expect(film).to_have_count(len(keys), timeout=30_000)
    film.nth(2).click()
    expect(page).to_have_url(re.compile("study="))
    assert re.search(r"study=([^&]+)", page.url)[1].replace("%2F", "/") == keys[2]
    expect(page.locator(".pane canvas").first).to_be_visible()
    person = keys[2].split("/")[2]
    page.goto(f"{shared_server.url}/studies?person={person}")
    film.first.click()
    expect(page).to_have_url(re.compile("study="))

    # A revealed study stays where it is, on a small screen too: its buttons are one row.
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{shared_server.url}/studies?study={keys[2]}&quiz=true")
    reveal = page.get_by_role("button", name="Reveal")
    expect(reveal).to_be_visible()
    rows = {page.get_by_role("button", name=each).bounding_box()["y"] for each in BAR}
    assert len(rows) == 1


@pytest.mark.slow
def test_a_click_on_a_film_opens_its_study_in_the_audit_and_among_errors(
    shared_server: Server, open_page: Callable[..., Page], tmp_path: Path, phantom_root: Path
) -> None:
    page = open_page(f"{shared_server.url}/evaluate?model=finished&films=dev&lines=wrong")
    film = page.locator("[class*='st-key-card-'] img")
    film.first.click(timeout=60_000)
    expect(page).to_have_url(re.compile("/studies.*study="))
    expect(page.locator(".pane canvas").first).to_be_visible()
    shutil.copytree(phantom_root, tmp_path / "films")
    first, second = sorted((tmp_path / "films").glob("train/*/*/*/image1.png"))[:2]
    shutil.copy(first, second)  # the audit finds a copy
    app = Server(folder=tmp_path, data=tmp_path / "films", port=free_port())
    app.start()
    try:
        page = open_page(f"{app.url}/data")
        page.get_by_role("button", name="Run the audit").click()
        page.get_by_text(re.compile("^The . entries")).first.click(timeout=60_000)
        film = page.locator("[class*='st-key-card-'] img").first
        expect(film).to_be_visible()
        tile = page.locator("[class*='st-key-card-']").first.bounding_box()
        assert film.bounding_box()["width"] > 0.95 * tile["width"]  # enlarged to its tile
        film.click()
        expect(page).to_have_url(re.compile("/studies.*study="))
        expect(page.locator(".pane canvas").first).to_be_visible()
    finally:
        app.stop()


@pytest.mark.slow
def test_what_is_wrong_with_a_folder_is_said_within_the_window(
    server: Server, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    for name in ("Broken", "Whole"):
        (tmp_path / "classes" / name).mkdir(parents=True)
        Image.new("L", (40, 40)).save(tmp_path / "classes" / name / "1.png")
    page = open_page(f"{server.url}/data", height=800)
    field = page.get_by_role("textbox", name="Folder of the data set")
    for folder, words in (
        (tmp_path / "none", "There is no folder"),
        (tmp_path / "classes", "means a fracture?"),
    ):
        field.fill(str(folder))
        page.get_by_role("button", name="Use this folder").click()
        answer = page.get_by_text(words).first
        expect(answer).to_be_in_viewport()
        assert 0 < answer.bounding_box()["y"] - field.bounding_box()["y"] < 200
