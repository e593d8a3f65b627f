"""Commands about runs: `train`, `resume`, `stop`, `fork`, `set`, `curves`, `check`, `runs`.

Modules that load pandas are imported by the command that needs them, so that the others are quick.
"""

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fracture_core import checksums
from fracture_core.cli import Command, setting_options, terminal
from fracture_core.config import (
    LIMITS,
    PRESETS,
    Reference,
    TrainConfig,
    check_range,
    phantom_folder,
)
from fracture_core.errors import ConfigError, RunError
from fracture_core.jobs import launcher, standby
from fracture_core.networks import architectures
from fracture_core.runs import journal, run_folders
from fracture_core.runs.run_folders import Run, State, Status
from fracture_core.words import duration, short

if TYPE_CHECKING:
    from fracture_core.datasets.catalog import Dataset

NAMED = 10  # unreadable films that are listed; the others are counted
POLL_SECONDS = 0.3  # between two looks at the run that is followed

# --- start --------------------------------------------------------------------------------------


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    setting_options.add_data(parser)
    setting_options.add_settings(parser, setting_options.default_of_train)
    parser.add_argument("--preset", choices=PRESETS, help="settings to begin with")
    parser.add_argument("--config", type=Path, help="JSON file of settings to begin with")
    parser.add_argument("--name", help="the run's name and folder")
    _add_queue(parser)


def _add_queue(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--queue", action="store_true", help="queue in the background")


@contextlib.contextmanager
def _loading(queue: bool) -> Iterator[None]:
    """Have a process load TensorFlow while the start of a run that does not queue is prepared."""
    if queue:
        yield
        return
    with standby.permitted():
        standby.prepare(at_once=True)
        yield


def _train(options: argparse.Namespace) -> int:
    config = setting_options.config_of(options)
    architectures.check(config.architecture, config.recipe.size, config.options)
    if config.weights:
        architectures.check_weights_file(Path(config.weights))
    root = Path(config.data)
    with _loading(options.queue):
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
            _check_curated(config, dataset)
            config = replace(config, data=str(dataset.root))
            _tell_cost(config, dataset)
        folder = launcher.create_and_start(config, options.name, queue=options.queue)
    return _queued(folder) if options.queue else _follow(folder)


def _tell_cost(config: TrainConfig, dataset: "Dataset") -> None:
    """Print the time and memory that the run may take, and a warning if it may not fit."""
    from fracture_core import memory
    from fracture_core.networks import network_size
    from fracture_core.training import probe

    train = (dataset.manifest["split"] == "train") & (
        dataset.manifest["part"].isin(config.parts) if config.parts else True
    )
    seconds = probe.expected_seconds(config, round(int(train.sum()) * (1 - config.dev_share)))
    needed = network_size.training_bytes(config) / 1e9
    print(
        f"Estimated {duration(seconds)} on one core, from the network's arithmetic; up to "
        f"{needed:,.1f} GB of memory."
    )
    if warning := network_size.memory_warning(config, memory.available()):
        print(warning, file=sys.stderr)


def _check_curated(config: TrainConfig, dataset: "Dataset") -> None:
    """Refuse a selection or corrections that a run could not use, before it is made."""
    from fracture_core.curation import corrections, selections

    if config.corrections:
        corrections.made(dataset.hash)
    if config.selection:
        chosen = selections.read(selections.folder_of(dataset.hash), config.selection)
        selections.training_rows(dataset.manifest, chosen)


def _resume_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run")
    parser.add_argument("--more-epochs", type=int, default=0, help="epochs to add (0)")
    _add_queue(parser)


def _resume(options: argparse.Namespace) -> int:
    from fracture_core.cli import experiment_commands

    if experiment_commands.is_group(options.run):
        return experiment_commands.resume(options.run, options.more_epochs, options.queue)
    folder = run_folders.find(options.run)
    with _loading(options.queue):
        launcher.resume(folder, options.more_epochs, wait_for_slot=options.queue)
    return _queued(folder) if options.queue else _follow(folder)


def _fork_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN@EPOCH", help="run and an epoch whose state is saved")
    setting_options.add_settings(parser, setting_options.default_of_fork)
    parser.add_argument("--name", help="the new run's name and folder")
    _add_queue(parser)


def _fork(options: argparse.Namespace) -> int:
    reference = Reference.parse(options.run)
    if reference is None:
        raise ConfigError(
            f"A fork begins at an epoch of a run, as in {short(options.run.strip('@'))}@5; "
            f"received {short(options.run)!r}."
        )
    source = run_folders.find(reference.run)
    with _loading(options.queue):
        folder = _forked(source, reference.epoch, options)
    return _queued(folder) if options.queue else _follow(folder)


def _forked(source: Path, epoch: int, options: argparse.Namespace) -> Path:
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
            if not (status := run_folders.status(folder)).state.alive:
                break
            terminal.show_line(_progress(status))
            time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            run_folders.send_request(folder, "stop")
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
    from fracture_core.models import cards
    from fracture_core.runs import predictions

    epoch = predictions.best_epoch(folder)
    if epoch is None:
        return
    films = cards.run_predictions(folder, epoch)
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
    from fracture_core.cli import experiment_commands

    if experiment_commands.is_group(options.run):
        experiment_commands.stop(options.run, options.after_epoch)
        return
    folder = run_folders.find(options.run)
    status = run_folders.status(folder)
    if not status.state.alive:
        raise RunError(f"{options.run} is not running: it is {status.state}.")
    run_folders.send_request(folder, "stop_after_epoch" if options.after_epoch else "stop")
    print(f"Asked {options.run} to stop{' after this epoch' if options.after_epoch else ''}.")


def _set_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run")
    parser.add_argument("--learning-rate", type=float, required=True, dest="rate")


def _set(options: argparse.Namespace) -> None:
    folder = run_folders.find(options.run)
    check_range("learning_rate", options.rate, LIMITS.learning_rate)
    run_folders.send_request(folder, "learning_rate", rate=options.rate)
    when = "from its next step" if run_folders.is_alive(folder) else "when resumed"
    print(f"{options.run} will use a learning rate of {options.rate:g} {when}.")


# --- reading ------------------------------------------------------------------------------------


def _curves_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run")


def _curves(options: argparse.Namespace) -> None:
    from fracture_core.runs import predictions

    folder = run_folders.find(options.run)
    print(journal.curves_csv(folder), end="")
    if lost := predictions.lost_lines(folder):
        print(
            f"The metrics.jsonl of {folder.name} lost {predictions.named(lost)}. Put the file "
            "back.",
            file=sys.stderr,
        )


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run")


def _check(options: argparse.Namespace) -> int:
    """Name the damaged, missing and unguarded files of a run; return the exit status."""
    from fracture_core.runs import predictions

    folder = run_folders.find(options.run)
    damaged, unguarded = checksums.damaged(folder), checksums.unguarded(folder)
    for name in ("metrics.jsonl", "events.jsonl", "steps.jsonl"):
        if journal.damaged_lines(folder / name) or not _is_readable(folder / name):
            damaged.append(name)
    missing = checksums.missing(folder)
    if "metrics.jsonl" not in damaged and (lost := predictions.lost_lines(folder)):
        missing.append(f"metrics.jsonl: {predictions.named(lost)}")
    for name in damaged:
        terminal.print_line(f"damaged      {name}")
    for name in missing:
        terminal.print_line(f"missing      {name}")
    for name in unguarded:
        terminal.print_line(f"no checksum  {name}")
    total = len(checksums.names(folder))
    print(
        f"{total} files: {len(damaged)} damaged, {len(missing)} missing, {len(unguarded)} without "
        "a checksum."
    )
    unlisted = journal.lost_checksums(folder)
    if unlisted:
        print(
            f"Checksums were written for all files of this run; {checksums.SUMS} has lost those of "
            f"{len(unlisted)}. Put it back."
        )
    return 1 if damaged or missing or unlisted else 0


def _is_readable(path: Path) -> bool:
    """Return whether a file of lines is missing or a file, and not a folder or the like."""
    try:
        journal.lines(path)
    except RunError:
        return False
    return True


def _runs_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _runs(options: argparse.Namespace) -> None:
    """List the runs, newest first; those that cannot be read are named on standard error."""
    runs, rows = run_folders.list_runs(), []
    unreadable = run_folders.unreadable(runs)
    for run in runs:
        try:
            rows.append(_row(run))
        except RunError as error:
            unreadable.append(str(error))
    for sentence in unreadable:
        terminal.print_line(sentence, file=sys.stderr)
    if options.json:
        terminal.print_json(rows)
        return
    for row in rows:
        epochs = f"{row['epoch']}/{row['epochs']}"
        print(f"{row['name']:36}{row['state']:12}{row['architecture']:12}{epochs:>9}")
    if not rows and not unreadable:
        print("No run yet. Start one with: python -m fracture_core train DATA")


def _row(run: Run) -> dict[str, Any]:
    """Return a run's entry in `runs --json`."""
    from fracture_core.runs import predictions

    table = journal.metrics(run.folder)
    last = table.iloc[-1].to_dict() if len(table) else {}
    return {
        "name": run.name,
        "state": str(run.status.state),
        "message": run.status.message,
        "architecture": run.config.architecture,
        "epoch": run.status.epoch,
        "epochs": journal.epochs_requested(run.folder, run.config),
        "best_epoch": predictions.best_epoch(run.folder),
        "metrics": {str(k): v.item() if hasattr(v, "item") else v for k, v in last.items()},
    }


COMMANDS = {
    "train": Command(add_arguments=_train_arguments, run=_train),
    "resume": Command(add_arguments=_resume_arguments, run=_resume),
    "stop": Command(add_arguments=_stop_arguments, run=_stop),
    "fork": Command(add_arguments=_fork_arguments, run=_fork),
    "set": Command(add_arguments=_set_arguments, run=_set),
    "curves": Command(add_arguments=_curves_arguments, run=_curves),
    "check": Command(add_arguments=_check_arguments, run=_check),
    "runs": Command(add_arguments=_runs_arguments, run=_runs),
}
