"""The map of films in a real browser: a picture under the pointer, a lasso, a click."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from fracture_core.datasets import catalog
from fracture_core.models import released_models
from tests.browser.conftest import Server
from tests.browser.test_studies import TILES
from tests.core import made_features


@pytest.mark.slow
def test_a_lasso_on_the_map_filters_the_wall_and_a_point_opens_its_study(
    server: Server, open_page: Callable[..., Page], phantom_root: Path, monkeypatch
) -> None:
    monkeypatch.setenv("FRACTURE_CACHE", str(server.folder / "cache"))
    dataset = catalog.read(phantom_root)
    model = released_models.read(server.folder / "models" / "starter-five-conv")
    made_features.write(model, dataset)
    table = catalog.studies(dataset.manifest)
    page = open_page(f"{server.url}/studies")
    page.get_by_text("Map of all films").click()
    plane = page.locator(".plane")
    expect(page.locator(".map")).to_have_attribute("data-painted", re.compile(r"\d"))
    expect(page.get_by_role("img", name=f"Map of {len(dataset.manifest)} films")).to_be_visible()

    # In these features the films stand in a row, in the order of the manifest.
    plane.scroll_into_view_if_needed()
    box = plane.bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    half = min(box["width"], box["height"]) / 2 / 1.06

    def at(share: float) -> float:
        return middle[0] + (2 * share - 1) * half

    page.mouse.move(at(0), middle[1])
    tooltip = page.locator(".tooltip")
    expect(tooltip).to_be_visible()
    expect(tooltip).to_contain_text(str(table["patient"].iloc[0]))
    expect(tooltip).to_contain_text("score 0.000")
    picture = tooltip.locator("img")
    page.wait_for_function("picture => picture.naturalWidth > 50", arg=picture.element_handle())

    page.mouse.move(at(-0.05), middle[1] - 60)
    page.mouse.down()
    for x, y in ((0.25, -60), (0.25, 60), (-0.05, 60), (-0.05, -50)):
        page.mouse.move(at(x), middle[1] + y, steps=8)
    page.mouse.up()
    first = table["views"].cumsum() - table["views"]
    inside = table[first / (len(dataset.manifest) - 1) < 0.25]
    expect(page.locator(TILES)).to_have_count(len(inside))
    expect(page).to_have_url(re.compile("map=true.*area=|area=.*map=true"))
    other = open_page(page.url)
    expect(other.locator(TILES)).to_have_count(len(inside))

    page.get_by_role("button", name="Clear area").click()
    expect(page.locator(TILES)).to_have_count(len(table))
    expect(page).not_to_have_url(re.compile("area="))
    page.mouse.click(at(1), middle[1])
    expect(page.locator(".pane canvas").first).to_be_visible()
    expect(page).to_have_url(re.compile("study="))
    assert re.search(r"study=([^&]+)", page.url)[1].replace("%2F", "/") == table["key"].iloc[-1]
    expect(page).not_to_have_url(re.compile("quiz="))
    page.get_by_role("button", name="All studies").click()
    expect(plane).to_be_visible()  # back to the map, which is still open
