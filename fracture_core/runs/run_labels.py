"""Tags and note that people give a run, and whether it is the baseline."""

from dataclasses import dataclass, replace
from pathlib import Path

from fracture_core import file_reader, locks
from fracture_core.config.record import Record, check_range
from fracture_core.errors import ConfigError
from fracture_core.files import FileCache, keep_damaged, replace_file, unchanged
from fracture_core.words import short


@dataclass(frozen=True, kw_only=True)
class Labels(Record):
    """Tags and note that people gave a run; `labels.json`.

    Args:
        tags: short words, at most 20 of up to 40 characters, each once.
        note: free text, up to 4,000 characters.
        baseline: whether the other runs are compared with this one; at most one run is.
    """

    tags: tuple[str, ...] = ()
    note: str = ""
    baseline: bool = False

    def __post_init__(self) -> None:
        check_range("Number of tags", len(self.tags), (0, 20))
        check_range("Number of characters in the note", len(self.note), (0, 4_000))
        for tag in self.tags:
            if not (tag.isprintable() and tag == tag.strip() and 0 < len(tag) <= 40):
                raise ConfigError(
                    f"A tag has 1 to 40 characters on one line and no space around it; "
                    f"received {short(tag)!r}."
                )
        if len(set(self.tags)) < len(self.tags):
            raise ConfigError(f"A run has each tag once; received {', '.join(self.tags)}.")


def read(folder: Path, cache: FileCache | None = None) -> Labels:
    """Return the labels of a run; empty ones where the file cannot be read.

    Args:
        folder: the run folder.
        cache: see `files.unchanged`.
    """
    value: Labels = unchanged(folder / "labels.json", cache, lambda: _read_or_empty(folder))
    return value


def _read_or_empty(folder: Path) -> Labels:
    return _whole(folder) or Labels()


def _whole(folder: Path) -> Labels | None:
    """Return the content of `labels.json`; `None` where it is missing or cannot be read."""
    try:
        return Labels.from_dict(file_reader.json_or_none(folder / "labels.json"))
    except ConfigError:
        return None


def write(folder: Path, value: Labels) -> None:
    """Replace the labels of a run; a new baseline replaces the one before.

    Raises:
        WriteFailed: no space or no permission.
    """
    # One process at a time, so that two new baselines cannot both remain.
    with locks.held(folder.parent / ".labels", seconds=0.01):
        _replace(folder, value)  # first: where the disk refuses it, the old baseline stays
        others = folder.parent.glob("[!.]*/labels.json") if value.baseline else ()
        for other in (path.parent for path in others):
            if other != folder and (written := read(other)).baseline:
                _replace(other, replace(written, baseline=False))


def _replace(folder: Path, value: Labels) -> None:
    if _whole(folder) is None:  # an unreadable note must not be overwritten
        keep_damaged(folder / "labels.json")
    replace_file(folder / "labels.json", value.to_json().encode())
