"""A receipt in a real browser: its command, run in a terminal, gives the figure on the page."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from fracture_core.curation import corrections
from fracture_core.curation.corrections import Corrections
from fracture_core.datasets import catalog
from tests.browser.conftest import PROJECT, Server
from tests.core import made_predictions

VALID = made_predictions.films(60, seed=2, skill=3.0)


@pytest.fixture
def page(server: Server, open_page: Callable[..., Page], monkeypatch: pytest.MonkeyPatch) -> Page:
    """Evaluate with a run of 60 dev and 60 valid studies, of which three have a corrected label."""
    monkeypatch.setenv("FRACTURE_RUNS", str(server.folder / "runs"))
    dev = made_predictions.films(60, seed=1, split="train", role="dev", skill=3.0)
    made_predictions.run("made", dev, VALID)
    studies = catalog.studies(VALID)
    labels = {row["key"]: 1 - row["label"] for row in studies[:3].to_dict("records")}
    value = corrections.corrected(Corrections(), studies, labels, "AB", "a cast")
    corrections.write("made", value)
    return open_page(f"{server.url}/evaluate?model=made")


def printed(command: str) -> dict[str, Any]:
    """Return the JSON that a receipt's command prints, in a process of its own."""
    python, *words = shlex.split(command)
    assert python == "python"
    done = subprocess.run(
        [sys.executable, *words],
        cwd=PROJECT,
        env=os.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    record: dict[str, Any] = json.loads(done.stdout)
    return record


@pytest.mark.slow
def test_the_command_of_a_receipt_prints_the_figure_that_the_page_shows(page: Page) -> None:
    headline = page.get_by_role("heading", name=re.compile("of 60 studies predicted correctly"))
    expect(headline).to_be_visible()
    words = headline.inner_text().replace("\N{NO-BREAK SPACE}", " ")
    page.get_by_role("button", name="Receipt").first.click()
    receipt = page.get_by_test_id("stPopoverBody")
    expect(receipt.get_by_text("3 labels corrected")).to_be_visible()
    command = receipt.locator("pre code").inner_text()
    assert " --corrections" in command
    accuracy = printed(command)["studies"]["accuracy"]
    share, low, high = (100 * accuracy[name] for name in ("value", "low", "high"))
    right = round(accuracy["value"] * accuracy["n"])
    expected = (
        f"{right} of {accuracy['n']} studies predicted correctly ({share:.1f} %, 95 % interval"
    )
    assert words.startswith(f"{expected} {low:.1f} to {high:.1f} %")
