"""Journal of a run: events, metrics, the live curve, its films, its log.

Lines are appended and never changed. Each ends in its own checksum; readers skip a line that a
killed process left half written, or that was changed since.
pandas is imported inside functions: a run that waits for a slot does not need its 90 MB.
"""

import contextlib
import json
import os
import re
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fracture_core import checksums, file_reader, files
from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import DamagedFile, FileMissing, FileRefused, RunError
from fracture_core.files import FileCache, appended, refusal, replace_file
from fracture_core.runs import line_rules
from fracture_core.words import cell

if TYPE_CHECKING:
    import pandas as pd

_CHATTER = re.compile(  # TensorFlow's messages at every start, which no setting silences
    r"WARNING: All log messages before absl|[IEW]0000 |To enable the following instructions"
)
_FIRST = ("epoch", "step", "learning_rate")
_ROLES = ("train", "dev", "valid")
_QUANTITIES = ("loss", "accuracy", "auroc", "n", "study_accuracy", "studies")
_REQUESTS = ("learning_rate", "more_epochs", "epochs_withdrawn")
_CHECK = ', "check": "'  # between a line and its checksum
FILMS = {  # columns of a run's films, and their types
    **dict.fromkeys(("split", "part", "patient", "study", "path", "role"), "text"),
    **dict.fromkeys(("view", "label"), "whole"),
}
_CHATTER_BYTES = 8192  # room for it in front of the requested lines


def append_line(path: Path, value: dict[str, Any]) -> None:
    """Append a JSON line with its checksum in one write, after ending a torn line before it.

    Raises:
        WriteFailed: no space or no permission; the line may be torn.
    """
    files.append_line(path, _encode(value))


def replace_lines(path: Path, values: list[dict[str, Any]]) -> None:
    """Replace the content of a file by these JSON lines, atomically."""
    replace_file(path, b"".join(map(_encode, values)))


def _encode(value: dict[str, Any]) -> bytes:
    """Return a JSON line whose last key, `check`, is the CRC-32 of the line without it."""
    text = json.dumps(value)
    return f"{text[:-1]}{_CHECK}{_crc(text)}\n".encode()


def _is_changed(line: str) -> bool:
    """Tell whether a line's checksum is wrong; lines of older versions carry none."""
    start, mark, end = line.rpartition(_CHECK)
    return bool(mark) and end != _crc(start + "}")


def _crc(text: str) -> str:
    """Return the end of a line, given its text without the checksum."""
    return f'{zlib.crc32(text.encode()):08x}"}}'


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the JSON lines of a file, oldest first; incomplete or damaged ones are left out.

    Raises:
        RunError: the file exists and cannot be opened.
    """
    try:
        return _objects(path.name, file_reader.read_bytes(path, file_reader.LINES_BYTES))
    except FileMissing:
        return []
    except FileRefused as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: FileRefused) -> RunError:
    cause = error.__cause__
    if isinstance(cause, OSError):
        return RunError(refusal(cause))
    return RunError(f"{path.parent.name}: {error}")


def damaged_lines(path: Path) -> int:
    """Count the lines of a file that were changed since they were written.

    A line torn by a kill or a full disk does not count: it never had its checksum.
    """
    try:
        text = file_reader.read_bytes(path, file_reader.LINES_BYTES).decode(errors="replace")
    except FileRefused:
        return 0
    return sum(_is_changed(line) and line.endswith('"}') for line in text.splitlines())


def _objects(file: str, text: bytes) -> list[dict[str, Any]]:
    """Return the lines that hold an object whose values `line_rules` accepts."""
    values = []
    for line in text.decode(errors="replace").splitlines():
        if _is_changed(line):
            continue
        with contextlib.suppress(ValueError):  # damage may look like anything
            value = file_reader.parsed(line)
            if isinstance(value, dict) and line_rules.is_sound(file, value):
                value.pop("check", None)
                values.append(value)
    return values


def lost_checksums(folder: Path) -> list[str]:
    """Return names of the files of a run whose lines in `SHA256SUMS` are gone, in order.

    A run whose first event has its checksum was begun by a version that writes one for every file;
    without a line, those of another run are of an older version.
    """
    try:
        with file_reader.opened(folder / "events.jsonl", file_reader.LINES_BYTES) as stream:
            first = stream.readline().decode(errors="replace")
    except FileRefused:
        return []
    return checksums.unguarded(folder) if _CHECK in first else []


def up_to(path: Path, key: str, last: int) -> list[dict[str, Any]]:
    """Return the lines of a file whose `key` is a whole number up to `last`, oldest first."""
    return [line for line in _numbered(path, key) if line[key] <= last]


def log_event(folder: Path, kind: str, **values: Any) -> None:
    """Append an event to `events.jsonl`, with its time in seconds since 1970."""
    append_line(folder / "events.jsonl", {"kind": kind, "time": time.time(), **values})


def events(folder: Path) -> list[dict[str, Any]]:
    """Return a run's events, oldest first: queued, started, resumed, more_epochs, stopped..."""
    return [e for e in lines(folder / "events.jsonl") if isinstance(e.get("kind"), str)]


def refused(folder: Path, role: str | None = None) -> list[tuple[str, str]]:
    """Return films that could not be read and were left out: (path, reason), each path once.

    Args:
        folder: the run folder.
        role: only those that would have been "train", "dev" or "valid"; `None` for all.
    """
    refused_films = _events_with(folder, "film_refused", path=str, reason=str)
    of_role = [e for e in refused_films if role is None or e.get("role") == role]
    return list({e["path"]: e["reason"] for e in of_role}.items())


def epochs_requested(folder: Path, config: TrainConfig) -> int:
    """Return the total epochs: those of the config and those added by resumes since.

    Epochs of a refused resume are withdrawn again.
    """
    added, withdrawn = (
        sum(int(e["epochs"]) for e in _events_with(folder, kind, epochs=int))
        for kind in ("more_epochs", "epochs_withdrawn")
    )
    return config.epochs + added - withdrawn


def request_count(folder: Path) -> int:
    """Count the events that change the computation: requested rates and epochs."""
    return sum(e["kind"] in _REQUESTS for e in events(folder))


def epochs_added_at(folder: Path) -> int:
    """Return the epoch after which epochs were last added; 0 where none were."""
    added = [e["epoch"] for e in _events_with(folder, "more_epochs", epoch=int)]
    return added[-1] if added else 0


def rate_changes(folder: Path) -> list[tuple[int, float]]:
    """Return the learning rates requested during the run, oldest first: (first step, rate)."""
    requests = _events_with(folder, "learning_rate", step=int, rate=float)
    return [(e["step"], e["rate"]) for e in requests]


def queued_at(folder: Path) -> float:
    """Return the time when the run began to wait for its slot, in seconds since 1970."""
    times = [e["time"] for e in _events_with(folder, "queued", time=float)]
    return times[-1] if times else 0.0


def _events_with(folder: Path, kind: str, **values: type) -> list[dict[str, Any]]:
    """Return the events of a kind that hold values of these types; damage may have cost one."""
    of_kind = [e for e in events(folder) if e["kind"] == kind]
    return [e for e in of_kind if all(type(e.get(key)) is sort for key, sort in values.items())]


def metrics(folder: Path, cache: FileCache | None = None) -> "pd.DataFrame":
    """Return one row per epoch: `epoch`, `step`, `learning_rate` and dotted ones like `dev.loss`.

    If an epoch appears twice, as after a resume, the later line wins.

    Args:
        folder: the run folder.
        cache: see `files.appended`; `None` to read the whole file.

    Raises:
        RunError: the file exists and cannot be opened.
    """
    return _table(folder / "metrics.jsonl", "epoch", cache)


def curves(folder: Path) -> "pd.DataFrame":
    """Return `metrics` in a fixed order of columns, one row per epoch, for export.

    First `epoch`, `step` and `learning_rate`, then for train, dev and valid, where the run has
    them: loss, accuracy, auroc, n, study_accuracy, studies.
    """
    table = metrics(folder)
    names = [f"{role}.{quantity}" for role in _ROLES for quantity in _QUANTITIES]
    ordered = [*_FIRST, *(name for name in names if name in table)]
    others = [name for name in table if name not in ordered]
    return table.reindex(columns=[*ordered, *others])


def curves_csv(folder: Path) -> str:
    """Return `curves` as CSV, numbers in full precision, missing ones as an empty field."""
    table = curves(folder).rename(columns=cell).map(cell)
    return table.to_csv(index=False, lineterminator="\n")


def steps(folder: Path, cache: FileCache | None = None) -> "pd.DataFrame":
    """Return the live curve: `step`, `epoch` (a fraction), `loss`, `accuracy`, `rate`, `time`.

    Args:
        folder: the run folder.
        cache: see `files.appended`; `None` to read the whole file.

    Raises:
        RunError: the file exists and cannot be opened.
    """
    return _table(folder / "steps.jsonl", "step", cache)


def _table(path: Path, key: str, cache: FileCache | None) -> "pd.DataFrame":
    """Return a row for each line with a whole number under `key`; the later one of equal keys."""
    import pandas as pd

    def add(before: pd.DataFrame | None, text: bytes) -> pd.DataFrame:
        values = _whole(_with_number(_objects(path.name, text), key), before)
        # A quantity that is missing in all of these lines is a float in others.
        new = pd.json_normalize(values).fillna(float("nan")).infer_objects()
        parts = [part for part in (before, new) if part is not None and len(part)]
        if not parts:
            return new
        return pd.concat(parts).drop_duplicates(key, keep="last", ignore_index=True)

    try:
        table: pd.DataFrame = appended(path, {} if cache is None else cache, add)
        return table
    except FileRefused as error:
        raise _unreadable(path, error) from error


def _whole(values: list[dict[str, Any]], before: "pd.DataFrame | None") -> list[dict[str, Any]]:
    """Return the lines with all keys of every earlier line; another may have a damaged key."""
    columns, whole = set(() if before is None else before.columns), []
    for line in values:
        names = _columns(line)
        if columns <= names:
            columns |= names
            whole.append(line)
    return whole


def _columns(line: dict[str, Any]) -> set[str]:
    inner = {
        f"{key}.{name}" for key, part in line.items() if isinstance(part, dict) for name in part
    }
    return inner | {key for key, part in line.items() if not isinstance(part, dict)}


def _numbered(path: Path, key: str) -> list[dict[str, Any]]:
    return _with_number(lines(path), key)


def _with_number(values: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    return [line for line in values if type(line.get(key)) is int]


def metrics_epochs(folder: Path) -> list[int]:
    """Return the epochs that have metrics, in the order of their lines."""
    table = metrics(folder)
    return table["epoch"].tolist() if len(table) else []


def best_epoch(folder: Path) -> int | None:
    """Return the epoch with the lowest dev loss, else the last one; `None` before the first.

    The loss decides, since on a few dozen studies accuracy has too many ties and too much noise.
    `valid` is never used.
    """
    return best_in(metrics(folder))


def best_in(table: "pd.DataFrame") -> int | None:
    """Return the `best_epoch` of a run's `metrics`."""
    if not len(table):
        return None
    if "dev.loss" in table and table["dev.loss"].notna().any():
        # The position, not the index label: pandas' types know a label as any hashable.
        return int(table["epoch"].iloc[int(table["dev.loss"].argmin())])
    return int(table["epoch"].iloc[-1])


def films(folder: Path) -> "pd.DataFrame":
    """Return the manifest rows of this run with their `role`: train, dev or valid.

    Raises:
        RunError: the run has not read its films yet, or the file is damaged or was changed.
    """
    try:
        content = checksums.read(folder, folder / "films.parquet", file_reader.TABLE_BYTES)
        table = file_reader.read_table(content, FILMS)
        if not (table["label"].isin([0, 1]).all() and table["role"].isin(_ROLES).all()):
            raise FileRefused("films.parquet", "holds labels or roles that no run has")
        return table
    except FileNotFoundError as error:
        message = f"{folder.name} has not read its films yet. Try again once it is training."
        if "films.parquet" in checksums.missing(folder):
            message = f"The films.parquet of {folder.name} is missing. Put it back, or train again."
        raise RunError(message) from error
    except DamagedFile as error:
        raise DamagedFile(f"{error} Put the file back, or train again.") from error
    except FileRefused as error:
        message = f"The films.parquet of {folder.name} cannot be read. Put it back, or train again."
        raise RunError(message) from error


def log_tail(folder: Path, count: int = 40, name: str = "train.log", begin: int = 0) -> str:
    """Return the last lines of a log, without TensorFlow's notes on the machine.

    Args:
        folder: of the run, or of another job.
        count: maximum number of lines.
        name: of the log.
        begin: position of the first byte that is read.
    """
    path = folder / name
    with contextlib.suppress(FileRefused, OSError), file_reader.opened(path, 2**50) as stream:
        end = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, min(begin, end), end - 200 * count - _CHATTER_BYTES))
        tail = stream.read().decode(errors="replace").splitlines()
        return "\n".join([line for line in tail if not _CHATTER.match(line)][-count:])
    return ""
