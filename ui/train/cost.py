"""What a run will take before it is started: films, time and memory, and how that is known."""

from fracture_core import memory
from fracture_core.config import TrainConfig
from fracture_core.networks import network_size
from fracture_core.runs.run_folders import Run
from fracture_core.training import probe
from fracture_core.words import duration
from ui.cache import data_cache, run_cache
from ui.shared import theme

JUDGING = 1 / 3  # of the work that a film takes to learn from: there is no way back
LEAST_GB = 0.8  # what a child holds with TensorFlow, at 32 px and batches of 10


def sentence(config: TrainConfig, films: int) -> str:
    """The cost of a run that learns from so many films, in a few words."""
    shown = (config.steps_per_epoch or 0) * config.batch_size or films
    before = run_cache.timed_run(config.architecture, config.recipe.size)
    return (
        f"{theme.plural(films, 'training film')}, {shown:,} shown an epoch. "
        f"{time_of(config, films)} {_memory(config, before)}"
    )


def warning(config: TrainConfig) -> str:
    """What to say before a run that may not fit into memory; "" where it fits."""
    needed, free = network_size.training_bytes(config), memory.available()
    if free is None or needed <= free:
        return ""
    return (
        f"This run may need about {needed / 1e9:,.1f} GB of memory, by the arithmetic of its "
        f"network, size, batch and optimizer; {free / 1e9:,.1f} GB are free here. It may be ended "
        "by the system. Choose a smaller size or batch, or fewer units."
    )


def time_of(config: TrainConfig, films: int) -> str:
    """How long a run on the data in use takes that learns from so many films, and how that is
    known; judging the dev and valid films after each epoch is counted."""
    shown = (config.steps_per_epoch or 0) * config.batch_size or films
    work = (
        shown + JUDGING * data_cache.dev_and_valid_films(config)
    ) * config.epochs  # films' worth
    how = "At most" if config.early_stopping else "About"
    if before := run_cache.timed_run(config.architecture, config.recipe.size):
        name, seconds = before.name, work / before.status.images_per_second
        return f"{how} {duration(seconds)} of training at the speed of {name}."
    if speed := probe.kept_speed(config):
        return f"{how} {duration(work / speed)} of training by a measurement on this machine."
    seconds = probe.expected_seconds(config, films) * work / max(1, shown * config.epochs)
    known = "by its arithmetic; the first epoch tells better"
    return f"Roughly {duration(seconds)} of training {known}."


def _memory(config: TrainConfig, before: Run | None) -> str:
    """The most that a run of the same network, size and batch held; else what is sure."""
    alike = before and before.config.batch_size == config.batch_size
    if alike and before.status.memory_mb:
        return f"{before.status.memory_mb / 1000:.1f} GB of memory, as it took."
    return f"At least {LEAST_GB} GB of memory, more for large films and batches."
