"""The report of a verdict, from the button to a file that opens without a network."""

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from fracture_core.cli import command_line
from tests.browser.conftest import Server


def saved(page: Page, button: str, path: Path) -> Path:
    """Return the content that a button downloads."""
    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile(f"{button}$")).click()
    download.value.save_as(path)
    return path


@pytest.mark.slow
def test_the_report_opens_from_disk_and_json_says_what_predict_says(
    shared_server: Server,
    open_page: Callable[..., Page],
    browser: Browser,
    finished_run: Path,
    phantom_root: Path,
    tmp_path: Path,
    monkeypatch,
    capsys,
) -> None:
    study = sorted(phantom_root.glob("valid/*/*/study*_positive"))[0]
    page = open_page(f"{shared_server.url}/diagnose?model={finished_run.name}&threshold=0.1")
    page.locator("input[type=file]").first.set_input_files(sorted(study.iterdir()))
    expect(page.get_by_role("heading", name="Export")).to_be_visible(timeout=60_000)
    report = saved(page, "Report", tmp_path / "report.html")
    table = saved(page, "CSV", tmp_path / "films.csv")
    page.get_by_text("With names", exact=True).click()
    expect(page.get_by_role("switch", name="With names")).to_be_checked()
    expect(page.get_by_text("Films, study and patient are named.")).to_be_visible()
    exported = json.loads(saved(page, "JSON", tmp_path / "study.json").read_text())

    monkeypatch.setenv("FRACTURE_RUNS", str(shared_server.folder / "runs"))
    real = shutil.copytree(study, tmp_path / "study")  # as an upload is: outside the phantom
    words = ["predict", finished_run.name, str(real), "--threshold", "0.1", "--json"]
    assert command_line.main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert exported["studies"][0].pop("study") == "the uploaded study"
    told["studies"][0].pop("study")
    assert exported == told
    with table.open(newline="") as lines:
        numbers = [float(row["probability"]) for row in csv.DictReader(lines)]
    assert numbers == [image["probability"] for image in told["studies"][0]["images"]]

    context = browser.new_context(offline=True, java_script_enabled=False)
    asked: list[str] = []
    opened = context.new_page()
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(report.as_uri())
    expect(opened.get_by_role("heading", level=1)).to_contain_text(
        re.compile("The model finds a fracture .* in the study|no verdict on the study")
    )
    film = opened.get_by_role("img", name="film 1", exact=True)
    expect(film).to_be_visible()
    assert film.bounding_box()["height"] > 50
    assert [url for url in asked if not url.startswith("data:")] == [report.as_uri()]
    assert next(study.iterdir()).name not in report.read_text(encoding="utf-8")
    context.close()


@pytest.mark.slow
def test_a_printed_report_has_several_films_a_page_and_splits_no_table(
    browser: Browser, phantom_root: Path, finished_run: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("FRACTURE_RUNS", str(finished_run.parent))
    films = sorted(phantom_root.glob("train/*/*/study*/*.png"))[:8]
    words = ["predict", finished_run.name, *map(str, films), "--count-doubted"]
    assert command_line.main([*words, "--report", str(tmp_path / "report.html")]) == 0
    context = browser.new_context()
    opened = context.new_page()
    opened.goto((tmp_path / "report.html").as_uri())
    pages = re.findall(rb"/Type\s*/Page\b", opened.pdf(prefer_css_page_size=True))
    assert 3 <= len(pages) <= 4  # two beside the verdict, four, two more with the rest
    opened.emulate_media(media="print")
    for kind in ("table", ".film", "figure"):
        broken = opened.locator(kind).evaluate_all(
            "all => all.map(one => getComputedStyle(one).breakInside)"
        )
        assert set(broken) == {"avoid"}
    context.close()
