"""Cost of watching a live run for the web process.

    python benchmarks/watching.py [--browsers 1] [--seconds 60] [--updates 500]

Starts the app and a run over folders of its own, opens the run in headless Chromium (playwright)
and prints: the web process' own CPU seconds for each watching browser; its resident memory above
that of an app that only imports streamlit, pandas and plotly, a browser on it too; and by how much
that grows over so many live updates of one browser (one every two seconds). Linux only.
"""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Browser, Page, sync_playwright

from fracture_core.config.train_config import TrainConfig
from fracture_core.folders import PROJECT
from fracture_core.jobs import launcher
from fracture_core.phantom import phantom_set
from fracture_core.runs import run_requests

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
BARE = "import pandas, plotly.graph_objects, streamlit\nstreamlit.write('bare')\n"
SETTLE_SECONDS = 20.0  # first loads of pages and libraries are over by then
STUDIES = 60
POLL_SECONDS = 2.0  # ui/shell/poll_rate.py's for a few; importing it here would make Streamlit warn


def main() -> None:
    """Start, watch, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--browsers", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60, help="over which CPU is counted")
    parser.add_argument("--updates", type=int, default=500, help="over which memory may grow")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        home = Path(name)
        os.environ |= {"FRACTURE_RUNS": f"{home}/runs", "FRACTURE_CACHE": f"{home}/cache"}
        os.environ |= {"FRACTURE_DATA": f"{home}/films", "PYTHONPATH": str(PROJECT)}
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        bare = bare_mb(browser, home)
        phantom_set.make(home / "films", studies=STUDIES)
        # Epochs of some seconds, as on real data: thousands of them would be what grows.
        config = TrainConfig(data=f"{home}/films", epochs=10_000, steps_per_epoch=400, threads=1)
        run = launcher.create_and_start(config, "live", queue=False)
        try:
            with app(PROJECT / "app.py", PROJECT, 8595) as pid:
                watch(browser, pid, bare, options)
        finally:
            run_requests.send(run, "stop")
            launcher.wait(run)


def bare_mb(browser: Browser, home: Path) -> float:
    """Resident memory of an app that imports the same large packages and shows a word."""
    (home / "bare.py").write_text(BARE, encoding="utf-8")
    with app(home / "bare.py", home, 8594) as pid:
        page = opened(browser, "http://localhost:8594")
        time.sleep(SETTLE_SECONDS)
        found = resident_mb(pid)
        page.close()
    return found


def watch(browser: Browser, pid: int, bare: float, options: argparse.Namespace) -> None:
    """CPU of some browsers, then memory under one."""
    address = "http://localhost:8595/train?run=live"
    pages = [opened(browser, address) for _ in range(options.browsers)]
    time.sleep(SETTLE_SECONDS)
    before, began = cpu_seconds(pid), time.monotonic()
    time.sleep(options.seconds)
    share = (cpu_seconds(pid) - before) / (time.monotonic() - began) / options.browsers
    print(
        f"CPU of the web process: {share:.1%} of a core for each of {options.browsers} "
        f"watching browser(s), over {options.seconds:.0f} s (goal: at most 5 %)",
        flush=True,
    )
    first = resident_mb(pid)
    print(
        f"resident memory: {first:.0f} MB, {first - bare:.0f} MB above a bare app's {bare:.0f} MB "
        "(goal: at most 120 MB above)",
        flush=True,
    )
    for page in pages[1:]:
        page.close()
    time.sleep(options.updates * POLL_SECONDS)
    print(
        f"growth over {options.updates} live updates: {resident_mb(pid) - first:.1f} MB "
        "(goal: under 5 MB over 500)"
    )


@contextlib.contextmanager
def app(script: Path, folder: Path, port: int) -> Iterator[int]:
    """A Streamlit server, ready; gives its process number."""
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless=true"]
    server = subprocess.Popen(
        [*command, f"--server.port={port}"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(f"http://localhost:{port}/_stcore/health")
        yield server.pid
    finally:
        server.terminate()
        server.wait(20)


def wait_for(address: str) -> None:
    """Wait until a server answers, a minute at most."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"{address} did not answer.")


def opened(browser: Browser, address: str) -> Page:
    """A page in a browser profile of its own, large as a screen."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(address)
    return page


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all of its threads."""
    words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MB (10^6 bytes)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
