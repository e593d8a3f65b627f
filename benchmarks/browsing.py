"""Browsing all of MURA: ratios and times on a tree of MURA's size.

    python benchmarks/browsing.py [--repeats 15] [--tree FOLDER]

Makes the tree (`full_tree.py --pixels`; or takes one that was made) and prints: reading it cold
against a bare `os.walk`, in turn, process start excluded; from the kept manifest to the counts;
the run of the Studies page's script for a filter, a page turn and an opened study, each time one
that was never asked for before, against the run of an empty page; what crosses the wire for a page
of the wall, in all, in headless Chromium; and the web process' memory above a bare app's after
50 pages of the wall. Goals are in the output.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import full_tree
from watching import BARE, SETTLE_SECONDS, app, opened, resident_mb

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Browser, Page, sync_playwright
from streamlit.testing.v1 import AppTest

from fracture_core.datasets import catalog, film_counts
from fracture_core.folders import PROJECT

EMPTY = "import streamlit as st\nst.title('empty')\n"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
LOOK_SECONDS = 1.0
PAGES = 50  # of the wall, visited one after the other


def main() -> None:
    """Make, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--tree", type=Path, help="a tree that full_tree.py has made")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        tree = options.tree or home / "MURA-v1.1"
        if not options.tree:
            full_tree.make(tree, pixels=True)
        os.environ |= {"FRACTURE_RUNS": f"{home}/runs", "FRACTURE_CACHE": f"{home}/cache"}
        os.environ |= {"FRACTURE_DATA": str(tree), "PYTHONPATH": str(PROJECT)}
        print_reading(tree, options.repeats)
        print_script_runs(tree, home, options.repeats)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            print_server(browser, home)


def timed(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def print_reading(tree: Path, repeats: int) -> None:
    """Cold against os.walk, and warm."""

    def cold() -> None:
        film_counts.counts(catalog.read(tree, rescan=True).manifest)

    def warm() -> None:
        film_counts.counts(catalog.read(tree).manifest)

    walks, colds = [], []
    for _ in range(repeats):
        walks.append(timed(lambda: sum(len(names) for _, _, names in os.walk(tree))))
        colds.append(timed(cold))
    ratios = [cold / walk for cold, walk in zip(colds, walks, strict=True)]
    print(
        f"cold, to the counts: {statistics.median(colds):.2f} s, {spread(ratios)} times a bare "
        "os.walk (goal: at most 3)"
    )
    found = [1000 * timed(warm) for _ in range(repeats)]
    print(f"warm, manifest to counts: {spread(found)} ms (goal: under 100)", flush=True)


def spread(values: list[float]) -> str:
    """Median, least and greatest."""
    return f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


def print_script_runs(tree: Path, home: Path, repeats: int) -> None:
    """The page's script for actions that were never asked for before, against an empty page's."""
    manifest = catalog.read(tree).manifest
    studies = catalog.studies(manifest)
    patients = studies["patient"].drop_duplicates().sample(repeats, random_state=0)
    keys = studies["key"].sample(repeats, random_state=1)
    (home / "empty.py").write_text(EMPTY, encoding="utf-8")
    empty = AppTest.from_file(str(home / "empty.py"), default_timeout=60).run()
    page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60)
    page.switch_page("pages/studies.py").run()
    actions = {
        "a filter": [{"patient": name[-4:]} for name in patients],
        "a page turn": [{"page": str(10 + 7 * number)} for number in range(repeats)],
        "an opened study": [{"study": key} for key in keys],
    }
    for name, addresses in actions.items():
        theirs, ours = [], []
        for address in addresses:
            time.sleep(LOOK_SECONDS)  # people look at a page before they turn it
            theirs.append(1000 * timed(empty.run))
            page.query_params.clear()
            for key, value in address.items():
                page.query_params[key] = value
            ours.append(1000 * timed(page.run))
            if page.exception:
                raise SystemExit(page.exception[0].value)
        ratios = [our / their for our, their in zip(ours, theirs, strict=True)]
        print(
            f"{name}: {spread(ours)} ms (goal: median at most 150), {spread(ratios)} times an "
            f"empty page's {statistics.median(theirs):.3g} ms",
            flush=True,
        )


def print_server(browser: Browser, home: Path) -> None:
    """Bytes of a page of the wall, and memory after many."""
    (home / "bare.py").write_text(BARE, encoding="utf-8")
    with app(home / "bare.py", home, 8592) as pid:
        page = opened(browser, "http://localhost:8592")
        time.sleep(SETTLE_SECONDS)
        bare = resident_mb(pid)
        page.close()
    with app(PROJECT / "app.py", PROJECT, 8593) as pid:
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.goto("http://localhost:8593/studies")
        cards = page.locator('[class*="st-key-open-"]')
        cards.last.wait_for(timeout=60_000)
        time.sleep(3)
        crossed = count_bytes(page)
        sizes = []
        for number in range(2, PAGES + 1):
            before = crossed[0]
            button = page.get_by_role("button", name="Next page").first
            button.click()
            page.wait_for_url(f"**page={number}*")
            page.wait_for_timeout(1500)
            sizes.append((crossed[0] - before) / 1e6)
        print(f"a page of the wall: {spread(sizes)} MB cross the wire (goal: under 1.5)")
        found = resident_mb(pid)
        print(
            f"memory after {PAGES} pages: {found:.0f} MB, {found - bare:.0f} MB above a bare app's "
            f"{bare:.0f} MB (goal: at most 120 MB above)"
        )


def count_bytes(page: Page) -> list[int]:
    """A counter, in one place, of all that the page receives, compressed as it comes."""
    crossed = [0]
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")

    def add(size: float) -> None:
        crossed[0] += int(size)

    session.on("Network.loadingFinished", lambda event: add(event["encodedDataLength"]))
    session.on(
        "Network.webSocketFrameReceived",
        lambda event: add(len(event["response"]["payloadData"]) * 3 / 4),  # sent in base64
    )
    return crossed


if __name__ == "__main__":
    main()
