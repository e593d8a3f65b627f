"""True window and level: the viewer's window acts on all bits of the file, and on nothing else."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from pydicom.dataset import Dataset

from fracture_core.films import images
from tests.browser.conftest import Server, free_port
from tests.browser.test_diagnose import FINDS, SCORE
from tests.browser.test_film_viewer import drawn
from tests.core import dicoms

FILM = ".pane > canvas:not(.lens)"
# The spread of grey in the middle of the film: 0 where a square in it cannot be seen.
SPREAD = """(canvas) => {
    const { width, height } = canvas;
    const paper = canvas.getContext("2d");
    const colours = paper.getImageData(width * 0.35, height * 0.35, width * 0.3, height * 0.3).data;
    const grey = colours.filter((_, i) => i % 4 === 0);
    return grey.reduce((a, b) => Math.max(a, b)) - grey.reduce((a, b) => Math.min(a, b));
}"""
PICTURE = """async (image) => {
    const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
    return Array.from(bytes).join();
}"""
WINDOWS = {
    "WindowCenter": [2048, 2004],
    "WindowWidth": [4096, 16],
    "WindowCenterWidthExplanation": ["WIDE", "FINE"],
}


def faint() -> np.ndarray:
    """Return 12 bits: a ramp around a square of 2000, in it one of 2007: one grey of 8 bits."""
    values = np.tile(np.linspace(0, 4095, 256), (256, 1)).round().astype(np.uint16)
    values[64:192, 64:192] = 2000
    values[112:144, 112:144] = 2007
    return values


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "faint.dcm"
    elements = {"BitsStored": 12, "HighBit": 11, "RescaleSlope": 1, "RescaleIntercept": -1000}
    centers = {"WindowCenter": [1048, 1004]}
    path.write_bytes(dicoms.make(faint(), **elements | WINDOWS | centers))
    return path


def spread(page: Page) -> int:
    drawn(page)
    return int(page.locator(FILM).first.evaluate(SPREAD))


@pytest.mark.slow
def test_a_narrow_window_shows_what_8_bits_hide_and_changes_no_score(
    shared_server: Server, open_page: Callable[..., Page], finished_run: Path, film: Path
) -> None:
    grey = np.asarray(images.decode(film))
    assert np.ptp(grey[64:192, 64:192]) == 0  # hidden in 8 bits
    page = open_page(f"{shared_server.url}/diagnose?model={finished_run.name}")
    page.locator("input[type=file]").first.set_input_files(film)
    expect(page.get_by_role("heading", name=FINDS)).to_be_visible(timeout=60_000)
    expect(page.locator(FILM).first).to_have_attribute("data-zoom", "1.000")
    figure = page.locator("figure.film").first
    expect(figure).to_contain_text(SCORE)
    score, seen = figure.text_content(), page.locator(".seen img").first.evaluate(PICTURE)
    assert spread(page) == 0
    expect(page.locator(".values")).to_have_text("W 4096 L 1048")  # rescaled, by the first window
    page.get_by_role("button", name="Window and level").click()
    page.get_by_role("button", name="FINE", exact=True).click()
    expect(page.locator(".values")).to_have_text("W 16 L 1004")
    assert spread(page) > 90
    page.get_by_role("button", name="Whole range").click()
    expect(page.locator(".values")).to_have_text("W 4095 L 1048")
    assert spread(page) <= 1
    page.get_by_role("slider", name="Level").fill("1003")
    page.get_by_role("slider", name="Window").fill("20")
    expect(page.locator(".values")).to_have_text("W 20 L 1003")
    assert spread(page) > 70
    page.get_by_role("button", name="Default", exact=True).click()
    expect(page.locator(".values")).to_have_text("W 4096 L 1048")
    assert spread(page) == 0
    assert figure.text_content() == score
    assert page.locator(".seen img").first.evaluate(PICTURE) == seen
    expect(page.get_by_role("heading", name=FINDS)).to_be_visible()


# Grey at points of the film, in rows, whatever its size on the screen.
POINTS = """(canvas, count) => {
    const paper = canvas.getContext("2d");
    const places = Array.from({ length: count }, (_, i) => (i + 0.5) / count);
    const at = (x, y) => [Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1];
    const grey = (x, y) => paper.getImageData(...at(x, y)).data[0];
    return places.flatMap((y) => places.map((x) => grey(x, y)));
}"""
COUNT = 8  # points across


def smooth() -> np.ndarray:
    """Return 12 bits that change little from pixel to pixel."""
    return np.add.outer(np.arange(256) * 9, np.arange(256) * 7).astype(np.uint16)


def shown_films() -> list[bytes]:
    """Films whose grey comes about in different ways."""
    values, padded = smooth(), smooth()
    padded[:40] = 60_000
    table = Dataset()
    table.LUTDescriptor = [4096, 0, 16]
    table.LUTData = np.round(np.linspace(0, 255, 4096) ** 2).astype(np.uint16).tobytes()
    bits = {"BitsStored": 12, "HighBit": 11}
    return [
        dicoms.make(values, **bits, WindowCenter=2000, WindowWidth=1500),
        dicoms.make(values, **bits, WindowCenter=2000, WindowWidth=900, VOILUTFunction="SIGMOID"),
        dicoms.make(values, **bits, VOILUTSequence=[table], RescaleSlope=1, RescaleIntercept=0),
        dicoms.make(padded, PixelPaddingValue=60_000, PhotometricInterpretation="MONOCHROME1"),
        dicoms.make(values, **bits, ImagerPixelSpacing=[0.2, 0.1]),
    ]


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Server]:
    """An app over one study of these films."""
    folder = tmp_path / "films/train/XR_HAND/patient00001/study1_positive"
    folder.mkdir(parents=True)
    for number, content in enumerate(shown_films(), 1):
        (folder / f"image{number}.dcm").write_bytes(content)
    app = Server(folder=tmp_path, data=tmp_path / "films", port=free_port())
    app.start()
    yield app
    app.stop()


@pytest.mark.slow
def test_every_film_is_first_shown_as_the_network_gets_it(
    study: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{study.url}/studies?study=train/hand/patient00001/study1")
    films = shown_films()
    expect(page.locator(".thumb")).to_have_count(len(films))
    for number, content in enumerate(films):
        page.locator(".thumb").nth(number).click()
        expect(page.locator(FILM).nth(number)).to_have_attribute("data-zoom", "1.000")
        expect(page.locator("figure.film").nth(number)).to_be_visible()
        drawn(page)
        grey = np.asarray(page.locator(FILM).nth(number).evaluate(POINTS, COUNT))
        film = np.asarray(images.decode(content, "film.dcm")).astype(int)
        rows, columns = ((np.arange(COUNT) + 0.5) / COUNT * side for side in film.shape)
        expected = film[np.ix_(rows.astype(int), columns.astype(int))].ravel()
        assert np.abs(grey - expected).max() <= 6, f"film {number + 1}"
