"""Commands that train: `architectures`, `train`, `resume`, `stop`, `fork`, `set`.

Modules that load pandas are imported by the command that needs them, so that `--help` is quick.
"""

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fracture_core.cli import Command, run_group, setting_options, terminal
from fracture_core.config.limits import LIMITS
from fracture_core.config.record import check_range
from fracture_core.config.reference import Reference
from fracture_core.config.train_config import DEFAULTS, TrainConfig
from fracture_core.errors import ConfigError, RunError
from fracture_core.folders import phantom_folder, runs_folder
from fracture_core.jobs import launcher, standby
from fracture_core.networks import network_size
from fracture_core.networks.architectures import ARCHITECTURES, Architecture
from fracture_core.pretrained import imagenet_files
from fracture_core.runs import journal, run_folders, run_lock, run_requests, run_status
from fracture_core.runs.run_status import State, Status
from fracture_core.words import duration, short

if TYPE_CHECKING:
    from fracture_core.cross_validation.group import Group
    from fracture_core.datasets.catalog import Dataset
    from fracture_core.sweeps.sweep import Sweep

NAMED = 10  # unreadable films that are listed; the others are counted
POLL_SECONDS = 0.3  # between two looks at the run that is followed

# --- networks -----------------------------------------------------------------------------------


def _architectures_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--size", type=int, default=32, help="input side in px (32)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _architectures(options: argparse.Namespace) -> None:
    """List the networks; one that needs a larger input has no number of parameters."""
    check_range("size", options.size, LIMITS.size)
    counts = {name: _parameters(entry, options.size) for name, entry in ARCHITECTURES.items()}
    if options.json:
        entries = [
            {
                "name": name,
                "parameters": counts[name],
                "training_bytes": _training_bytes(entry, options.size),
                "sentence": entry.sentence,
                "source": entry.source,
                "options": entry.options.to_dict(),
            }
            for name, entry in ARCHITECTURES.items()
        ]
        terminal.print_json(entries)
        return
    for name, entry in ARCHITECTURES.items():
        count = counts[name]
        size = f"{count:>10,} parameters" if count else f"needs {entry.smallest} px or more"
        if held := _training_bytes(entry, options.size):
            size += f", up to {held / 1e9:.1f} GB in training"
        print(f"{name:16}{size:46}  {entry.sentence}")
        print(f"{'':16}source: {entry.source}")


def _training_bytes(entry: Architecture, size: int) -> int | None:
    """Estimate the memory of training it with the default batch and optimizer; as below."""
    if size < entry.smallest:
        return None
    recipe = replace(DEFAULTS.recipe, size=size)
    return network_size.training_bytes(replace(DEFAULTS, architecture=entry.name, recipe=recipe))


def _parameters(entry: Architecture, size: int) -> int | None:
    """Return a network's parameters at this input side in px; `None` if it needs a larger one."""
    if size < entry.smallest:
        return None
    return network_size.of(entry.name, size, entry.options).parameters


# --- start --------------------------------------------------------------------------------------


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    setting_options.add_data(parser)
    setting_options.add_settings(parser, setting_options.default_of_train)
    setting_options.add_start(parser, "the run's name and folder")


@contextlib.contextmanager
def _loading(options: argparse.Namespace) -> Iterator[None]:
    """Have a process load TensorFlow while the start of a run that begins here is prepared."""
    if options.queue or options.launcher not in (None, "local"):
        yield
        return
    with standby.permitted():
        standby.prepare(at_once=True)
        yield


def _train(options: argparse.Namespace) -> int:
    config = setting_options.config_of(options)
    setting_options.check_network(config)
    if options.name is not None:
        run_folders.check_name(options.name)
        run_folders.refuse_taken(runs_folder() / options.name)
    root = Path(config.data)
    with _loading(options):
        from fracture_core.curation import curated_data
        from fracture_core.datasets import catalog, exclusions, family_list, fold_list
        from fracture_core.phantom import phantom_set

        if config.exclude:
            exclusions.read(Path(config.exclude))  # refused now rather than by a failed run
        if config.families:
            family_list.read(Path(config.families))
        fold_list.of_config(config)
        drawn = root == phantom_folder() or phantom_set.is_phantom(root)
        if not drawn or phantom_set.is_complete(root):  # the child completes an incomplete one
            dataset = catalog.read(root, config.positive, table=config.table)
            catalog.select(dataset.manifest, parts=config.parts)  # refuses a part that is not there
            curated_data.of_config(dataset, config)  # refuses what a run could not use
            config = replace(config, data=str(dataset.root))
            _tell_cost(config, dataset)
        folder = launcher.create_and_start(config, options.name, queue=options.queue)
    return _queued(folder) if options.queue else _follow(folder)


def _tell_cost(config: TrainConfig, dataset: "Dataset") -> None:
    """Print the time and memory that the run may take, advice, and a warning if it may not fit."""
    from fracture_core import memory
    from fracture_core.training import probe

    films = setting_options.training_films(config, dataset)
    seconds = probe.expected_seconds(config, films)
    needed = network_size.training_bytes(config) / 1e9
    print(
        f"Estimated {duration(seconds)} on one core, from the network's arithmetic; up to "
        f"{needed:,.1f} GB of memory."
    )
    if advice := imagenet_files.advice(config, films):
        print(advice)
    if warning := network_size.memory_warning(config, memory.available()):
        print(warning, file=sys.stderr)


def _resume_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run")
    parser.add_argument("--more-epochs", type=int, default=0, help="epochs to add (0)")
    setting_options.add_queue(parser)


def _resume(options: argparse.Namespace) -> int:
    if value := run_group.find(options.run):
        return _resume_group(value, options)
    folder = run_folders.find(options.run)
    with _loading(options):
        launcher.resume(folder, options.more_epochs, wait_for_slot=options.queue)
    return _queued(folder) if options.queue else _follow(folder)


def _resume_group(value: "Group | Sweep", options: argparse.Namespace) -> int:
    from fracture_core.cli.commands import cross_validate, start_sweep
    from fracture_core.sweeps.sweep import Sweep

    run_group.resume(value, options.more_epochs)
    if isinstance(value, Sweep):
        return (
            start_sweep.queued(value, False) if options.queue else start_sweep.follow(value, False)
        )
    return (
        cross_validate.queued(value, False)
        if options.queue
        else cross_validate.follow(value, False)
    )


def _fork_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN@EPOCH", help="run and an epoch whose state is saved")
    setting_options.add_settings(parser, setting_options.default_of_fork)
    parser.add_argument("--name", help="the new run's name and folder")
    setting_options.add_queue(parser)


def _fork(options: argparse.Namespace) -> int:
    reference = Reference.parse(options.run)
    if reference is None:
        raise ConfigError(
            f"A fork begins at an epoch of a run, as in {short(options.run.strip('@'))}@5; "
            f"received {short(options.run)!r}."
        )
    source = run_folders.find(reference.run)
    with _loading(options):
        folder = _forked(source, reference.epoch, options)
    return _queued(folder) if options.queue else _follow(folder)


def _forked(source: Path, epoch: int, options: argparse.Namespace) -> Path:
    if getattr(options, "options.own") is not None:  # refused before its code is tried
        raise ConfigError(
            "A fork continues with its parent's network: --network-file cannot be changed. Start a "
            "new run instead."
        )
    before = run_folders.read(source).config
    after = setting_options.changed(before, options)
    names = (field.name for field in fields(before))
    changes = {n: getattr(after, n) for n in names if getattr(after, n) != getattr(before, n)}
    return launcher.fork(source, epoch, options.name, queue=options.queue, **changes)


def _queued(folder: Path) -> int:
    print(f"{folder.name} is queued. List the runs with: python -m fracture_core runs")
    return 0


# --- follow -------------------------------------------------------------------------------------


def _follow(folder: Path) -> int:
    """Show a run's progress until it ends; Ctrl-C asks it to stop. Return the exit status."""
    print(f"Run {folder.name} in {folder}")
    while True:
        try:
            if not (status := run_status.read(folder)).state.alive:
                break
            terminal.show_line(_progress(status))
            time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            run_requests.send(folder, "stop")
    terminal.show_line("")
    failed = status.state in (State.FAILED, State.INTERRUPTED)
    terminal.print_line(status.message, file=sys.stderr if failed else sys.stdout)
    _print_refused(folder)
    if not failed:
        _print_figures(folder)
    elif tail := journal.log_tail(folder, 15).replace(status.message, "").strip():
        for line in tail.splitlines():
            terminal.print_line(line, file=sys.stderr)
    return int(failed)


def _progress(status: Status) -> str:
    """Return the progress line of a run: "running: Epoch 8 of 300. 3%, 900 images/s, 41 s left"."""
    left = f", {duration(status.seconds_left)} left" if status.seconds_left else ""
    rate = f", {status.images_per_second:,.0f} images/s" if status.images_per_second else ""
    share = f" {status.step / status.steps:.0%}" if status.steps else ""  # of the whole run
    return f"{status.state}: {status.message}{share}{rate}{left}"


def _print_refused(folder: Path) -> None:
    """Print the films that a run could not read, the first of them by name."""
    if refused := journal.refused(folder):
        total = sum(run_folders.read(folder).data.images.values())
        print(f"{len(refused)} of {total:,} films could not be read and were left out:")
        for path, reason in refused[:NAMED]:
            terminal.print_line(f"  {path}: {reason}")
        if len(refused) > NAMED:
            print(f"  and {len(refused) - NAMED} more")


def _print_figures(folder: Path) -> None:
    """Print the figures of a run's best epoch on dev and valid studies."""
    from fracture_core.epochs import predictions

    epoch = predictions.best_epoch(folder)
    if epoch is None:
        return
    films = predictions.with_films(folder, epoch)
    run = run_folders.read(folder)
    by_dev = (films["role"] == "dev").any()
    origin = "the best on dev." if by_dev else "the last; no dev share chose one."
    print(f"Epoch {epoch} is {origin} {run.data.split_words}".rstrip())
    for role in ("dev", "valid"):
        rows = films[films["role"] == role]
        if len(rows):
            terminal.print_figures(role, rows, run.config.threshold)


# --- requests -----------------------------------------------------------------------------------


def _stop_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run")
    parser.add_argument("--after-epoch", action="store_true", help="at the end of this epoch")


def _stop(options: argparse.Namespace) -> None:
    if value := run_group.find(options.run):
        run_group.stop(value, options.after_epoch)
        return
    folder = run_folders.find(options.run)
    status = run_status.read(folder)
    if not status.state.alive:
        raise RunError(f"{options.run} is not running: it is {status.state}.")
    run_requests.send(folder, "stop_after_epoch" if options.after_epoch else "stop")
    print(f"Asked {options.run} to stop{' after this epoch' if options.after_epoch else ''}.")


def _set_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run")
    parser.add_argument("--learning-rate", type=float, required=True, dest="rate")


def _set(options: argparse.Namespace) -> None:
    folder = run_folders.find(options.run)
    check_range("learning_rate", options.rate, LIMITS.learning_rate)
    run_requests.send(folder, "learning_rate", rate=options.rate)
    when = "from its next step" if run_lock.is_held(folder) else "when resumed"
    from fracture_core.networks import schedules

    note = schedules.rate_note(run_folders.read(folder).config)
    print(f"{options.run} will use a learning rate of {options.rate:g} {when}. {note}".rstrip())


COMMANDS = {
    "architectures": Command(add_arguments=_architectures_arguments, run=_architectures),
    "train": Command(add_arguments=_train_arguments, run=_train),
    "resume": Command(add_arguments=_resume_arguments, run=_resume),
    "stop": Command(add_arguments=_stop_arguments, run=_stop),
    "fork": Command(add_arguments=_fork_arguments, run=_fork),
    "set": Command(add_arguments=_set_arguments, run=_set),
}
