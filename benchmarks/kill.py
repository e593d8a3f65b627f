"""Kill real runs with SIGKILL, resume them, and compare them with a twin.

    python benchmarks/kill.py [--kills 100] [--seed 0] [--configuration five_conv]

A run with a checkpoint every half second is killed at random times
of its child's life, and at the very moment that a prediction table, a state or half-written
weights appear; resumed, and killed again. When it has finished all the same, its weights,
optimizer, metrics lines and prediction tables are compared with those of a run that was not
touched, bit for bit, and the next run begins. Ends with status 1 if any run differs.
"""

import argparse
import collections
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fracture_core.config.film_settings import Augmentation, PixelRecipe
from fracture_core.config.network_options import NetworkOptions
from fracture_core.config.schedule_settings import Schedule
from fracture_core.config.train_config import TrainConfig
from fracture_core.jobs import launcher
from fracture_core.phantom import phantom_set
from fracture_core.runs import journal, run_folders, run_status
from fracture_core.runs.run_status import State
from fracture_core.words import duration
from tests.core.twins import differences

STUDIES = 40
AIMED = 0.4  # share of the kills that wait for a file, rather than for a random time
KINDS = (  # files whose first appearance a kill can wait for
    "predictions/epoch_*.npy",
    "predictions/.epoch_*.npy.*",
    "checkpoints/epoch_*.npz",
    "checkpoints/epoch_*_step_*.npz",
    "checkpoints/.epoch_*.weights.h5.*",
    "checkpoints/.epoch_*.npz.*",
)
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "five_conv": {
        "architecture": "five_conv",
        "epochs": 4,
        "steps_per_epoch": 300,
        "options": NetworkOptions(dropout=0.5),
        "schedule": Schedule(kind="cosine", warmup_epochs=0.5),
    },
    "all_conv": {
        "architecture": "all_conv",
        "epochs": 6,
        "steps_per_epoch": 60,
        "options": NetworkOptions(dropout=0.5),
        "recipe": PixelRecipe(size=64),
        "augmentation": Augmentation(
            rotation_degrees=20, zoom_percent=10, shift_percent=5, horizontal_flip=True
        ),
        "schedule": Schedule(kind="cosine"),
        "class_weights": "balanced",
        "early_stopping": 4,
    },
    "sgd": {
        "architecture": "three_conv",
        "epochs": 6,
        "steps_per_epoch": 200,
        "optimizer": "sgd",
        "momentum": 0.9,
        "learning_rate": 0.01,
        "schedule": Schedule(kind="plateau", warmup_epochs=1, patience=1),
    },
}
PER_RUN = 6  # kills of one run; then it is left alone until it has finished


def main() -> int:
    """Kill, resume, compare, print; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of the times of the kills")
    parser.add_argument("--configuration", choices=CONFIGURATIONS, default="five_conv")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        os.environ |= {"FRACTURE_RUNS": f"{name}/runs", "FRACTURE_CACHE": f"{name}/cache"}
        phantom_set.make(Path(name) / "films", studies=STUDIES)
        config = make_config(Path(name) / "films", options.configuration)
        began = time.monotonic()
        twin = launcher.create_and_start(config, "twin", queue=False)
        finish(twin)
        life = time.monotonic() - began
        print(f"The untouched twin took {life:.1f} s.", flush=True)
        return report(options.kills, twin, config, chance, life)


def make_config(data: Path, name: str) -> TrainConfig:
    """A run with what a resume must get right, some seconds of steps an epoch."""
    return TrainConfig(
        data=str(data), checkpoint_seconds=0.5, threads=1, **CONFIGURATIONS[name]
    )  # fmt: skip


def report(wanted: int, twin: Path, config: TrainConfig, chance: random.Random, life: float) -> int:
    """Kill `wanted` times, in as many runs as that takes; gives 0 if all of them equal the twin."""
    phases: collections.Counter[str] = collections.Counter()
    began, kills, made, equal = time.monotonic(), 0, 0, 0
    while kills < wanted:
        made += 1
        folder = launcher.create_and_start(config, f"run-{made}", queue=False)
        hit = kill_again_and_again(folder, min(PER_RUN, wanted - kills), chance, life)
        finish(folder)
        differ = differences(folder, twin)
        kills, equal = kills + len(hit), equal + (not differ)
        phases.update(hit)
        left = (time.monotonic() - began) / max(1, kills) * (wanted - kills)
        verdict = f"differs from the twin in {', '.join(differ)}" if differ else "equals the twin"
        print(
            f"run {made}: {len(hit)} kills ({', '.join(hit)}), resumed at steps "
            f"{', '.join(map(str, resumed_at(folder)))}; {verdict}. "
            f"{kills} of {wanted} kills, about {duration(left)} left.",
            flush=True,
        )
        if not differ:
            run_folders.delete(folder)
    places = ", ".join(f"{phase} {count}" for phase, count in phases.most_common())
    print(f"{kills} kills in {made} runs ({places}): twins equal {equal} of {made}.")
    return 0 if equal == made else 1


def kill_again_and_again(folder: Path, most: int, chance: random.Random, life: float) -> list[str]:
    """Kill and resume until `most` kills were done or the run has finished; gives phases hit."""
    hit: list[str] = []
    while len(hit) < most:
        if chance.random() < AIMED:
            wait = appears(folder, chance.choice(KINDS))
        else:
            wait = passes(chance.uniform(0.0, life))
        phase = kill_once(folder, wait)
        if phase is None:
            break
        hit.append(phase)
        launcher.resume(folder, wait_for_slot=False)
    return hit


def passes(seconds: float) -> Callable[[], bool]:
    """Return whether these seconds have passed since now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def appears(folder: Path, pattern: str) -> Callable[[], bool]:
    """Return whether a file of this kind is there that is not there now."""
    before = set(folder.glob(pattern))
    return lambda: bool(set(folder.glob(pattern)) - before)


def kill_once(folder: Path, due: Callable[[], bool]) -> str | None:
    """Kill the child started last when `due`; gives the phase it was in, `None` if it was over."""
    child = launcher._children[-1]
    while not due():
        if child.poll() is not None or run_status.read(folder).state is State.FINISHED:
            child.wait()
            return None
        time.sleep(0.0005)
    status = run_status.read(folder)
    if status.state is State.FINISHED or child.poll() is not None:
        child.wait()
        return None
    child.kill()
    child.wait()
    after = run_status.read(folder)
    if after.state is State.FINISHED:  # its last word was out before the signal came
        return None
    if after.state is not State.INTERRUPTED:
        raise SystemExit(f"{folder.name} was killed and calls itself {after.state}.")
    return status.phase or "starting"


def finish(folder: Path) -> None:
    """Wait until a run has finished; ends this program where it fails to."""
    status = launcher.wait(folder)
    if status.state is not State.FINISHED:
        log = journal.log_tail(folder)
        raise SystemExit(f"{folder.name} ended as {status.state}: {status.message}\n{log}")


def resumed_at(folder: Path) -> list[int]:
    """The steps from which the run went on."""
    return [e["step"] for e in journal.events(folder) if e["kind"] in ("resumed", "started")][1:]


if __name__ == "__main__":
    sys.exit(main())
