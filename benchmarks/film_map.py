"""The map of 40,005 films: time to make it, and how fluid it is in headless Chromium.

    python benchmarks/film_map.py [--films 40005] [--skip-making]

Prints the processor's and the clock's seconds of `film_map.make` on features of 64 numbers in 14
groups, with its peak of memory; then, on a tree of MURA's size with such a map: the seconds until
the map is painted first, the milliseconds of a repaint while one pans and zooms, the frames per
second, the milliseconds until a film's picture is under the pointer, and the seconds of a lasso.
"""

import argparse
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import full_tree
import numpy as np
from watching import app

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import FloatRect, Page, expect, sync_playwright

from fracture_core.datasets import catalog
from fracture_core.films import images
from fracture_core.folders import PROJECT
from fracture_core.models import released_models
from fracture_core.neighbours import film_features, film_map
from fracture_core.neighbours.film_features import PIECE, FilmFeatures

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
WIDTH, GROUPS = 64, 14
MODEL = PROJECT / "models" / "starter-five-conv"
STEPS = 120  # of the pointer while it pans
PORT = 8641
# Gives the frames per second while each of 180 frames pans.
PAN = """([x, y]) => new Promise(done => {
    const shadows = [...document.querySelectorAll("*")].map(each => each.shadowRoot);
    const root = shadows.find(each => each?.querySelector(".map")) ?? document;
    const canvas = root.querySelectorAll(".plane canvas")[1];
    const send = (kind, across) => canvas.dispatchEvent(new PointerEvent(kind, {
        pointerId: 1, button: 0, clientX: x + across, clientY: y, bubbles: true }));
    canvas.setPointerCapture = () => {};
    send("pointerdown", 0);
    const began = performance.now();
    let count = 0;
    const step = () => {
        send("pointermove", 60 * Math.sin(count / 10));
        if (++count < 180) return requestAnimationFrame(step);
        send("pointerup", 0);
        done(1000 * count / (performance.now() - began));
    };
    requestAnimationFrame(step);
})"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=40_005)
    parser.add_argument("--skip-making", action="store_true", help="time the browser only")
    options = parser.parse_args()
    if not options.skip_making:
        print_making(options.films)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        os.environ |= {"FRACTURE_RUNS": f"{home}/runs", "FRACTURE_CACHE": f"{home}/cache"}
        os.environ |= {"FRACTURE_DATA": f"{home}/MURA-v1.1", "PYTHONPATH": str(PROJECT)}
        full_tree.make(home / "MURA-v1.1")
        films = _keep_map(home / "MURA-v1.1")
        with sync_playwright() as playwright, app(PROJECT / "app.py", home, PORT):
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            print_browser(page, f"http://localhost:{PORT}", films)


def features_of(films: int) -> tuple[FilmFeatures, np.ndarray]:
    """Features in groups of different width, and the group of each film."""
    random = np.random.default_rng(0)
    group = random.integers(GROUPS, size=films)
    middles = random.normal(0, 2, (GROUPS, WIDTH))
    values = middles[group] + random.normal(0, 1, (films, WIDTH)) * (0.5 + group[:, None] / GROUPS)
    features = FilmFeatures(
        values=values.astype(np.float32),
        probabilities=random.random(films).astype(np.float32),
        readable=np.ones(films, bool),
    )
    return features, group


def print_making(films: int) -> None:
    """Time the map's two dimensions."""
    features, _ = features_of(films)
    processor, clock = time.process_time(), time.perf_counter()
    film_map.make(features)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"map of {films:,} films of {WIDTH} features: {time.process_time() - processor:.0f} s of "
        f"processor, {time.perf_counter() - clock:.0f} s, peak {peak:.0f} MB"
    )


def _keep_map(tree: Path) -> int:
    """Keep features and a map of a tree's films where the app looks for them."""
    dataset, model = catalog.read(tree), released_models.read(MODEL)
    paths = dataset.manifest["path"].tolist()
    features, group = features_of(len(paths))
    folder = film_features.folder_of(model, dataset)
    folder.mkdir(parents=True)
    for first in range(0, len(paths), PIECE):
        rows = slice(first, first + PIECE)
        stamp = images.stamp(dataset.root, paths[rows])
        parts = (features.probabilities[rows], features.values[rows], features.readable[rows])
        film_features._save(folder, first, *parts, stamp)
    random = np.random.default_rng(1)
    places = random.random((GROUPS, 2))[group] + random.normal(0, 0.05, (len(paths), 2))
    low, reach = places.min(axis=0), np.ptp(places, axis=0)
    film_map.save(folder, ((places - low) / reach).astype(np.float32))
    return len(paths)


def print_browser(page: Page, url: str, films: int) -> None:
    """Open the map, pan, zoom, rest on a film, draw a lasso."""
    page.set_default_timeout(120_000)
    page.goto(f"{url}/studies")
    expect(page.get_by_text("14,656 studies")).to_be_visible(timeout=120_000)
    began = time.perf_counter()
    page.get_by_text("Map of all films").click()
    page.wait_for_selector(".map[data-painted]", state="attached")
    print(f"{films:,} films: first painted after {time.perf_counter() - began:.2f} s")
    plane = page.locator(".plane").bounding_box()
    assert plane, "the map is in sight"
    x, y = plane["x"] + plane["width"] / 2, plane["y"] + plane["height"] / 2
    page.wait_for_timeout(3_000)  # the wall's cards are painted
    page.get_by_role("button", name="Pan", exact=True).click()
    paints = []
    for zoom in (1.0, 3.0):
        if zoom > 1:
            page.mouse.wheel(0, -440)
        page.mouse.move(x, y)
        page.mouse.down()
        for step in range(STEPS):
            page.mouse.move(x + 80 * np.sin(step / 9), y + 40 * np.cos(step / 9))
            paints.append(float(page.locator(".map").get_attribute("data-milliseconds") or 0))
        page.mouse.up()
    spread = sorted(paints)
    most = spread[int(0.9 * len(spread))]
    print(f"a repaint: {statistics.median(paints):.1f} ms (90 % below {most:.1f})")
    print(f"panning: {page.evaluate(PAN, [x, y]):.0f} frames per second")
    page.get_by_role("button", name="Whole map").click()
    _print_waits(page, plane)


def _print_waits(page: Page, plane: FloatRect) -> None:
    """Print the time to a film's picture, and from a lasso to the filtered wall."""
    x, y = plane["x"] + plane["width"] / 2, plane["y"] + plane["height"] / 2
    waits = []
    for step in range(12):
        page.mouse.move(plane["x"] + 5, plane["y"] + 5)
        page.wait_for_selector(".tooltip", state="hidden")
        began = time.perf_counter()
        page.mouse.move(x + 25 * step - 150, y + 9 * step - 60)
        try:
            page.wait_for_selector(".tooltip", state="visible", timeout=3_000)
        except Exception:  # no film within reach of the pointer
            continue
        waits.append(1000 * (time.perf_counter() - began))
    print(f"picture under the pointer: {statistics.median(waits):.0f} ms, of {len(waits)}")
    page.get_by_role("button", name="Lasso").click()
    began = time.perf_counter()
    page.mouse.move(x - 80, y - 80)
    page.mouse.down()
    for across, down in ((80, -80), (80, 80), (-80, 80), (-80, -70)):
        page.mouse.move(x + across, y + down, steps=12)
    page.mouse.up()
    page.wait_for_url("**area=**")
    expect(page.get_by_text("14,656 studies")).to_have_count(0)
    print(f"lasso, drawn and the wall filtered: {time.perf_counter() - began:.2f} s")


if __name__ == "__main__":
    main()
