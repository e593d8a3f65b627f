"""Accessibility by axe-core: none of our own elements breaks a rule, Streamlit's are listed."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from fracture_core.datasets import catalog
from tests.browser import accessibility
from tests.browser.conftest import Server

STREAMLIT: set[tuple[str, str]] = set()


def test_an_open_study_and_its_viewer_break_no_rule(
    server: Server, open_page: Callable[..., Page], phantom_root: Path
) -> None:
    table = catalog.studies(catalog.read(phantom_root).manifest)
    key = table[table["views"] >= 2]["key"].iloc[0]
    page = open_page(f"{server.url}/studies?study={key}")
    film = page.locator(".pane > canvas:not(.lens)").nth(1)
    expect(film).to_have_attribute("data-zoom", "1.000")
    states = [accessibility.violations(page)]
    page.get_by_role("button", name="Zoom in", exact=True).click()
    page.get_by_role("button", name="Window and level", exact=True).click()
    expect(film).to_have_attribute("data-zoom", "1.400")
    states.append(accessibility.violations(page))
    page.get_by_role("button", name="Shortcuts", exact=True).click()
    expect(page.get_by_role("dialog", name="Shortcuts")).to_be_visible()
    states.append(accessibility.violations(page))
    found = [each for state in states for each in state]
    assert [each for each in found if each.ours] == []
    assert accessibility.of_streamlit(found) == STREAMLIT
    # The checker sees inside our component: a picture without a name is found there.
    page.locator(".bar").evaluate("bar => bar.append(new Image())")
    assert any(each.ours and each.rule == "image-alt" for each in accessibility.violations(page))
