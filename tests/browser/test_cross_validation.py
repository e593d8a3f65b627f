"""Cross-validation in a real browser: from the form to the ensemble's out-of-fold figures."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server


@pytest.mark.slow
def test_two_folds_are_trained_become_one_line_and_an_ensemble(
    server: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{server.url}/train")
    page.get_by_label("Name", exact=True).fill("both")
    epochs = page.get_by_label("Epochs", exact=True)
    epochs.fill("2")
    epochs.press("Enter")
    page.get_by_role("button", name="Cross-validate").click()
    folds = page.get_by_label("Folds", exact=True)
    folds.fill("2")
    folds.press("Enter")
    expect(page.get_by_text("2 runs of about")).to_be_visible()
    page.get_by_role("button", name="Start 2 runs").click()
    expect(page).to_have_url(re.compile("/runs.*group=both"))
    line = page.locator("summary", has_text="both")
    expect(line).to_contain_text("out-of-fold accuracy", timeout=240_000)
    expect(line).to_contain_text("n = ")
    page.get_by_role("button", name="Ensemble").first.click()
    page.get_by_label("Name of the model").fill("mean")
    page.get_by_role("button", name="Create ensemble").click()
    expect(page).to_have_url(re.compile("evaluate.*model=mean"), timeout=60_000)
    expect(page.get_by_role("radio", name="out-of-fold")).to_be_visible()
