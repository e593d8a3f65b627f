"""Studies selected, saved, exported and shown again, and a label corrected, in a real browser."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from fracture_core.datasets import catalog
from tests.browser.conftest import Server

TILES = '[class*="st-key-open-"]'


@pytest.mark.slow
def test_studies_are_selected_saved_exported_and_a_label_corrected(
    server: Server, open_page: Callable[..., Page], phantom_root: Path
) -> None:
    data = catalog.read(phantom_root)
    table = catalog.studies(data.manifest)
    page = open_page(f"{server.url}/studies")
    expect(page.locator(TILES)).to_have_count(len(table))
    boxes = page.get_by_role("checkbox", name=re.compile("^Select "))
    expect(boxes).to_have_count(len(table))
    for row in (0, 2):
        page.locator('[class*="st-key-select--"] label').nth(row).click()
    count = page.get_by_text("2 studies selected")
    expect(count).to_be_visible()
    page.locator(TILES).last.scroll_into_view_if_needed()
    expect(count).to_be_in_viewport()  # it stays in sight

    page.get_by_role("button", name="Save or export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    chosen = {row["study"] for row in csv.DictReader(io.StringIO(text))}
    assert chosen == set(table["key"].iloc[[0, 2]])
    page.get_by_label("Name", exact=True).fill("odd arms")
    page.get_by_label("Name", exact=True).press("Tab")
    page.get_by_role("button", name="Save 2 studies").click()
    expect(page.get_by_text("Saved: odd arms (2 studies).")).to_be_visible()

    # Another tab shows it by its address, and corrects the label of its first study.
    other = open_page(f"{server.url}/studies?selection=odd+arms")
    expect(other.locator(TILES)).to_have_count(2)
    other.locator(f"{TILES} button").first.click()
    other.get_by_role("button", name="Correct the label").click()
    other.get_by_label("Your name or initials").last.fill("AB")
    other.get_by_label("Why").fill("a cast")
    other.get_by_label("Why").press("Tab")
    other.get_by_role("button", name="Correct the label").last.click()
    expect(
        other.get_by_text(re.compile("The label was corrected from .* by AB on .*: a cast"))
    ).to_be_visible()
    other.get_by_role("button", name="All studies").click()
    expect(other.get_by_text("(corrected)")).to_have_count(1)
    assert catalog.read(phantom_root, rescan=True).hash == data.hash
