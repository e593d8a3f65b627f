"""Folder of a group of runs: a note of what was asked, and its own copies of lists of films.

It lies in `runs/.groups`, beside the runs, since a cache may be emptied. It is filled as a draft
and renamed as a whole; its note carries its own checksum.
"""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from fracture_core import checksums, file_reader
from fracture_core.config.record import check_range
from fracture_core.config.train_config import TrainConfig, with_paths
from fracture_core.datasets import exclusions, family_list
from fracture_core.errors import (
    ConfigError,
    DamagedFile,
    DataError,
    FileRefused,
    RunError,
    RunNameTaken,
    RunNotFound,
)
from fracture_core.files import (
    FileCache,
    make_folder,
    replace_file,
    sweep,
    temporary,
    unchanged,
    writing,
)
from fracture_core.folders import models_folder, runs_folder
from fracture_core.run_groups.members import RunGroup
from fracture_core.runs import run_folders
from fracture_core.runs.run_folders import DRAFT_SECONDS, NAME
from fracture_core.words import short

LONGEST = 70  # characters of a group's name; those of its runs are longer
EXCLUDED, FAMILIES = "exclude.csv", "families.csv"  # copies of lists that an audit may change
COPIES = {"exclude": EXCLUDED, "families": FAMILIES}  # by the setting that names the list

Kind = TypeVar("Kind", bound=RunGroup)


def root() -> Path:
    """Return the folder of all groups."""
    return runs_folder() / ".groups"


def names(note: str) -> list[str]:
    """Return the names of all groups with a note of this file name, in order."""
    return sorted(path.parent.name for path in root().glob(f"[!.]*/{note}"))


def exists(name: str, note: str) -> bool:
    """Tell whether there is a group of this name with such a note."""
    return bool(NAME.fullmatch(name)) and (root() / name / note).is_file()


def find(name: str, note: str, noun: str, restore: Callable[[str, dict[str, Any]], Kind]) -> Kind:
    """Return the group of this name.

    Args:
        name: of the group.
        note: file name of its note.
        noun: such a group is called this.
        restore: makes the group of its name and its note's fields; ConfigError, KeyError or
            TypeError refuses.

    Raises:
        RunNotFound: there is none.
        RunError: its note cannot be read, or was changed.
    """
    if not exists(name, note):
        known = ", ".join(names(note)[:8]) or "none yet"
        raise RunNotFound(f"No {noun} is called {short(name)!r}. There are: {known}.")
    path = root() / name / note
    next_step = f"Delete {path.parent}, or put the file back."
    try:
        fields, is_intact = checksums.split_own(file_reader.read_json(path))
        if is_intact is not True:
            raise DamagedFile(f"The {note} of {name} is damaged. {next_step}")
        return restore(name, fields)
    except (FileRefused, ConfigError, KeyError, TypeError) as error:
        raise RunError(f"The {note} of {name} cannot be read. {next_step}") from error


def list_all(
    note: str, find_one: Callable[[str], Kind], cache: FileCache | None = None
) -> tuple[list[Kind], list[str]]:
    """Return all readable groups of a kind, newest first, and a sentence for each of the others.

    Args:
        note: file name of their notes.
        find_one: returns the group of a name; see `find`.
        cache: see `files.unchanged`; entries of deleted groups are removed from it.
    """
    groups, sentences = [], []
    paths = {name: root() / name / note for name in names(note)}
    for name, path in paths.items():
        try:
            groups.append(unchanged(path, cache, partial(find_one, name)))
        except RunError as error:
            sentences.append(str(error))
    if cache is not None:
        for path in set(cache) - set(paths.values()):
            cache.pop(path, None)
    return sorted(groups, key=lambda each: (each.created, each.name), reverse=True), sentences


def settled(config: TrainConfig, data: Path, name: str) -> TrainConfig:
    """Return settings as a group keeps them: absolute paths, and its own copies of lists."""
    own: dict[str, Any] = {
        setting: str(root() / name / file)
        for setting, file in COPIES.items()
        if getattr(config, setting)
    }
    changed = replace(config, data=str(data), **own)
    return with_paths(changed, lambda path: str(path.absolute()))


def refuse_taken(name: str, noun: str, run_names: Iterable[str]) -> None:
    """Refuse a name that a group, run or model has, or runs whose names are taken.

    Raises:
        RunNameTaken: one of them is taken.
        RunError, ConfigError: the name cannot be one.
    """
    run_folders.check_name(name)
    check_range(f"Number of characters in a {noun}'s name", len(name), (1, LONGEST))
    if runs := [each for each in (name, *run_names) if run_folders.exists(each)]:
        raise RunNameTaken(f"A run called {runs[0]!r} exists. Choose another name.")
    if (root() / name).exists() or (models_folder() / name).exists():
        raise RunNameTaken(f"A group of runs or model called {name!r} exists. Choose another name.")


def check_complete(is_complete: bool) -> None:
    """Refuse films that are still being drawn: the runs of a group must see the same ones.

    Raises:
        DataError: the data set is incomplete.
    """
    if not is_complete:
        raise DataError("Synthetic films are still being generated. Wait until they are complete.")


def write(
    name: str,
    note: str,
    fields: dict[str, Any],
    config: TrainConfig,
    fill: Callable[[Path], None] | None = None,
) -> None:
    """Make a group's folder as a whole or not at all.

    Args:
        name: of the group.
        note: file name of its note.
        fields: of the note, plain data.
        config: settings as they were asked for, whose lists are copied.
        fill: writes other files into the folder.

    Raises:
        DataError: a list cannot be read.
        RunNameTaken: another process was quicker.
        WriteFailed: no space or no permission.
    """
    texts: dict[str, str] = {}
    if config.exclude:
        texts[EXCLUDED] = exclusions.read(Path(config.exclude)).to_csv()
    if config.families:
        texts[FAMILIES] = family_list.read(Path(config.families)).to_csv()
    make_folder(root())
    sweep(root(), DRAFT_SECONDS)
    folder = root() / name
    draft = temporary(folder)
    try:
        make_folder(draft)
        for file, text in texts.items():
            replace_file(draft / file, text.encode())
        if fill:
            fill(draft)
        replace_file(draft / note, checksums.json_with_own(fields))
        with writing(folder):
            try:
                draft.rename(folder)
            except OSError:
                if folder.exists():
                    raise RunNameTaken(
                        f"A group of runs called {name!r} exists. Choose another name."
                    ) from None
                raise
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
