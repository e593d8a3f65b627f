"""Probe of the fastest use of threads on this machine: measured once, and stored.

Either one operation after the other, each with some threads; or each with one thread and several at
once ("1x2"), which changes no bit. The choice is stored with the run, since the last bits of its
sums depend on the threads of an operation.
"""

import contextlib
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fracture_core import file_reader
from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import FileRefused
from fracture_core.files import make_folder, replace_file
from fracture_core.folders import PROJECT, cache_folder
from fracture_core.networks import architectures
from fracture_core.runs import run_folders
from fracture_core.words import duration

if TYPE_CHECKING:
    from fracture_core.training_films.pipeline import Pipeline

SHORT_SECONDS = 120.0  # of a run; for a shorter one, measuring takes longer than it saves
CORE_FLOP = 30e9  # per second and core, roughly: only separates short runs from long ones
MEASURE_SECONDS = 1.5
BRANCHES = 2  # a convolution has two gradients: more than two operations are rarely ready at once
_NAME = re.compile(r"[0-9]{1,3}(x[0-9]{1,3})?")  # THREADS or THREADSxBRANCHES
BETTER = 1.05  # required speed-up by more threads: other processes need cores too


def choose(folder: Path, films: int) -> dict[str, Any]:
    """Choose a run's threads, with the reason.

    Args:
        folder: the run folder.
        films: training films of the run.

    Returns:
        "threads" of an operation, "branches" (operations at once), "why" (a clause for people) and,
        where it was measured, "images_per_second" by "THREADS" or "THREADSxBRANCHES".
    """
    config, cores = run_folders.read(folder).config, os.cpu_count() or 1
    if config.threads:
        return {"threads": config.threads, "branches": 1, "why": "as requested"}
    if cores == 1:
        return _as_short_runs("there is one core")
    alone = not any(r.status.state.alive for r in run_folders.list_runs() if r.folder != folder)
    seconds = expected_seconds(config, films)
    if seconds < SHORT_SECONDS:
        why = f"a run of about {duration(seconds)} is not worth measuring"
        return _as_short_runs(why) if alone else {"threads": 1, "branches": 1, "why": why}
    if not alone:
        return {"threads": 1, "branches": 1, "why": "other runs were active, a core for each"}
    if speeds := _stored().get(_key(config)):
        return _fastest(speeds, "measured on this machine before")
    speeds = _measure_all(folder, cores)
    with contextlib.suppress(OSError):  # it is stored with the run as well
        make_folder(_file().parent)
        replace_file(_file(), json.dumps({**_stored(), _key(config): speeds}, indent=2).encode())
    return _fastest(speeds, "measured")


def of_short_runs() -> tuple[int, int]:
    """Return threads and branches of a run that is not worth measuring, and alone."""
    return 1, 1 if (os.cpu_count() or 1) == 1 else BRANCHES


def _as_short_runs(why: str) -> dict[str, Any]:
    threads, branches = of_short_runs()
    return {"threads": threads, "branches": branches, "why": why}


def kept_speed(config: TrainConfig) -> float | None:
    """Return the speed measured here for such runs, in training films per second, or `None`."""
    return max(_stored().get(_key(config), {}).values(), default=0.0) or None


def expected_seconds(config: TrainConfig, films: int) -> float:
    """Estimate the run's seconds on one core from its arithmetic alone."""
    shown = (config.steps_per_epoch or 0) * config.batch_size or films
    return config.epochs * shown * _mega_flop(config) * 1e6 / CORE_FLOP


def _mega_flop(config: TrainConfig) -> float:
    """Return the arithmetic of training on one film, in millions of products and sums."""
    if own := config.options.own:
        return own.mega_flop
    return architectures.find(config.architecture).mega_flop * (config.recipe.size / 32) ** 2


def measure(config: TrainConfig, threads: int, branches: int = 1) -> float:
    """Measure the speed in training films per second; sets the threads of this process."""
    import numpy as np

    from fracture_core.learners.learner import make_learner
    from fracture_core.training import loop, steps

    loop.set_threads(threads, branches)
    model, optimizer, loss, average = make_learner(config)
    films = random_films(config)
    step = steps.make_steps(model, optimizer, config.seed, loss=loss, average=average)
    rates = np.full(4, config.learning_rate, np.float32)
    step(films.chunk(0, 4), rates)  # compiles
    began, done = time.perf_counter(), 4
    while (passed := time.perf_counter() - began) < MEASURE_SECONDS:
        step(films.chunk(done, 4), rates)
        done += 4
    return (done - 4) * config.batch_size / passed


def random_films(config: TrainConfig) -> "Pipeline":
    """Return 8 batches of random pixels, every other film positive and a study of its own."""
    import numpy as np

    from fracture_core.training_films.pipeline import Pipeline

    size, count = config.recipe.size, 8 * config.batch_size
    pixels = np.random.default_rng(0).integers(0, 256, (count, size, size), np.uint8)
    return Pipeline(pixels=pixels, labels=np.arange(count) % 2, config=config)


def _measure_all(folder: Path, cores: int) -> dict[str, float]:
    """Measure films per second by 1, 2, 4... threads, while more are faster, and by branches."""
    speeds: dict[str, float] = {_name(1, BRANCHES): _in_a_child(folder, 1, BRANCHES)}
    threads = 1
    while threads <= cores:
        speeds[str(threads)] = _in_a_child(folder, threads)
        if threads > 1 and speeds[str(threads)] < BETTER * speeds[str(threads // 2)]:
            break
        threads *= 2
    return speeds


def _in_a_child(folder: Path, threads: int, branches: int = 1) -> float:
    """Run `measure` in a child process, since TensorFlow sets its threads once; 0 on failure."""
    words = [sys.executable, "-m", "fracture_core.cli.child", "probe", folder.name]
    path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
    process = subprocess.run(
        [*words, "--threads", str(threads), "--branches", str(branches)],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return float(process.stdout.split()[-1])
    except (IndexError, ValueError):
        print(process.stderr, file=sys.stderr)
        return 0.0


def _fastest(speeds: dict[str, float], why: str) -> dict[str, Any]:
    best = "1"
    for name in sorted(speeds, key=_numbers):
        if speeds[name] > BETTER * speeds.get(best, 0.0):
            best = name
    threads, branches = _numbers(best)
    return {"threads": threads, "branches": branches, "why": why, "images_per_second": speeds}


def _name(threads: int, branches: int) -> str:
    return f"{threads}x{branches}"


def _numbers(name: str) -> tuple[int, int]:
    """Return threads and branches of "2" or "1x2"."""
    threads, _, branches = name.partition("x")
    return int(threads), int(branches or 1)


def _file() -> Path:
    return cache_folder() / "probes.json"


def _stored() -> dict[str, dict[str, float]]:
    try:
        by_key = file_reader.read_json(_file())
    except FileRefused:
        return {}
    if not isinstance(by_key, dict):
        return {}
    return {key: speeds for key, speeds in by_key.items() if _are_speeds(speeds)}


def _are_speeds(value: Any) -> bool:
    return isinstance(value, dict) and all(
        _NAME.fullmatch(name) and type(speed) in (int, float) and 0 <= speed < 1e9
        for name, speed in value.items()
    )


def _key(config: TrainConfig) -> str:
    """Return the conditions of a speed: machine, TensorFlow, network, size, batch, optimizer."""
    machine = [platform.node(), platform.machine(), os.cpu_count()]
    options = architectures.resolve(config.architecture, config.options).to_dict()
    own = options.pop("own")
    name = own["sha256"] if own else config.architecture
    work = [name, options, config.recipe.size, config.batch_size, config.optimizer]
    values = {"mixup": bool(config.mixup), "average": bool(config.weight_average)}
    values["pooling"] = bool(config.study_pooling)
    work += [name for name, is_set in values.items() if is_set]  # none in keys of before
    return json.dumps([machine, importlib.metadata.version("tensorflow"), work])
