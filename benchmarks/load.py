"""Cost of a room full of browsers, and the training speed that is left beside them.

    python benchmarks/load.py [--kinds watch browse diagnose] [--clients 1 10 20 40] [--seconds 30]
                              [--studies 120] [--threads 1]

Starts a run, and for each line an app of its own, with so many tabs (`light_client.py`: no screens,
Streamlit's own protocol). Watching: a page of the live run, as it redraws itself. Browsing: the
wall of studies, an action every few seconds: a page turned, a study opened, and back. Diagnose:
three films uploaded for a verdict, again and again, with a pause between. Prints how long a first
drawing took, how long lay between two (median and 95th percentile), how long an action took, until
its pictures were there; bytes a second and memory of each; cores of the web process, and of the
clients, which share the machine; the training's speed against that without clients, some seconds
before and after them. Linux only.
"""

import argparse
import asyncio
import itertools
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from light_client import Run, Tab
from streamlit.proto.WidgetStates_pb2 import WidgetState
from watching import app, cpu_seconds, resident_mb

from fracture_core.config.train_config import TrainConfig
from fracture_core.folders import PROJECT
from fracture_core.jobs import launcher
from fracture_core.phantom import phantom_set
from fracture_core.runs import journal, run_requests, run_status

PORT = 8597
ALONE_SECONDS = 15.0  # of training without clients, before and after
ARRIVING_SECONDS = 3.0  # in which all clients open their page
SETTLE_SECONDS = 10.0  # from the last one's opening until it is counted
THINKING_SECONDS = (2.0, 6.0)  # between two actions of a person
DRAWN = {"watch": "live_curves", "browse": "imgs", "diagnose": "file_uploader"}
PLACES = {"watch": ("train", "run=load"), "browse": ("studies", ""), "diagnose": ("diagnose", "")}
GOALS = {
    "watch": "goal at 40: redrawn every 3 s at the median, .5 of a core at most",
    "browse": "goal at 20: an action within 1 s",
    "diagnose": "",
}


@dataclass(kw_only=True)
class Seen:
    """Measurements taken while so many clients were there; times in seconds."""

    first: list[float] = field(default_factory=list)
    actions: list[float] = field(default_factory=list)
    seconds: float = 0.0
    web: float = 0.0
    own: float = 0.0
    bytes: int = 0
    grown_mb: float = 0.0
    span: tuple[float, float] = (0.0, 0.0)


def main() -> None:
    """Start, count, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", nargs="+", choices=list(DRAWN), default=list(DRAWN))
    parser.add_argument("--clients", nargs="+", type=int, default=[1, 10, 20, 40])
    parser.add_argument("--seconds", type=float, default=30, help="over which is counted")
    parser.add_argument("--studies", type=int, default=400, help="of the synthetic data")
    parser.add_argument("--threads", type=int, default=1, help="of the run; 0: measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:  # children still write
        home = Path(name)
        os.environ |= {"FRACTURE_RUNS": f"{home}/runs", "FRACTURE_CACHE": f"{home}/cache"}
        os.environ |= {"FRACTURE_DATA": f"{home}/films", "PYTHONPATH": str(PROJECT)}
        phantom_set.make(home / "films", studies=options.studies)
        config = TrainConfig(
            data=f"{home}/films", epochs=10_000, steps_per_epoch=400, threads=options.threads
        )
        run = launcher.create_and_start(config, "load", queue=False)
        try:
            wait_for_steps(run)
            for kind, count in itertools.product(options.kinds, options.clients):
                measure(kind, count, options.seconds, run, home / "films")
        finally:
            run_requests.send(run, "stop")
            launcher.wait(run)


def wait_for_steps(run: Path) -> None:
    """Wait until the run has completed an epoch."""
    while not run_status.read(run).epoch:
        if not run_status.read(run).state.alive:
            raise SystemExit(run_status.read(run).message)
        time.sleep(0.5)


def measure(kind: str, count: int, seconds: float, run: Path, films: Path) -> None:
    """One line: an app of its own, so many clients, and the training beside them."""
    with app(PROJECT / "app.py", PROJECT, PORT) as pid:
        asyncio.run(one(kind, films))  # what is loaded and made once is not counted to anybody
        bounds = [time.time()]
        time.sleep(ALONE_SECONDS)
        bounds.append(time.time())
        seen, tabs = asyncio.run(many(kind, count, seconds, pid, films))
        bounds.append(time.time())
        time.sleep(ALONE_SECONDS)
        bounds.append(time.time())
    alone = statistics.mean([speed(run, *bounds[:2]), speed(run, *bounds[2:])])
    print_line(kind, count, seen, tabs, speed(run, *seen.span) / alone)


def speed(run: Path, begin: float, end: float) -> float:
    """Steps a second between two points in time, by the times that the run itself wrote down."""
    steps = journal.steps(run)
    part = steps[(steps["time"] >= begin) & (steps["time"] <= end)]
    first, last = part.iloc[0], part.iloc[-1]
    return (last["step"] - first["step"]) / (last["time"] - first["time"])


async def one(kind: str, films: Path) -> None:
    """Open the page once, and do once what is done there."""
    tab = Tab(PORT, *PLACES[kind])
    drawn = tab.until(lambda run: DRAWN[kind] in run.kinds and not run.early)
    await tab.open()
    await asyncio.wait_for(drawn, 120)
    if kind == "diagnose":
        await verdict_shown(tab, chosen_films(films, random.Random(0)))
    await asyncio.sleep(2)
    await tab.close()


async def many(
    kind: str, count: int, seconds: float, pid: int, films: Path
) -> tuple[Seen, list[Tab]]:
    """So many clients for so long."""
    tabs, seen = [Tab(PORT, *PLACES[kind]) for _ in range(count)], Seen()
    before_mb = resident_mb(pid)
    busy = await asyncio.gather(*(arrive(kind, tab, seen, count, films) for tab in tabs))
    await asyncio.sleep(SETTLE_SECONDS)
    for tab in tabs:
        tab.runs.clear()
    seen.actions.clear()
    before = time.time(), cpu_seconds(pid), time.process_time(), sum(tab.bytes for tab in tabs)
    await asyncio.sleep(seconds)
    after = time.time(), cpu_seconds(pid), time.process_time(), sum(tab.bytes for tab in tabs)
    seen.span = before[0], after[0]
    seen.seconds, seen.web, seen.own, sent = (b - a for a, b in zip(before, after, strict=True))
    seen.bytes, seen.grown_mb = int(sent), resident_mb(pid) - before_mb
    for task in filter(None, busy):
        task.cancel()
    for tab in tabs:
        await tab.close()
    return seen, tabs


async def arrive(
    kind: str, tab: Tab, seen: Seen, count: int, films: Path
) -> asyncio.Task[None] | None:
    """Open the page some time in the first seconds; gives what goes on there."""
    chance = random.Random(id(tab))
    await asyncio.sleep(chance.uniform(0, ARRIVING_SECONDS) if count > 1 else 0)
    began = time.perf_counter()
    drawn = tab.until(lambda run: DRAWN[kind] in run.kinds and not run.early)
    await tab.open()
    await asyncio.wait_for(drawn, 120)
    seen.first.append(time.perf_counter() - began)
    if kind == "watch":
        return None
    act = browsing(tab, chance) if kind == "browse" else diagnosing(tab, chance, films)
    return asyncio.create_task(acting(tab, seen, chance, act))


Act = Callable[[], Coroutine[None, None, None]]


async def acting(tab: Tab, seen: Seen, chance: random.Random, act: Act) -> None:
    """One action after the other, with time to think between."""
    while True:
        await asyncio.sleep(chance.uniform(*THINKING_SECONDS))
        began = time.perf_counter()
        try:
            await asyncio.wait_for(act(), 60)
        except Exception as error:  # counted, whatever it is: the others go on
            tab.errors.append(repr(error))
        seen.actions.append(time.perf_counter() - began)


def whole(run: Run) -> bool:
    """Return whether the script has run through, for the whole page."""
    return not run.early and not run.fragment


def browsing(tab: Tab, chance: random.Random) -> Act:
    """Turns a page of the wall, opens a study, goes back, and so on."""

    async def act() -> None:
        ends = tab.until(whole)
        if "study=" in tab.query:
            touched = WidgetState(id=tab.widgets("button", "All studies")[-1], trigger_value=True)
        elif chance.random() < 0.5:
            leaf = chance.randint(1, tab.pages)
            touched = WidgetState(id=tab.widgets("pagination")[-1], int_value=leaf)
        else:
            card = chance.choice(tab.widgets("button", "Open")[-10:])
            touched = WidgetState(id=card, trigger_value=True)
        await tab.rerun(touched)
        await ends
        await tab.pictures()

    return act


def diagnosing(tab: Tab, chance: random.Random, films: Path) -> Act:
    """Uploads three films, and waits for the verdict."""

    async def act() -> None:
        await verdict_shown(tab, chosen_films(films, chance))

    return act


async def verdict_shown(tab: Tab, films: dict[str, bytes]) -> None:
    """Upload, and wait until the page with the verdict has been drawn."""
    ends = tab.until(lambda run: whole(run) and "film_viewer" in run.kinds)
    await tab.upload(tab.widgets("file_uploader")[-1], films)
    await asyncio.wait_for(ends, 120)
    await tab.pictures()


def chosen_films(folder: Path, chance: random.Random) -> dict[str, bytes]:
    """Three films of the data, by file names of their own."""
    paths = chance.sample(sorted(folder.rglob("*.png")), 3)
    return {f"film{number}.png": path.read_bytes() for number, path in enumerate(paths, 1)}


def print_line(kind: str, count: int, seen: Seen, tabs: list[Tab], trained: float) -> None:
    """Return the text of one line."""
    web, own = seen.web / seen.seconds, seen.own / seen.seconds
    done = f"an action takes {spread(seen.actions)} s, {len(seen.actions)} of them"
    if kind == "watch":
        done = f"redrawn every {spread(gaps(tabs))} s"
    errors = Counter(error for tab in tabs for error in tab.errors)
    early = sum(run.early for tab in tabs for run in tab.runs)
    parts = (
        f"{kind}, {count}: first drawn after {spread(seen.first)} s",
        done,
        f"{seen.bytes / seen.seconds / count / 1000:.1f} kB/s each",
        f"{seen.grown_mb / count:.2f} MB each",
        f"web process {web:.2f} of a core, clients {own:.2f}",
        f"training at {trained:.2f} of its speed alone",
        f"{early} runs given up of {sum(len(tab.runs) for tab in tabs)}",
        f"errors: {dict(errors) or 'none'}",
    )
    print("; ".join(parts), f"({GOALS[kind]})" if GOALS[kind] else "", flush=True)


def gaps(tabs: list[Tab]) -> list[float]:
    """Seconds between two drawings of the live curves, of each tab."""
    times = [[run.ended for run in tab.runs if DRAWN["watch"] in run.kinds] for tab in tabs]
    return [b - a for each in times for a, b in itertools.pairwise(each)]


def spread(values: list[float]) -> str:
    """Median and 95th percentile."""
    if not values:
        return "no"
    high = sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]
    return f"{statistics.median(values):.2f} (95th percentile {high:.2f})"


if __name__ == "__main__":
    main()
