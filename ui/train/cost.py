"""The estimated cost of a run before it is started: films, time and memory."""

from fracture_core import memory
from fracture_core.config.train_config import TrainConfig
from fracture_core.jobs.launcher import slots
from fracture_core.learning_curve import curve
from fracture_core.networks import network_size
from fracture_core.sweeps.sweep import Sweep
from fracture_core.training import probe
from fracture_core.words import duration, plural
from ui.cache import run_cache
from ui.train import training_film_cache

EVALUATION = 1 / 3  # of the work of training on a film: without the backward pass


def sentence(config: TrainConfig, films: int) -> str:
    """Describe the cost of a run with this many training films, in a few words."""
    shown = (config.steps_per_epoch or 0) * config.batch_size or films
    used = "all used in every epoch" if shown == films else f"{shown:,} used per epoch"
    gigabytes, _ = _memory(config)
    return (
        f"{time_of(config, films)}: {plural(films, 'training film')}, {used}; {gigabytes} of "
        "memory."
    )


def of_folds(config: TrainConfig, films: int, count: int) -> str:
    """Describe the cost of a cross-validation: the number of runs, films and time.

    Args:
        config: of every run.
        films: training films of one run of the whole, dev films left out.
        count: number of folds.
    """
    share = films * (count - 1) // count
    how, seconds, _ = _estimate(config, share)
    together = min(count, slots())
    whole = duration(seconds * -(-count // together))
    return (
        f"{count} runs of about {plural(share, 'training film')}, {how.lower()} "
        f"{duration(seconds)} each, {together} at a time: {how.lower()} {whole} in all."
    )


def of_sweep(value: Sweep, films: int) -> str:
    """Describe the cost of a sweep: the number of runs and their time.

    Args:
        value: the sweep.
        films: training films of a run with its shared settings.
    """
    runs, places = value.planned, value.places
    first = [config for name, config in runs.items() if places[name][1] == 1]
    all_films = films / value.config.training_share
    seconds = [_estimate(each, round(all_films * each.training_share))[1] for each in first]
    whole = max(max(seconds), sum(seconds) * value.seeds / slots())
    together = min(len(runs), slots())
    noun = "share" if curve.is_one(value) else "combination"
    return (
        f"{plural(len(runs), 'run')}, {together} at a time: about {duration(whole)} in all. "
        f"{plural(len(first), noun)}, {plural(value.seeds, 'seed')} each."
    )


def sources(config: TrainConfig, films: int) -> str:
    """Say what the estimates of time and memory rest on."""
    return f"{_estimate(config, films)[2]} {_memory(config)[1]}"


def warning(config: TrainConfig) -> str:
    """Return a warning before a run that may not fit into memory; "" if it fits."""
    return network_size.memory_warning(config, memory.available())


def time_of(config: TrainConfig, films: int) -> str:
    """Estimate the duration of a run on the data in use: "About 52 s".

    Includes the evaluation of dev and valid films after each epoch.
    """
    how, seconds, _ = _estimate(config, films)
    return f"{how} {duration(seconds)}"


def _estimate(config: TrainConfig, films: int) -> tuple[str, float, str]:
    """Certainty of the estimate, its seconds, and what it rests on."""
    shown = (config.steps_per_epoch or 0) * config.batch_size or films
    evaluation = EVALUATION * training_film_cache.dev_and_valid_films(config)
    work = (shown + evaluation) * config.epochs  # in training films
    how = "At most" if config.early_stopping else "About"
    if before := run_cache.timed_run(config.network, config.recipe.size):
        source = f"Training, at the speed of {before.name}."
        return how, work / before.status.images_per_second, source
    if speed := probe.kept_speed(config):
        return how, work / speed, "Training, by a measurement on this machine."
    seconds = probe.expected_seconds(config, films) * work / max(1, shown * config.epochs)
    source = "Training, by the network's size; a better estimate follows after the first epoch."
    return "Estimated", seconds, source


def _needs(config: TrainConfig) -> tuple[int, str, bool]:
    return config.batch_size, config.optimizer, bool(config.weight_average)


def _memory(config: TrainConfig) -> tuple[str, str]:
    """The peak memory, and what it rests on: a run of the same network, size and needs, if any."""
    before = run_cache.timed_run(config.network, config.recipe.size)
    if before and _needs(before.config) == _needs(config) and before.status.memory_mb:
        return f"{before.status.memory_mb / 1000:.1f} GB", "Memory, as that run used."
    needed = network_size.training_bytes(config) / 1e9
    return f"up to {needed:,.1f} GB", "Memory, by the network's size, batch and optimizer."
