"""Commands that read runs and hand them on: `curves`, `check`, `runs` (list, export, import),
and `network`, which shows and allows the code of one's own.

Modules that load pandas are imported by the command that needs them, so that `--help` is quick.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from fracture_core import checksums
from fracture_core.cli import Command, terminal
from fracture_core.clusters import run_place
from fracture_core.config.network_options import OwnNetwork
from fracture_core.errors import RunError
from fracture_core.own_networks import allowed
from fracture_core.runs import journal, run_folders
from fracture_core.runs.run_folders import Run
from fracture_core.words import plural


def _curves_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run")


def _curves(options: argparse.Namespace) -> None:
    from fracture_core.epochs import predictions

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
    from fracture_core.epochs import predictions

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
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    for action, sentence in {
        "export": "Write a run as one file, without its films unless asked.",
        "import": "Make a run of such a file, checked by its checksums.",
    }.items():
        own = actions.add_parser(action, help=sentence, description=sentence)
        if action == "export":
            own.add_argument("run")
            own.add_argument(
                "out", nargs="?", type=Path, default=Path(), help="file, folder (here)"
            )
            own.add_argument("--films", action="store_true", help="with the films that it used")
        else:
            own.add_argument("file", type=Path, help="of `runs export`")
            own.add_argument("--name", help="of the run (that in the file's name)")
            own.add_argument("--data", type=Path, help="folder of the same films here")
            own.add_argument("--films", type=Path, metavar="FOLDER", help="unpack its films there")


def _runs(options: argparse.Namespace) -> None:
    """List, export or import runs."""
    action = {"export": _export, "import": _import}.get(options.action or "", _list)
    action(options)


def _list(options: argparse.Namespace) -> None:
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
        line = f"{row['name']:36}{row['state']:12}{row['network']:12}{epochs:>9}"
        terminal.print_line(f"{line}  {row.get('place', '')}".rstrip())
    if not rows and not unreadable:
        print("No run yet. Start one with: python -m fracture_core train DATA")


def _row(run: Run) -> dict[str, Any]:
    """Return a run's entry in `runs --json`."""
    from fracture_core.epochs import predictions

    table = journal.metrics(run.folder)
    last = table.iloc[-1].to_dict() if len(table) else {}
    place = run_place.words(run.folder)
    return {
        "name": run.name,
        "state": str(run.status.state),
        **({"place": place} if place else {}),
        "message": run.status.message,
        "architecture": run.config.architecture,
        "network": run.config.network,
        "epoch": run.status.epoch,
        "epochs": journal.epochs_requested(run.folder, run.config),
        "best_epoch": predictions.best_epoch(run.folder),
        "metrics": {str(k): v.item() if hasattr(v, "item") else v for k, v in last.items()},
    }


# --- a run as one file ----------------------------------------------------------------------------


def _export(options: argparse.Namespace) -> None:
    from fracture_core.exports import run_archive

    run = run_folders.read(run_folders.find(options.run))
    written = run_archive.write(run, options.out, options.films)
    films = f" and {plural(written.films, 'film')}" if options.films else ", without films"
    size = written.path.stat().st_size / 1e6
    terminal.print_line(
        f"{written.path}: {plural(written.files, 'file')}{films}, {size:,.1f} MB. It names the "
        "folder of its films, as config.json does."
    )


def _import(options: argparse.Namespace) -> None:
    from fracture_core.exports import run_archive

    show = terminal.progress_line("% unpacked")
    folder = run_archive.read(
        options.file,
        options.name,
        options.data,
        options.films,
        progress=lambda share: show(round(100 * share), 100),
    )
    terminal.show_line("")
    run = run_folders.read(folder)
    terminal.print_line(
        f"{run.name} is imported: {run.config.network}, {plural(run.status.epoch, 'epoch')}. "
        f"Its films: {run.config.data}."
    )


# --- networks of the user's own -------------------------------------------------------------------


def _network_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="run, RUN@EPOCH, released model, or folder with a card")
    parser.add_argument("--allow", action="store_true", help="let this machine run its code")


def _network(options: argparse.Namespace) -> None:
    """Print the source of a run's or model's own networks, and whether it may be run here."""
    networks = _own_networks(options.name)
    if not networks:
        print(f"{options.name} has a network of this program, and no code of its own.")
        return
    for own in networks:
        if options.allow:
            allowed.allow(own.sha256, own.file)
        for line in own.source.split("\n"):
            terminal.print_line(line.expandtabs())
        may = "may be run here" if allowed.is_allowed(own.sha256) else "is not run here"
        terminal.print_line(f"# {own.file}, SHA-256 {own.sha256}: {may}.")
    if not all(allowed.is_allowed(own.sha256) for own in networks):
        print("# If you trust it, repeat this command with --allow.")


def _own_networks(name: str) -> list[OwnNetwork]:
    """Return the different ones of a run or model; a released model goes before a run."""
    from fracture_core.models import model_names, stored_models

    if name not in model_names.released() and run_folders.exists(name):
        kept = [run_folders.read(run_folders.find(name)).config.options]  # maybe without an epoch
    else:
        kept = [each for _, each in stored_models.find(name).card.networks]
    return list({each.own.sha256: each.own for each in kept if each.own}.values())


COMMANDS = {
    "curves": Command(add_arguments=_curves_arguments, run=_curves),
    "check": Command(add_arguments=_check_arguments, run=_check),
    "network": Command(add_arguments=_network_arguments, run=_network),
    "runs": Command(add_arguments=_runs_arguments, run=_runs),
}
