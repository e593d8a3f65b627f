"""A sweep in a real browser: from the form to its sentence."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server


@pytest.mark.slow
def test_four_short_runs_end_in_a_sentence(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{server.url}/train")
    page.get_by_label("Name", exact=True).fill("rates")
    epochs = page.get_by_label("Epochs", exact=True)
    epochs.fill("2")
    epochs.press("Enter")
    page.get_by_role("button", name="Sweep").click()
    values = page.get_by_label("Values of learning rate", exact=True)
    values.fill("0.001, 0.0000001")
    values.press("Enter")
    seeds = page.get_by_label("Seeds", exact=True)
    seeds.fill("2")
    seeds.press("Enter")
    expect(page.get_by_text("4 runs, ")).to_be_visible()
    page.get_by_role("button", name="Start 4 runs").click()
    expect(page).to_have_url(re.compile("/runs.*group=rates"))
    line = page.locator("summary", has_text="rates")
    expect(line).to_contain_text("finished", timeout=240_000)
    expect(page.get_by_text(re.compile("^Learning rate: "))).to_be_visible()
    expect(page.get_by_text("two seeds, ")).to_be_visible()
