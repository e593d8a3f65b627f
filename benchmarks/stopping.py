"""Time that a run takes to stop, in each phase of its work.

    python benchmarks/stopping.py [--repeats 5]

Starts real runs on MURA-shaped films (512 px PNG files; five_conv at 128 px, so that every phase
lasts a while), asks each to stop in one phase of its life, and prints the seconds from the request
to the run's last word, with what it kept. Goal: 3 s in every phase.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import films

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fracture_core.config.train_config import TrainConfig
from fracture_core.jobs import launcher
from fracture_core.runs import run_folders, run_requests, run_status
from fracture_core.runs.run_status import State

FILMS = 600
PHASES = (
    "queued",
    "reading films",
    "measuring",
    "importing",
    "compiling",
    "training",
    "evaluating",
)
GOAL_SECONDS = 3.0


def main() -> int:
    """Stop a run in each phase, print; gives 1 where the goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    longest = 0.0
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        os.environ |= {"FRACTURE_RUNS": f"{home}/runs", "FRACTURE_SLOTS": "1"}
        films.make(home / "films", FILMS)
        for phase in PHASES:
            found = []
            for number in range(options.repeats):
                # A cache of its own, so that films are read and threads are measured each time.
                os.environ["FRACTURE_CACHE"] = f"{home}/cache-{phase}-{number}"
                found.append(stop_in(phase, config_for(phase, home), f"{number}-{phase[:4]}"))
            seconds = [taken for taken, _ in found if taken is not None]
            if not seconds:
                print(f"{phase}: over before a stop could be asked for", flush=True)
                continue
            longest = max(longest, *seconds)
            print(
                f"{phase}: {statistics.median(seconds):.2f} s (least {min(seconds):.2f}, greatest "
                f"{max(seconds):.2f}; n = {len(seconds)}); steps kept: "
                f"{', '.join(str(step) for taken, step in found if taken is not None)}",
                flush=True,
            )
    print(f"longest {longest:.2f} s, goal {GOAL_SECONDS:.0f} s")
    return int(longest > GOAL_SECONDS)


def config_for(phase: str, home: Path) -> TrainConfig:
    """Threads are measured in long runs only; evaluating takes long with many dev films."""
    plain = TrainConfig(data=f"{home}/films", positive="positive", epochs=2, dev_share=0.5)
    threads = None if phase == "measuring" else 1
    epochs = 500 if phase == "measuring" else 2
    steps = 5 if phase == "evaluating" else 10_000
    recipe = replace(plain.recipe, size=128)
    return replace(plain, recipe=recipe, threads=threads, epochs=epochs, steps_per_epoch=steps)


def stop_in(phase: str, config: TrainConfig, name: str) -> tuple[float | None, int]:
    """Start a run and stop it in a phase; gives the seconds (`None`: it got past) and its step."""
    folder = run_folders.create(config, name)
    slot = launcher.take_slot() if phase == "queued" else None
    launcher.start_run(folder, wait_for_slot=phase == "queued")
    while not in_phase(folder, phase):
        if not run_status.read(folder).state.alive:
            return None, run_status.read(folder).step
        time.sleep(0.002)
    began = time.monotonic()
    run_requests.send(folder, "stop")
    while (status := run_status.read(folder)).state.alive:
        time.sleep(0.002)
    taken = time.monotonic() - began
    if slot is not None:
        os.close(slot)
    if status.state is State.FINISHED:
        return None, status.step
    if status.state is not State.STOPPED:
        raise SystemExit(f"{name} ended as {status.state}: {status.message}")
    return taken, status.step


def in_phase(folder: Path, phase: str) -> bool:
    """Return whether a run is in the middle of a phase."""
    status = run_status.read(folder)
    if phase == "queued":
        return status.state is State.QUEUED
    return status.phase == phase


if __name__ == "__main__":
    sys.exit(main())
