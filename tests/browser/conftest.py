"""A real server and a real Chromium, shared by the browser tests."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

PROJECT = Path(__file__).resolve().parents[2]
CHROMIUM = next((p for n in ("chromium", "google-chrome") if (p := shutil.which(n))), None)
FLAGS = [
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# `urlopen` keeps the proxies of its first call, which some tests set, for the whole process.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

expect.set_options(timeout=30_000)  # ms; a page on a busy machine takes more than the usual 5 s


def free_port() -> int:
    """A port without a listener."""
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        return int(listener.getsockname()[1])


def whole(page: Page) -> None:
    """Wait until the page's script has come to its end: all of the page is there."""
    state = page.get_by_test_id("stApp")
    expect(state).to_have_attribute("data-test-script-state", "notRunning")


@dataclass
class Server:
    """The app in a process of its own, over folders of its own."""

    folder: Path
    data: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    options: tuple[str, ...] = ()  # of `streamlit run`, besides those that every test needs
    standby: bool = False  # whether it keeps a process for the next run, which loads TensorFlow

    @property
    def url(self) -> str:
        """Return the address of the app."""
        return f"http://localhost:{self.port}"

    def start(self) -> None:
        """Start the app and wait until it answers."""
        models = self.folder / "models"
        if not models.exists():
            shutil.copytree(PROJECT / "models", models)
        environment = os.environ | {
            "FRACTURE_RUNS": str(self.folder / "runs"),
            "FRACTURE_CACHE": str(self.folder / "cache"),
            "FRACTURE_MODELS": str(models),
            "FRACTURE_DATA": str(self.data),
            "FRACTURE_SLOTS": "1",
            "FRACTURE_STANDBY": "on" if self.standby else "off",
        }
        command = [sys.executable, "-m", "streamlit", "run", "app.py"]
        command += ["--server.headless=true", f"--server.port={self.port}", *self.options]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=PROJECT, env=environment, stdout=log, stderr=log
            )
        for _ in range(600):
            try:
                with DIRECT.open(f"{self.url}/_stcore/health", timeout=1):
                    return
            except OSError:
                time.sleep(0.1)
        self.stop()
        raise TimeoutError((self.folder / "server.log").read_text())

    def stop(self) -> None:
        """End the server, if need be by force; what it started goes on.

        uvicorn waits without end for a connection that a browser opened while it closed.
        """
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


@pytest.fixture(scope="session")
def port() -> int:
    """One port for every `server`: what the browser keeps of an address serves the next test."""
    return free_port()


@pytest.fixture
def server(
    tmp_path: Path, phantom_root: Path, request: pytest.FixtureRequest, port: int
) -> Iterator[Server]:
    """A running app whose data is the small phantom.

    A module that says `STANDBY = True` gets one with a process for the next run.
    """
    standby = getattr(request.module, "STANDBY", False)
    app = Server(folder=tmp_path, data=phantom_root, port=port, standby=standby)
    app.start()
    yield app
    app.stop()


@pytest.fixture(scope="session")
def shared_server(
    tmp_path_factory: pytest.TempPathFactory, phantom_root: Path, finished_run: Path
) -> Iterator[Server]:
    """A running app with one finished run, for tests that leave its files as they are."""
    app = Server(folder=tmp_path_factory.mktemp("shared"), data=phantom_root, port=free_port())
    shutil.copytree(finished_run, app.folder / "runs" / finished_run.name)
    app.start()
    yield app
    app.stop()


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Driver of browsers; skipped where there is none, but never in CI.

    A module's, not the session's: while Playwright runs, no other test can use asyncio.
    """
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs a Chromium for the browser tests: apt install chromium")
        pytest.skip("no Chromium was found; install it to run the browser tests")
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """A headless Chromium without a profile, for contexts of a test's own."""
    running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield running
    running.close()


@pytest.fixture(scope="session")
def profile_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One profile for the tabs of all tests: compiling Streamlit's scripts takes longest."""
    return tmp_path_factory.mktemp("profile")


@pytest.fixture(scope="module")
def profile(playwright: Playwright, profile_folder: Path) -> Iterator[BrowserContext]:
    """A headless Chromium with that profile."""
    context = playwright.chromium.launch_persistent_context(
        profile_folder, executable_path=CHROMIUM, args=FLAGS
    )
    yield context
    context.close()


@pytest.fixture
def open_page(profile: BrowserContext) -> Iterator[Callable[..., Page]]:
    """Opens tabs, each with a Streamlit session of its own; refuses any host but localhost.

    They share what a person's browser shares among tabs; the next test finds none of it.
    """
    pages: list[Page] = []
    outside: list[str] = []

    def note(address: str) -> None:
        if not address.startswith(("http://localhost:", "ws://localhost:", "data:", "blob:")):
            outside.append(address)

    def opened(url: str, width: int = 1440, height: int = 900) -> Page:
        page = profile.new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.set_default_timeout(30_000)
        page.on("request", lambda request: note(request.url))
        page.goto(url)
        return page

    yield opened
    for page in pages:
        with contextlib.suppress(Error):  # a tab that shows the browser's own error has none
            page.evaluate("localStorage.clear()")
        page.close()
    profile.clear_cookies()
    assert not outside, f"the app must work with the cable pulled, but asked for {outside}"
