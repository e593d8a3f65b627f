"""Runs in a real browser: one goes on, two are laid over each other, exported, one deleted."""

import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from fracture_core import checksums
from fracture_core.analysis import curves
from fracture_core.config.train_config import TrainConfig
from fracture_core.epochs import epoch_weights
from fracture_core.jobs import launcher
from fracture_core.runs import journal, run_folders, run_status
from tests.browser.conftest import Server, whole

ROW = 35  # px of the table's lines; the first is its head


def tick(page: Page, row: int) -> None:
    """Tick a line of the results table, counted from 0, once all of the page is there."""
    whole(page)
    table = page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    table.click(position={"x": 18, "y": (row + 1.5) * ROW})


@pytest.mark.slow
def test_two_runs_are_laid_over_each_other_exported_and_one_is_deleted(
    server: Server,
    open_page: Callable[..., Page],
    phantom_root: Path,
    finished_run: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("runs", "cache"):
        monkeypatch.setenv(f"FRACTURE_{name.upper()}", str(server.folder / name))
    monkeypatch.setenv("FRACTURE_SLOTS", "1")
    first = Path(shutil.copytree(finished_run, server.folder / "runs" / "first"))
    page = open_page(f"{server.url}/runs")
    expect(page.get_by_text("1 run on")).to_be_visible(timeout=30_000)

    config = TrainConfig(
        data=str(phantom_root), architecture="three_conv", epochs=2, learning_rate=0.0005
    )
    second = launcher.create_and_start(config, "second")
    page.reload()
    expect(page.get_by_text("2 runs on")).to_be_visible(timeout=30_000)
    assert launcher.wait(second).state is run_status.State.FINISHED, journal.log_tail(second)
    cells = page.get_by_test_id("stDataFrame").first.locator("[role=gridcell]")
    expect(cells.filter(has_text=re.compile("^finished$"))).to_have_count(2, timeout=30_000)

    tick(page, 0)
    expect(page.get_by_text("Choose a second run")).to_be_visible()
    tick(page, 1)
    expect(page).to_have_url(re.compile("runs=second&runs=first"))
    legend = page.locator(".legendtext")
    for name in ("first", "second"):
        expect(legend.filter(has_text=re.compile(f"^{name}, dev"))).to_have_count(2)
    expect(page.get_by_text("Which is better?")).to_be_visible()

    with page.expect_download() as saved:
        page.get_by_role("button", name="Export CSV").click()
    table = pd.read_csv(io.BytesIO(Path(saved.value.path()).read_bytes()))
    wanted = pd.concat([curves.of_run(run_folders.read(folder)) for folder in (second, first)])
    pd.testing.assert_frame_equal(table, wanted.reset_index(drop=True), check_dtype=False)
    with page.expect_download() as saved:
        page.locator('[data-title*="Download plot"]').first.click()
    with Image.open(saved.value.path()) as picture:
        assert saved.value.suggested_filename == "runs-study-accuracy-by-epoch.png"
        assert picture.convert("RGBA").getpixel((2, 2))[3] == 255

    other = open_page(page.url)  # the address alone
    expect(other.locator(".legendtext").filter(has_text="second, dev")).to_have_count(2)
    tick(page, 1)
    expect(page).not_to_have_url(re.compile("runs=first"))
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete permanently").click()
    expect(page.get_by_text("1 run on")).to_be_visible()
    assert first.is_dir() and not second.exists()
    expect(page.locator(".legendtext")).to_have_count(0)


@pytest.mark.slow
def test_chosen_runs_become_an_ensemble_that_judges_a_study(
    server: Server, open_page: Callable[..., Page], finished_run: Path
) -> None:
    for name in ("first", "second"):
        second = shutil.copytree(finished_run, server.folder / "runs" / name)
    kept, best = Path(second) / "checkpoints", journal.best_epoch(finished_run)
    other = epoch_weights.find(kept, 1 if best != 1 else 2)  # the same weights count once
    own = kept / epoch_weights.name(best)
    checksums.write(Path(second), own, other.read_bytes())
    page = open_page(f"{server.url}/runs?runs=first&runs=second")
    page.get_by_role("button", name="Ensemble").click(timeout=30_000)
    field = page.get_by_label("Name of the ensemble")
    field.fill("two nets")
    page.get_by_role(
        "button", name="Create ensemble"
    ).click()  # one click, the field still has the focus
    expect(page.get_by_text("A model's name takes letters")).to_be_visible()
    field.fill("pair")
    page.get_by_role("button", name="Create ensemble").click()
    expect(page).to_have_url(re.compile(r"/evaluate\?model=pair&films=dev"))
    expect(page.get_by_text("The ensemble and its 2 members")).to_be_visible()
    expect(page.get_by_text(re.compile("no member was trained on"))).to_be_visible()
    page.get_by_role("button", name="Use this model").click()
    page.get_by_role("link", name="Diagnose").first.click()
    page.get_by_role("button", name="Diagnose this study").click(timeout=60_000)
    verdict = page.get_by_role("heading", name=re.compile("The model finds (a|no) fracture"))
    expect(verdict).to_be_visible(timeout=60_000)
    page.get_by_text("Heat maps", exact=True).click()
    expect(page.get_by_text("this model is the mean of several")).to_be_attached(timeout=60_000)
    expect(page.get_by_role("button", name="Grad-CAM")).to_have_count(0)
