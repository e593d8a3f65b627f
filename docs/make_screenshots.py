"""Take the pictures in docs/screenshots: the app itself, on phantom data, in a real Chromium.

    python docs/make_screenshots.py

It makes a phantom, trains two short runs and starts the app over folders of its own, opens every
page and writes WebP files under 150 kB. Needs the development requirements and a Chromium.
"""

import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

PROJECT = Path(__file__).resolve().parent.parent
OUT = PROJECT / "docs" / "screenshots"
PORT = 8597
LIMIT_BYTES = 150_000
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def main() -> None:
    """Everything from the empty folder to the last picture."""
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        films = home / "phantom"
        os.environ |= {"FRACTURE_RUNS": f"{home}/runs", "FRACTURE_CACHE": f"{home}/cache"}
        os.environ |= {"FRACTURE_DATA": str(films), "PYTHONPATH": str(PROJECT)}
        core("phantom", str(films))
        for network, run in (("three_conv", "first"), ("five_conv", "second")):
            core("train", str(films), "--architecture", network, "--epochs", "20", "--name", run)
        repeat_report(films)
        app = start_app()
        try:
            with sync_playwright() as playwright:
                flags = ["--no-sandbox", "--disable-gpu"]
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
                shoot_all(browser, films)
                browser.close()
        finally:
            core("stop", "live", check=False)
            app.terminate()
            app.wait(20)


def repeat_report(films: Path) -> None:
    """The 2018 report's experiments, the quick ones, and their epochs evaluated again."""
    sys.path.insert(0, str(PROJECT))
    from fracture_core.analysis import report_2018
    from fracture_core.datasets import catalog
    from fracture_core.jobs import launcher
    from fracture_core.runs import run_folders
    from fracture_core.training import averages_job

    dataset, length = catalog.read(films), report_2018.LENGTHS["quick"]
    report_2018.start(dataset, length, 1)
    runs = report_2018.find(run_folders.list_runs(), dataset.hash, length).values()
    for run in runs:
        launcher.wait(run.folder)
    launcher.wait(averages_job.start([run.name for run in runs]))


def core(*words: str, check: bool = True) -> None:
    """Run a command of the product."""
    subprocess.run([sys.executable, "-m", "fracture_core", *words], check=check, cwd=PROJECT)


def start_app() -> subprocess.Popen[bytes]:
    """Start the app and wait until it answers."""
    command = [sys.executable, "-m", "streamlit", "run", "app.py"]
    command += ["--server.headless=true", f"--server.port={PORT}"]
    app = subprocess.Popen(command, cwd=PROJECT)
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"http://localhost:{PORT}/_stcore/health", timeout=1):
                return app
        except OSError:
            time.sleep(0.2)
    raise TimeoutError("the app did not answer")


def shoot_all(browser: Browser, films: Path) -> None:
    """One picture a page and state that matters."""
    positive = sorted(films.glob("valid/*/*/*_positive"))[0]
    key = "/".join(
        ("valid", positive.parts[-3].removeprefix("XR_").lower(), positive.parts[-2], "study1")
    )
    dark = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark")
    page = dark.new_page()
    visit(page, "", "home")
    visit(page, "studies", "studies")
    visit(page, f"studies?study={key}", "study")
    visit(page, "train", "train-form")
    visit(page, "runs?runs=first&runs=second&curves=dev&curves=valid", "runs")
    visit(page, "train?run=first&show=numbers,curves,studies", "train-projector")
    visit(page, "train?run=second&show=learned", "train-learned")
    visit(page, "report_2018", "report-2018")
    visit(page, "report_2018", "ninth-mistake", top="Mistake 9, measured")
    visit(page, "evaluate?model=first", "evaluate")
    visit(page, "evaluate?model=first&epoch=3", "evaluate-epoch-3")
    visit(page, "evaluate?model=first", "evaluate-lab", unfold="Aggregation lab")
    visit(page, "evaluate?model=first", "evaluate-answers", unfold="Three answers")
    core("similar", "first", str(films))
    visit(page, "studies?model=first&map=true", "studies-map")
    visit(page, "diagnose", "diagnose-empty")
    visit(page, f"diagnose?study={key}", "diagnose", wait=20)
    visit(page, f"diagnose?study={key}&why=true", "diagnose-why", wait=12)
    core("audit", str(films))
    visit(page, "data", "data")
    core("train", str(films), "--epochs", "200", "--threads", "1", "--name", "live", "--queue")
    time.sleep(20)
    visit(page, "train?run=live", "train-live")
    light = browser.new_context(viewport={"width": 900, "height": 900}, color_scheme="light")
    page = light.new_page()
    visit(page, "train?run=first", "train-light-900")
    visit(page, f"diagnose?study={key}", "diagnose-light-900", wait=8)


def visit(
    page: Page, path: str, name: str, wait: float = 5, unfold: str = "", top: str = ""
) -> None:
    """Open a page, let it settle, keep its picture.

    Args:
        page: of the browser.
        path: of the app, with its query.
        name: of the picture.
        wait: seconds until it is taken.
        unfold: beginning of the title of a fold that is opened and put on top.
        top: beginning of a heading that is put on top.
    """
    page.goto(f"http://localhost:{PORT}/{path}")
    page.wait_for_timeout(wait * 1000)
    if unfold:
        fold = page.locator("summary", has_text=unfold).first
        fold.click()
        page.wait_for_timeout(wait * 1000)
        fold.evaluate("fold => fold.scrollIntoView()")
        page.wait_for_timeout(1000)
    if top:
        heading = page.get_by_role("heading", name=top)
        heading.evaluate("heading => heading.scrollIntoView()")
        page.wait_for_timeout(1000)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    for quality in (88, 75, 60, 40):
        content = io.BytesIO()
        picture.save(content, "WEBP", quality=quality, method=6)
        if content.tell() < LIMIT_BYTES:
            break
    (OUT / f"{name}.webp").write_bytes(content.getvalue())
    print(f"{name}.webp, {content.tell() / 1000:.0f} kB")


if __name__ == "__main__":
    main()
