"""The lab's slider and the three answers in a real browser."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server
from tests.core import made_predictions


@pytest.fixture
def page(server: Server, open_page: Callable[..., Page], monkeypatch: pytest.MonkeyPatch) -> Page:
    """Evaluate with a run of 900 dev and 150 valid studies."""
    monkeypatch.setenv("FRACTURE_RUNS", str(server.folder / "runs"))
    dev = made_predictions.films(900, seed=1, split="train", role="dev", skill=3.0)
    made_predictions.run("made", dev, made_predictions.films(150, seed=2, skill=3.0))
    return open_page(f"{server.url}/evaluate?model=made")


@pytest.mark.slow
def test_the_slider_moves_every_chart_and_the_promise_its_answers(page: Page) -> None:
    page.get_by_text("Aggregation lab").click()
    slider = page.get_by_role("slider", name="Threshold of every rule")
    expect(slider).to_have_value("0.5")
    chart = page.get_by_role(
        "figure", name=re.compile("^ROC of every rule; at the threshold 0.500")
    )
    expect(chart).to_be_visible()
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_value("0.505")
    for title in ("ROC", "Precision and recall", "Over the threshold"):
        words = re.compile(f"^{title} of every rule; at the threshold 0.505")
        expect(page.get_by_role("figure", name=words)).to_be_visible()
    expect(page.get_by_text("specificity at 0.505")).to_be_visible()

    page.get_by_text("Three answers: fracture, no fracture").click()
    limit = page.get_by_text("or less are cleared (at most 5 % have a fracture")
    expect(limit).to_be_visible()
    expect(page.get_by_text(re.compile("Left to people on valid: .* of 150"))).to_be_visible()
    field = page.get_by_role("spinbutton", name="Confidence in %")
    field.fill("99.9")
    field.press("Enter")
    expect(page.get_by_text("99.9 % confident").first).to_be_visible()
