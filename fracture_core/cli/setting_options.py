"""Settings as options of the command line: one option per setting, and the config that they make.

The options follow from `setting_table.settings`: name, kind, help, range and default.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fracture_core import file_reader, files
from fracture_core.clusters import launcher_choice
from fracture_core.config import network_options, presets, setting_table
from fracture_core.config.network_options import OwnNetwork
from fracture_core.config.presets import PRESETS
from fracture_core.config.setting import Setting
from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import ConfigError, FileRefused
from fracture_core.words import short

if TYPE_CHECKING:
    from fracture_core.datasets.catalog import Dataset
    from fracture_core.models.model import Model
    from fracture_core.operating_points.promise import Promise

MODEL = "released model, run, RUN@EPOCH, or folder with a card"
DATA = ("data", "positive", "table")  # arguments of every command that reads a data set


def add_data(parser: argparse.ArgumentParser, optional: bool = False) -> None:
    """Add the data set's folder, its positive class, and a table of its films with its columns.

    Args:
        parser: of the command.
        optional: whether the command can do without a data set; `data` is then `None`.
    """
    settings = setting_table.settings()
    count: dict[str, Any] = {"nargs": "?"} if optional else {}
    parser.add_argument("data", type=Path, help=settings["data"].help, **count)
    parser.add_argument("--positive", metavar="CLASS", help=settings["positive"].help)
    parser.add_argument("--table", metavar="FILE", help=settings["table"].help)
    parser.add_argument(
        "--column",
        action="append",
        dest="columns",
        metavar="ROLE=NAME",
        help="column of the table; repeats. Roles: path, label, patient, study, part, split "
        "(guessed from the names)",
    )


def dataset_of(options: argparse.Namespace, rescan: bool = False) -> "Dataset":
    """Read the data set that the options of `add_data` name; see `catalog.read`."""
    from fracture_core.datasets import catalog

    return catalog.read(options.data, options.positive, rescan, table_of(options))


def table_of(options: argparse.Namespace) -> str | None:
    """Return the table of films and its columns as one text, see `own_table`.

    Raises:
        ConfigError: a column is no ROLE=NAME, or there is no table.
    """
    columns = dict(
        each.split("=", 1) if "=" in each else (each, "") for each in options.columns or ()
    )
    if options.table is None:
        if columns:
            raise ConfigError("--column names columns of a table. Give it, too (--table FILE).")
        return None
    from fracture_core.readers import own_table

    if wrong := [role for role, name in columns.items() if role not in own_table.ROLES or not name]:
        raise ConfigError(
            f"--column must be ROLE=NAME; received {short(wrong[0])!r}. Roles: "
            f"{', '.join(own_table.ROLES)}."
        )
    table = own_table.Table.parse(options.table)
    file = files.absolute(table.file)
    return str(own_table.Table(file=file, columns={**table.columns, **columns}))


def add_settings(
    parser: argparse.ArgumentParser,
    default: Callable[[Setting], str],
    but: Sequence[str] = (),
) -> None:
    """Add an option per setting; one that is not given keeps the value of what is changed.

    Args:
        parser: of the command.
        default: the words for a setting's default in its help.
        but: paths of settings that the command makes itself.
    """
    groups: dict[str, argparse._ActionsContainer] = {"data": parser}
    for setting in setting_table.settings().values():
        if setting.path in (*DATA, *but):
            continue
        if setting.group not in groups:
            groups[setting.group] = parser.add_argument_group(setting.group)
        groups[setting.group].add_argument(
            f"--{setting.option}",
            dest=setting.path,
            help=help_of(setting, default).replace("%", "%%"),
            **_reading(setting),
        )


def add_start(parser: argparse.ArgumentParser, name: str) -> None:
    """Add what every command that starts runs has, beside their settings.

    Args:
        parser: of the command.
        name: help of its `--name`.
    """
    parser.add_argument("--preset", choices=PRESETS, help="settings to begin with")
    parser.add_argument("--config", type=Path, help="JSON file of settings to begin with")
    parser.add_argument("--name", help=name)
    add_queue(parser)


def add_queue(parser: argparse.ArgumentParser) -> None:
    """Add the options to queue runs in place of following them, and who starts them."""
    parser.add_argument("--queue", action="store_true", help="queue in the background")
    parser.add_argument(
        "--launcher",
        choices=launcher_choice.LAUNCHERS,
        help="where runs are started (FRACTURE_LAUNCHER, else local; a resume where it was)",
    )


def check_network(config: TrainConfig) -> None:
    """Refuse settings that no network can be built of, before a run is made.

    Raises:
        ConfigError: the network, its size, its options or its pretraining are not allowed.
        ModelError: the file of initial weights holds none.
        RunError: the run that it starts from does not keep the epoch.
    """
    from fracture_core.networks import architectures, network_weights
    from fracture_core.pretrained import imagenet_files, run_start

    architectures.check(config.architecture, config.recipe.size, config.options)
    imagenet_files.check(config)
    run_start.check(config)
    if config.weights:
        network_weights.check_weights_file(Path(config.weights))


def training_films(config: TrainConfig, dataset: "Dataset") -> int:
    """Return about how many films a run learns from: its share of its parts' less the dev share."""
    from fracture_core.datasets import catalog

    films = catalog.select(dataset.manifest, "train", config.parts)
    return round(len(films) * (1 - config.dev_share) * config.training_share)


def help_of(setting: Setting, default: Callable[[Setting], str]) -> str:
    """Return the help of a setting's option: "films per step, 1 to 4,096 (10)"."""
    return f"{setting.clause} ({default(setting)})"


def default_of_train(setting: Setting) -> str:
    """Return the words for a setting's own default."""
    return setting.words(setting.default)


def default_of_fork(setting: Setting) -> str:
    """Return the words for a fork's default, the parent's value."""
    if setting.path == "learning_rate":  # it may have been changed while the parent trained
        return "the parent's after that epoch"
    return "the parent's; cannot be changed" if setting.fixed else "the parent's"


def _reading(setting: Setting) -> dict[str, Any]:
    """Return the arguments of `add_argument` that read a setting of this kind."""
    if setting.path == "parts":
        return {"action": "append", "metavar": "PART"}
    metavar = setting.option.upper().replace("-", "_")
    if setting.kind is OwnNetwork:
        return {"metavar": "FILE"}
    if setting.kind is bool:
        return {"action": argparse.BooleanOptionalAction}
    return {"type": str if setting.kind is tuple else setting.kind, "metavar": metavar}


def config_of(options: argparse.Namespace) -> TrainConfig:
    """Return the config that a preset or a file makes, changed by the given options.

    Raises:
        ConfigError: a setting is unknown or out of range.
        DataError: the data's path cannot be followed.
    """
    data = str(files.absolute(options.data))
    if options.config:
        try:
            text = file_reader.read_text(options.config, file_reader.NOTE_BYTES)
        except FileRefused as error:
            raise ConfigError(
                f"{options.config} cannot be read as a config: it {error.reason}."
            ) from error
        base = replace(TrainConfig.from_dict({"data": data, **_json_object(text)}), data=data)
    else:
        base = presets.preset(options.preset or "recommended", data)
    return changed(base, options)


def changed(base: TrainConfig, options: argparse.Namespace) -> TrainConfig:
    """Return the config with the settings that the options give; its data stay the same.

    Raises:
        ConfigError: a value has the wrong kind or is out of range.
    """
    values = {
        path: value
        for path in setting_table.settings()
        if path != "data" and (value := getattr(options, path, None)) is not None
    }
    if "table" in values or getattr(options, "columns", None):
        values["table"] = table_of(options)
    if "options.dense" in values:
        values["options.dense"] = network_options.parse_units(values["options.dense"])
    file = values.pop("options.own", None)
    config = setting_table.with_values(base, values)
    return config if file is None else _with_own(config, Path(file), "architecture" in values)


def _with_own(config: TrainConfig, file: Path, named: bool) -> TrainConfig:
    """Return a config with the network in a file of the user's own, checked in a child process.

    To name the file is to allow its code.

    Args:
        config: its other settings.
        file: a Python file.
        named: whether an architecture was named beside it.

    Raises:
        ConfigError: the file makes no network; or another architecture was named.
    """
    from fracture_core.own_networks import allowed, source
    from fracture_core.training import network_check

    if named and config.architecture != network_options.OWN:
        raise ConfigError(
            f"--network-file takes the place of an architecture, and cannot stand beside "
            f"{config.architecture}. Choose one of them."
        )
    own = network_options.OwnNetwork.of_text(file.name, source.read(file), config.recipe.size)
    allowed.allow(own.sha256, own.file)  # a text that can be shown as it is
    own = network_check.checked(own.file, own.source, own.size)
    options = replace(config.options, own=own)
    return replace(config, architecture=network_options.OWN, options=options)


def _json_object(text: str) -> dict[str, Any]:
    try:
        content = file_reader.parsed(text)
    except ValueError as error:
        raise ConfigError(f"A config file must be valid JSON: {error}.") from error
    record = content.get("config", content) if isinstance(content, dict) else None
    if not isinstance(record, dict):
        raise ConfigError("A config file holds one JSON object, as a run's config.json does.")
    return record


def add_promise(parser: argparse.ArgumentParser) -> None:
    """Add the options of the three answers, see `promise_of`."""
    for name, what in (
        ("promise", "most studies with a fracture among those that are cleared (the card's, or 5)"),
        (
            "false-alarms",
            "most studies without one among those called a fracture (the card's, or 20)",
        ),
        ("confidence", "of the promise (the card's, or 95)"),
    ):
        parser.add_argument(f"--{name}", type=float, metavar="PERCENT", help=what)


def promise_of(options: argparse.Namespace, model: "Model") -> "Promise | None":
    """Return the promise that the options ask for; `None` where none of them is given.

    Raises:
        ConfigError: a number is out of its range.
    """
    from fracture_core.answers import study_answers

    asked = (options.promise, options.confidence, options.false_alarms)
    if all(each is None for each in asked):
        return None
    return study_answers.changed(model, *asked)
