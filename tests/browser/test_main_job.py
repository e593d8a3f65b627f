"""The main job from the first click to the last, in a real browser with a real child process."""

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from fracture_core.models import stored_models
from fracture_core.prediction.inference import Predictor
from fracture_core.prediction.study_prediction import FilmInput
from fracture_core.runs import journal, run_status
from tests.browser.conftest import Server, whole

STANDBY = True  # as every server of an owner
LIVE = re.compile(r"Epoch \d+ of \d+")


def run_folder(server: Server) -> Path:
    """The one run folder that the test has made."""
    (folder,) = (path.parent for path in server.folder.glob("runs/[!.]*/config.json"))
    return folder


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something on disk."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def start_run(page: Page, server: Server, epochs: int) -> Path:
    """Start a run from the Train page and wait until its curve has points."""
    page.goto(f"{server.url}/train")
    field = page.get_by_role("spinbutton", name="Epochs", exact=True)
    field.fill(str(epochs))
    field.press("Tab")
    page.get_by_text("The same run from a terminal").click()
    expect(page.get_by_text(f"--epochs {epochs}")).to_be_visible()
    page.get_by_role("button", name="Start training").click()
    heading = page.get_by_role("heading", name=LIVE)
    expect(heading).to_be_visible(timeout=60_000)
    expect(heading).to_be_in_viewport()  # though the button was far down the page
    return run_folder(server)


def test_browse_then_upload_three_films_and_read_the_verdict(
    server: Server,
    open_page: Callable[..., Page],
    tmp_path: Path,
    finished_run: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FRACTURE_RUNS", str(server.folder / "runs"))
    shutil.copytree(finished_run, server.folder / "runs" / finished_run.name)
    page = open_page(server.url)
    page.get_by_role("link", name="Open the wall").click()
    expect(page.get_by_text("24 studies")).to_be_visible()
    page.locator('[class*="st-key-open-"] button').first.click()
    expect(page.get_by_role("button", name="Diagnose this study")).to_be_visible()
    expect(page.get_by_text("image1.png").first).to_be_visible()

    page.goto(f"{server.url}/diagnose?model={finished_run.name}")
    films = sorted(server.data.glob("valid/*/*/*_positive/*.png"))[:2]
    cut = tmp_path / "cut.png"
    cut.write_bytes(films[0].read_bytes()[:2000])
    renamed = [tmp_path / f"view{number}.png" for number in (1, 2)]
    for film, path in zip(films, renamed, strict=True):
        shutil.copyfile(film, path)
    page.locator("input[type=file]").first.set_input_files([*renamed, cut])
    verdict = page.get_by_role("heading", name=re.compile("The model finds (a|no) fracture"))
    expect(verdict).to_be_visible(timeout=60_000)
    page.get_by_text("1 file could not be read", exact=True).click()
    expect(page.get_by_text("cut.png").last).to_be_visible()
    expect(page.get_by_text("has never seen a real film")).to_be_visible()

    predictor = Predictor(stored_models.find(finished_run.name))
    judged = predictor.predict_study("upload", [FilmInput(name=p.name, source=p) for p in renamed])
    for each in judged.films:
        expect(page.get_by_text(f"{each.probability:.3f}").first).to_be_visible()
    said = "finds a fracture" if judged.verdict(0.5) else "finds no fracture"
    expect(verdict).to_contain_text(said)


def zoom_lasts(page: Page, folder: Path) -> None:
    """Zoom in; the curve grows in the same element, and stays as it is looked at."""
    whole(page)
    panel = page.locator(".panel").nth(1)
    plot, axis = panel.locator("svg"), "all => all.map(one => one.textContent).join()"
    plot.evaluate("plot => { plot.marked = true; }")
    box = plot.bounding_box()
    far = panel.locator("text.tick").evaluate_all(axis)
    page.mouse.move(box["x"] + 60, box["y"] + 90)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 90, steps=4)
    page.mouse.up()
    near = panel.locator("text.tick").evaluate_all(axis)
    assert near != far
    before = len(journal.lines(folder / "metrics.jsonl"))
    drawn = panel.locator("path.line").last.get_attribute("d")
    until(lambda: len(journal.lines(folder / "metrics.jsonl")) > before + 1)
    expect(panel.locator("path.line").last).not_to_have_attribute("d", drawn)
    assert panel.locator("text.tick").evaluate_all(axis) == near
    assert plot.evaluate("plot => plot.marked")


def middle(button: Locator) -> tuple[float, float]:
    """Return the element that a click on it hits."""
    box = button.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def only_opens_more(page: Page, spot: tuple[float, float]) -> None:
    """Return the effect of the second of two clicks, on a button that the first has replaced."""
    page.mouse.click(*spot)
    expect(page.get_by_role("tab", name="Learning rate")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("tab", name="Learning rate")).to_have_count(0)


@pytest.mark.slow
def test_train_reload_stop_resume_finish(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server.url)
    folder = start_run(page, server, 400)
    until(lambda: len(journal.lines(folder / "metrics.jsonl")) > 3)

    page.reload()
    expect(page.get_by_role("heading", name=LIVE)).to_be_visible()
    expect(page.locator(".panel path.line").first).to_be_visible()
    zoom_lasts(page, folder)

    second = open_page(f"{server.url}/train?run={folder.name}")
    expect(second.get_by_role("heading", name=LIVE)).to_be_visible()

    stop = page.get_by_role("button", name="Stop now")
    spot = middle(stop)
    stop.click()
    expect(page.get_by_role("heading", name=re.compile("Stopped after"))).to_be_visible()
    only_opens_more(page, spot)
    expect(second.get_by_role("heading", name=re.compile("Stopped after"))).to_be_visible()
    stopped_at = run_status.read(folder).step
    assert stopped_at > 0

    resume = page.get_by_role("button", name="Resume")
    spot = middle(resume)
    resume.click()
    expect(page.get_by_role("button", name="Stop after this epoch")).to_be_visible()
    only_opens_more(page, spot)
    expect(page.get_by_role("heading", name=LIVE)).to_be_visible(timeout=60_000)
    expect(second.get_by_role("heading", name=LIVE)).to_be_visible()  # it was at rest, and looked
    until(lambda: run_status.read(folder).step > stopped_at)
    assert [e["kind"] for e in journal.events(folder)].count("resumed") == 1

    page.get_by_role("button", name="Stop after this epoch").click()
    expect(page.get_by_role("heading", name=re.compile("Stopped"))).to_be_visible()
    done = run_status.read(folder).epoch
    assert len(journal.lines(folder / "metrics.jsonl")) == done


@pytest.mark.slow
def test_a_run_goes_on_while_the_server_is_down(
    server: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(server.url)
    folder = start_run(page, server, 400)
    server.stop()
    before = run_status.read(folder).step
    until(lambda: run_status.read(folder).step > before)
    server.start()
    page.goto(f"{server.url}/train?run={folder.name}")
    expect(page.get_by_role("heading", name=LIVE)).to_be_visible()
    page.get_by_role("button", name="Stop now").click()
    expect(page.get_by_role("heading", name=re.compile("Stopped after"))).to_be_visible()


@pytest.mark.slow
def test_the_demo_button_opens_a_live_run_that_finishes(
    server: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(server.url)
    page.get_by_role("button", name="Start a demo run").dblclick()
    expect(page.get_by_role("heading", name=LIVE)).to_be_visible(timeout=60_000)
    done = page.get_by_role("heading", name="Finished 30 of 30 epochs")
    expect(done).to_be_visible(timeout=90_000)
    assert len(journal.metrics(run_folder(server))) == 30


@pytest.mark.slow
def test_a_link_that_leads_straight_to_a_page_opens_it_in_the_app(
    server: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{server.url}/data")  # the first request that this server sees
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Diagnose").first).to_be_visible()


@pytest.mark.slow
def test_pinned_studies_grow_and_the_slider_rewinds_them(
    server: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(server.url)
    folder = start_run(page, server, 400)
    until(lambda: len(journal.lines(folder / "metrics.jsonl")) > 3)
    curve = page.get_by_alt_text(re.compile("Scores of its films by epoch")).first
    expect(curve).to_be_visible()
    drawn = curve.get_attribute("src")
    expect(curve).not_to_have_attribute("src", drawn)
    page.get_by_role("button", name="Stop now").click()
    expect(page.get_by_role("heading", name=re.compile("Stopped after"))).to_be_visible()
    slider = page.get_by_role("slider", name=re.compile("Epoch shown"))
    expect(slider).to_have_count(1)  # one, though the page was just redrawn
    slider.press("ArrowLeft")
    slider.press("ArrowLeft")
    done = len(journal.lines(folder / "metrics.jsonl"))
    expect(page.get_by_text(f"up to epoch {done - 2}.")).to_be_visible()
    expect(page).to_have_url(re.compile(f"epoch={done - 2}"))
    page.reload()
    expect(page.get_by_text(f"up to epoch {done - 2}.")).to_be_visible()
