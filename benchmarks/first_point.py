"""Wait from the click on Start to the first point of the curve.

    python benchmarks/first_point.py [--repeats 5] [--studies 400]

On a phantom of its own, three_conv: a page's first run (the server fresh, no films read, the form
open for 15 s), and one that starts 15 s after another has ended, both clicked in headless Chromium
(playwright), with the phases of the run's status; the same run from the terminal against a bare
`import tensorflow`, in turn; the app from its start to the first painted page; and `predict` of one
film, a whole process. Medians with the least and the greatest. Goals: 5 s, 3 s, 1.3. Linux only.
"""

import argparse
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Browser, Page, sync_playwright
from watching import CHROMIUM, wait_for

from fracture_core.folders import PROJECT
from fracture_core.jobs import launcher
from fracture_core.phantom import phantom_set
from fracture_core.runs import run_folders, run_requests, run_status
from fracture_core.runs.run_status import State

PORT = 8593
ADDRESS = f"http://localhost:{PORT}"
PAUSE_SECONDS = 15.0  # the form is looked at, or a run has ended, before the click
GOALS = {"first run": 5.0, "run after another": 3.0, "terminal / import": 1.3}
Phases = dict[str, float]  # name -> seconds, in order


def main() -> int:
    """Measure, print; gives 1 where a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--studies", type=int, default=400, help="of the phantom")
    options = parser.parse_args()
    rows: dict[str, list[Phases]] = {}
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        home = Path(name)
        phantom_set.make(home / "films", studies=options.studies)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for number in range(options.repeats):
            use(home / f"folders-{number}", home / "films")
            for row, phases in measured(browser, home, number):
                rows.setdefault(row, []).append(phases)
    for row, measurements in rows.items():
        show(row, measurements)
    missed = [row for row, goal in GOALS.items() if median_total(rows[row]) > goal]
    print(f"goals missed: {', '.join(missed) or 'none'}")
    return int(bool(missed))


def use(folder: Path, films: Path) -> None:
    """Have this process and its children use folders of their own."""
    os.environ |= {f"FRACTURE_{kind}": str(folder / kind.lower()) for kind in ("RUNS", "CACHE")}
    os.environ["FRACTURE_DATA"] = str(films)
    (folder / "runs").mkdir(parents=True)


def measured(browser: Browser, home: Path, number: int) -> Iterator[tuple[str, Phases]]:
    """Measure everything once; gives rows of the table."""
    began = time.monotonic()
    with app():
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(ADDRESS)
        page.get_by_role("heading", level=1).wait_for()
        yield "app to first painted page", {"total": time.monotonic() - began}
        page.goto(f"{ADDRESS}/train")
        button = page.get_by_role("button", name="Start training")
        button.wait_for()
        time.sleep(PAUSE_SECONDS)
        for row in ("first run", "run after another"):
            button.wait_for()  # the page's own loading is not the run's
            yield row, clicked(page)
            for run in run_folders.list_runs():
                run_requests.send(run.folder, "stop")
                launcher.wait(run.folder)
            time.sleep(PAUSE_SECONDS)  # the run's page stays open
            page.goto(f"{ADDRESS}/train")
        page.close()
    bare = seconds_of([sys.executable, "-c", "import tensorflow"])
    terminal = from_terminal(home / "films", f"terminal-{number}")
    yield "terminal", terminal
    yield "terminal / import", {"total": sum(terminal.values()) / bare}
    film = next((home / "films" / "valid").rglob("*.png"))
    words = [sys.executable, "-m", "fracture_core", "predict", "starter-five-conv", str(film)]
    predicting = seconds_of(words)
    yield "import tensorflow", {"total": bare}
    yield "predict of one film", {"total": predicting}


@contextlib.contextmanager
def app() -> Iterator[None]:
    """The app's server, ready."""
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
    server = subprocess.Popen(
        [*command, f"--server.port={PORT}"],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(f"{ADDRESS}/_stcore/health")
        yield
    finally:
        server.terminate()
        server.wait(20)


def clicked(page: Page) -> Phases:
    """Start a run by its button; gives its phases until a point is drawn on the page."""
    before = {run.folder for run in run_folders.list_runs()}
    began = time.monotonic()
    page.get_by_role("button", name="Start training").click()

    def folder() -> Path | None:
        return next((r.folder for r in run_folders.list_runs() if r.folder not in before), None)

    phases = followed(folder, began)
    page.locator("path.line").first.wait_for(state="attached")
    return phases | {"shown": time.monotonic() - began - sum(phases.values())}


def from_terminal(films: Path, name: str) -> Phases:
    """Start the same run by `train`, and stop it; gives its phases until its first point."""
    words = [sys.executable, "-m", "fracture_core", "train", str(films), "--name", name]
    words += ["--architecture", "three_conv", "--epochs", "30"]
    began = time.monotonic()
    process = subprocess.Popen(words, cwd=PROJECT, stdout=subprocess.DEVNULL)
    folder = Path(os.environ["FRACTURE_RUNS"]) / name
    phases = followed(lambda: folder if folder.is_dir() else None, began)
    process.send_signal(signal.SIGINT)
    process.wait()
    return phases


def followed(find: Callable[[], Path | None], began: float) -> Phases:
    """Return how long each phase of a run lasts until its first point is written."""
    phases: Phases = {}
    phase, since, folder = "starting", began, find()
    while True:
        folder = folder or find()
        now = time.monotonic()
        status = run_status.read(folder) if folder else None
        points = folder / "steps.jsonl" if folder else None
        drawn = bool(points and points.is_file() and points.stat().st_size)
        current = (status.phase if status else "") or "starting"
        if drawn or current != phase:
            phases[phase] = phases.get(phase, 0.0) + now - since
            phase, since = current, now
        if drawn:
            return phases
        if status and folder and status.state in (State.FAILED, State.STOPPED, State.FINISHED):
            raise SystemExit(f"{folder.name} ended as {status.state}: {status.message}")
        time.sleep(0.005)


def seconds_of(words: list[str]) -> float:
    """Wall time of a whole process."""
    began = time.monotonic()
    subprocess.run(words, cwd=PROJECT, capture_output=True, check=True)
    return time.monotonic() - began


def median_total(measurements: list[Phases]) -> float:
    """Median over the measurements of the sum of their phases."""
    return statistics.median(sum(each.values()) for each in measurements)


def show(row: str, measurements: list[Phases]) -> None:
    """Print a row: its total, and the median of each phase."""
    totals = [sum(each.values()) for each in measurements]
    goal = f", goal {GOALS[row]:g}" if row in GOALS else ""
    unit = "" if "/" in row else " s"
    print(
        f"{row}: {statistics.median(totals):.2f}{unit} ({min(totals):.2f} to {max(totals):.2f}; "
        f"n = {len(totals)}{goal})"
    )
    names = list(dict.fromkeys(name for each in measurements for name in each))
    for name in names if len(names) > 1 else []:
        print(f"    {name}: {statistics.median(e.get(name, 0.0) for e in measurements):.2f} s")


if __name__ == "__main__":
    sys.exit(main())
