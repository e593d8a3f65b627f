"""Commands on what a person decides about a data set: `labels`, `selections`.

Modules that load pandas are imported by the command that needs them, so that `--help` is quick.
"""

import argparse
import getpass
import sys
from dataclasses import asdict
from pathlib import Path

from fracture_core.cli import Command, setting_options, terminal
from fracture_core.cli.setting_options import add_data
from fracture_core.errors import ConfigError
from fracture_core.words import plural, short


def _labels_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, sentence in {
        "list": "List the corrected labels.",
        "set": "Correct the label of a study; its label in the data undoes that.",
        "undo": "Undo the corrections of studies.",
        "import": "Take corrected labels from a CSV or Parquet table.",
        "export": "Write the corrected labels as CSV.",
    }.items():
        own = actions.add_parser(action, help=sentence, description=sentence)
        add_data(own)
        if action == "list":
            own.add_argument("--json", action="store_true", help="print JSON")
        if action in ("set", "undo"):
            nargs = None if action == "set" else "+"
            own.add_argument("study", nargs=nargs, help="key, folder or film of a study")
        if action == "set":
            own.add_argument("label", help="1 or 0, positive or negative, ...")
        if action in ("import", "export"):
            own.add_argument("file", type=Path, help="the table")
        if action == "import":
            own.add_argument("--study-column", metavar="NAME", help="column of studies (guessed)")
            own.add_argument("--label-column", metavar="NAME", help="column of labels (guessed)")
            own.add_argument("--preview", action="store_true", help="count, and change nothing")
        if action in ("set", "import"):
            own.add_argument("--by", default=_person(), help="who corrects (the name of the login)")
            own.add_argument("--why", required=action == "set", help="the reason")


def _person() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name
        return ""


def _labels(options: argparse.Namespace) -> None:
    """List or change the corrected labels of a data set, which is itself never written."""
    from fracture_core.curation import corrections, relabelling
    from fracture_core.datasets import catalog
    from fracture_core.files import replace_file

    dataset = setting_options.dataset_of(options)
    value = corrections.read(dataset.hash)
    studies = catalog.studies(dataset.manifest)
    if options.action == "list":
        if options.json:
            rows = [asdict(each) for each in value.items.values()]
            terminal.print_json({"hash": value.hash, "corrections": rows})
            return
        for key, each in value.items.items():
            terminal.print_line(f"{key}: {each.words}")
    elif options.action == "export":
        replace_file(options.file, value.to_csv().encode())
    elif options.action == "undo":
        value = corrections.undone(value, relabelling.studies_named(dataset, options.study))
        corrections.write(dataset.hash, value)
    elif options.action == "set":
        key = relabelling.studies_named(dataset, [options.study])[0]
        label = relabelling.label_of(options.label, dataset.positive)
        if label is None:
            raise ConfigError(
                f"A label is 1 (positive) or 0 (negative); received {short(options.label)!r}."
            )
        value = corrections.corrected(value, studies, {key: label}, options.by, options.why)
        corrections.write(dataset.hash, value)
    else:
        columns = {"study": options.study_column, "label": options.label_column}
        table = relabelling.of_file(options.file, dataset, value, columns)
        for sentence in (table.sentence, *table.problems):
            terminal.print_line(sentence)
        if options.preview or not table.labels:
            return
        why = options.why or f"table {options.file.name}"
        value = relabelling.merged(value, table, dataset, options.by, why)
        corrections.write(dataset.hash, value)
    print(f"{plural(len(value.items), 'label')} corrected (list {value.hash}).")


def _selections_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, sentence in {
        "list": "List the saved selections.",
        "save": "Save studies under a name.",
        "export": "Write a selection's films as CSV, a list for `train --exclude` too.",
        "remove": "Remove a saved selection.",
    }.items():
        own = actions.add_parser(action, help=sentence, description=sentence)
        add_data(own)
        if action == "list":
            own.add_argument("--json", action="store_true", help="print JSON")
            continue
        own.add_argument("name", help="of the selection")
        if action == "save":
            own.add_argument("study", nargs="+", help="key, folder or film of a study")
            own.add_argument("--note", default="", help="free text")
            own.add_argument("--tag", action="append", dest="tags", default=[], help="repeats")
            own.add_argument("--by", default=_person(), help="who saves (the name of the login)")
        if action == "export":
            own.add_argument("file", type=Path, help="CSV file to write")


def _selections(options: argparse.Namespace) -> None:
    """List, save, export or remove the selections of a data set."""
    from fracture_core.curation import relabelling, selections
    from fracture_core.files import replace_file

    dataset = setting_options.dataset_of(options)
    folder = selections.folder_of(dataset.hash)
    if options.action == "save":
        value = selections.Selection(
            name=options.name,
            keys=tuple(relabelling.studies_named(dataset, options.study)),
            data=dataset.hash,
            note=options.note,
            tags=tuple(options.tags),
            by=options.by,
        )
        selections.save(folder, value)
    elif options.action == "remove":
        selections.remove(folder, options.name)
    elif options.action == "export":
        value = selections.read(folder, options.name)
        replace_file(options.file, selections.as_csv(dataset.manifest, value).encode())
    every = selections.every(folder)
    if options.action == "list" and options.json:
        terminal.print_json([asdict(each) | {"hash": each.hash} for each in every])
        return
    for each in every:
        tags = f" [{', '.join(each.tags)}]" if each.tags else ""
        count = plural(len(each.keys), "study")
        terminal.print_line(f"{each.name}{tags}: {count}, {each.hash}, {each.created} {each.by}")
    for path in selections.damaged(folder):
        terminal.print_line(f"{path} is damaged. Remove it.", file=sys.stderr)


COMMANDS = {
    "labels": Command(add_arguments=_labels_arguments, run=_labels),
    "selections": Command(add_arguments=_selections_arguments, run=_selections),
}
