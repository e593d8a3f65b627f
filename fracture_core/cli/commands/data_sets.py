"""Commands on data sets: `phantom`, `fetch`, `inspect`, `audit`, `leak`.

Modules that load pandas are imported by the command that needs them, so that `--help` is quick.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from fracture_core.cli import Command, setting_options, terminal
from fracture_core.cli.setting_options import add_data
from fracture_core.errors import ConfigError
from fracture_core.runs import run_folders, run_status
from fracture_core.runs.run_status import State

NAMED = 10  # items of a finding that are listed; the others are counted
NOTES = 20  # of a data set that are printed
POLL_SECONDS = 0.3  # between two looks at the runs of a leak


def _phantom_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, help="folder to make")
    parser.add_argument("--studies", type=int, default=400, help="studies to draw (400)")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same films (0)")
    parser.add_argument("--hairlines", type=int, metavar="PERCENT", help="share of the breaks (15)")


def _phantom(options: argparse.Namespace) -> None:
    from fracture_core.phantom import phantom_set

    show = terminal.progress_line("studies")
    phantom_set.make(
        options.out, options.studies, options.seed, progress=show, hairlines=options.hairlines
    )
    print(f"{options.out} holds {options.studies} studies.")


def _fetch_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("set", choices=["fracatlas"], help="the set: fracatlas")
    parser.add_argument("out", type=Path, help="folder to put it in")
    parser.add_argument(
        "--accept-licence", action="store_true", help="accept the licence, which is printed"
    )
    parser.add_argument(
        "--from", dest="address", metavar="ADDRESS", help="another address of its record"
    )


def _fetch(options: argparse.Namespace) -> None:
    """Show the licence, ask, and fetch; a later call continues what was stopped."""
    from fracture_core.datasets import open_set

    print(open_set.TERMS)
    if not options.accept_licence:
        if not sys.stdin.isatty():
            raise ConfigError("Nothing was fetched: accept the licence (--accept-licence).")
        if input("Accept it and fetch the set? (yes/no) ").strip().lower() not in ("y", "yes"):
            raise ConfigError("Nothing was fetched, since the licence was not accepted.")
    show = terminal.progress_line("MB")
    try:
        root = open_set.fetch(
            options.out,
            progress=lambda done, total: show(done // 10**6, max(1, total // 10**6)),
            say=terminal.show_line,
            address=options.address,
        )
    except KeyboardInterrupt:
        terminal.show_line("")
        print("What was fetched is kept: run the same command to continue.", file=sys.stderr)
        raise
    terminal.show_line("")
    note = open_set.source(root)
    how = "MD5 as in its record" if note.get("md5_checked") else "its record names no checksum"
    terminal.print_line(f"{root} holds FracAtlas ({how}; SHA-256 {note.get('sha256')}).")


def _inspect_arguments(parser: argparse.ArgumentParser) -> None:
    add_data(parser)
    parser.add_argument("--rescan", action="store_true", help="read all folders, ignore the cache")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _inspect(options: argparse.Namespace) -> None:
    from fracture_core.data_folders import ignored_files
    from fracture_core.datasets import film_counts

    dataset = setting_options.dataset_of(options, options.rescan)
    counts = film_counts.inspect(dataset)
    if options.json:
        terminal.print_json(counts)
        return
    terminal.print_line(f"{counts['root']} ({counts['kind']})")
    print(f"{'split':8}{'part':12}{'patients':>9}{'studies':>9}{'positive':>9}{'images':>9}")
    for row in counts["rows"]:
        numbers = (row[key] for key in ("patients", "studies", "positive_studies", "images"))
        cells = ("-" if n is None else f"{n:,}" for n in numbers)
        terminal.print_line(
            f"{row['split']:8}{row['part']:12}" + "".join(f"{cell:>9}" for cell in cells)
        )
    if not dataset.patients:
        print("These data name no patients: each film counts as a study of its own.")
    for item in counts["skipped"][:NOTES]:
        terminal.print_line(f"note: {item['path']} {item['reason']}")
    if len(counts["skipped"]) > NOTES:
        print(f"and {len(counts['skipped']) - NOTES:,} more; --json lists all")
    if dataset.ignored:
        terminal.print_line(ignored_files.sentence(dataset.ignored))


def _audit_arguments(parser: argparse.ArgumentParser) -> None:
    add_data(parser)
    parser.add_argument(
        "--without-families",
        action="store_true",
        help="do not look for turned, mirrored and cropped copies; the result is only printed",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _audit(options: argparse.Namespace) -> None:
    from fracture_core.audit import audit_job

    dataset = setting_options.dataset_of(options)
    folder = audit_job.folder_of(dataset.hash)
    show = terminal.progress_line("films")
    try:
        families = not options.without_families
        audit = audit_job.run(dataset, folder, show, say=terminal.show_line, with_families=families)
    except KeyboardInterrupt:
        terminal.show_line("")
        print("Measurements are saved: run the same command to continue.", file=sys.stderr)
        raise
    terminal.show_line("")
    if families:
        audit_job.save(folder, audit)  # for the Data page
        audit_job.save_families(dataset.hash, audit)  # for the Train page, and `train --families`
    if options.json:
        record = {"root": str(dataset.root), "kind": dataset.kind, **audit_job.to_dict(audit)}
        terminal.print_json(record)
        return
    terminal.print_line(f"{dataset.root} ({dataset.kind}), {audit.films:,} films")
    if not audit.findings:
        print("No problems found.")
    for finding in audit.findings:
        print(f"\n{finding.title} (score {finding.score:.3f}). {finding.why}")
        for sentence in finding.sentences:
            terminal.print_line(f"  {sentence}")
        for item in finding.items[:NAMED]:
            terminal.print_line(f"  {item.path}{f': {item.detail}' if item.detail else ''}")
        if len(finding.items) > NAMED:
            print(f"  and {len(finding.items) - NAMED:,} more; --json lists all")


def _leak_arguments(parser: argparse.ArgumentParser) -> None:
    add_data(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def _leak(options: argparse.Namespace) -> int:
    """Train both runs and print the difference; return 1 if one of them did not finish."""
    from fracture_core.analysis import leak

    dataset = setting_options.dataset_of(options)
    families = leak.audited_families(dataset)
    folders = leak.start(dataset, families, f"{datetime.now():%m%d-%H%M%S}")
    unfinished = _wait_for(folders)
    if unfinished:
        for folder in unfinished:
            message = run_status.read(folder).message
            terminal.print_line(f"{folder.name}: {message}", file=sys.stderr)
        return 1
    given, honest = (run_folders.read(folder) for folder in folders)
    result = leak.measure(given, honest, dataset, families)
    if options.json:
        terminal.print_json(asdict(result) | {"sentence": result.sentence})
    else:
        print(f"{result.sentence}\n{result.details}")
    return 0


def _wait_for(folders: Sequence[Path]) -> list[Path]:
    """Show the progress of runs until all have ended; return those that did not finish."""
    while True:
        try:
            statuses = [run_status.read(folder) for folder in folders]
            if not any(status.state.alive for status in statuses):
                break
            share = sum(s.step / s.steps for s in statuses if s.steps) / len(statuses)
            terminal.show_line(f"{share:.0%} of both runs")
            time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            run_folders.stop_active(map(run_folders.read, folders))
    terminal.show_line("")
    pairs = zip(folders, statuses, strict=True)
    return [folder for folder, status in pairs if status.state is not State.FINISHED]


COMMANDS = {
    "phantom": Command(add_arguments=_phantom_arguments, run=_phantom),
    "fetch": Command(add_arguments=_fetch_arguments, run=_fetch),
    "inspect": Command(add_arguments=_inspect_arguments, run=_inspect),
    "audit": Command(add_arguments=_audit_arguments, run=_audit),
    "leak": Command(add_arguments=_leak_arguments, run=_leak),
}
