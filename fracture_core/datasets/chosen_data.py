"""The data set that the app uses, and those that it used before."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fracture_core import file_reader, folders
from fracture_core.errors import FileRefused
from fracture_core.files import make_folder, replace_file

RECENT = 5  # different choices that are saved


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The data set that the app uses: its folder and, where they are needed, the positive class and
    the table of films, see `catalog.read`."""

    root: Path
    positive: str | None = None
    table: str | None = None


def chosen() -> Choice:
    """Return the last choice, unless `FRACTURE_DATA` has changed since; else `data_folder()`."""
    try:
        note = file_reader.read_json(_choice_path())
        if note["FRACTURE_DATA"] == os.environ.get("FRACTURE_DATA"):
            return _choice(note)
    except (FileRefused, LookupError, TypeError, ValueError):
        pass  # nothing was chosen yet, or the file is damaged
    return Choice(root=folders.data_folder())


def _choice(note: dict[str, Any]) -> Choice:
    """Return the choice in a note; raise TypeError, ValueError or KeyError if it holds none."""
    root, positive, table = note["root"], note["positive"], note.get("table")
    if not isinstance(positive, str | None) or not isinstance(table, str | None) or "\0" in root:
        raise ValueError
    return Choice(root=Path(root), positive=positive, table=table)


def choose(root: Path, positive: str | None = None, table: str | None = None) -> Choice:
    """Use this data set from now on; save it and the one before as recent. It is not read here."""
    choice, before = Choice(root=Path(root), positive=positive, table=table), chosen()
    note = {"root": str(choice.root), "positive": positive, "table": table}
    make_folder(_choice_path().parent)
    text = json.dumps(note | {"FRACTURE_DATA": os.environ.get("FRACTURE_DATA")})
    replace_file(_choice_path(), text.encode())
    choices = [
        choice,
        *([before] if before.root != folders.phantom_folder() else []),
        *_saved_choices(),
    ]
    newest = list(dict.fromkeys(choices))[:RECENT]
    notes = [asdict(each) | {"root": str(each.root)} for each in newest]
    with suppress(OSError):  # the choice itself is made
        replace_file(_recent_path(), json.dumps(notes).encode())
    return choice


def recent() -> list[Choice]:
    """Return the last different choices, newest first, without those whose folder is gone."""
    return [choice for choice in _saved_choices() if _is_folder(choice.root)]


def _saved_choices() -> list[Choice]:
    try:
        return [_choice(note) for note in file_reader.read_json(_recent_path())]
    except (FileRefused, LookupError, TypeError, ValueError):
        return []  # none yet, or the file is damaged: the next choice replaces it


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # no permission, or a disk that is no longer there
        return False


def forget_choice() -> None:
    """Return to `FRACTURE_DATA`, or the phantom."""
    _choice_path().unlink(missing_ok=True)


def _choice_path() -> Path:
    return folders.cache_folder() / "chosen_data.json"


def _recent_path() -> Path:
    return folders.cache_folder() / "recent_data.json"
