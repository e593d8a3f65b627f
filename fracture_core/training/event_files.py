"""TensorBoard event files of a run: `tensorboard --logdir runs` shows its epochs.

They lie under `tensorboard/train`, `dev` and `valid` of the run folder and repeat the values of
`metrics.jsonl`, with the tags of Keras: `epoch_loss`, `epoch_accuracy`,
`epoch_learning_rate` (training only), `epoch_auroc`, `epoch_study_accuracy`. The step is the epoch.

A file is a row of records (length, checksum, data, checksum), the data of each an `Event` message.
The records are written here, since TensorFlow's own writer needs the `tensorboard` package and
cannot append to a file that a reader has open. Source: tensorflow/core/lib/io/record_writer.h.
"""

import re
import struct
import time
from pathlib import Path
from typing import Any

from tensorflow.core.framework.summary_pb2 import Summary
from tensorflow.core.util.event_pb2 import Event, SessionLog

from fracture_core import files

ROLES = ("train", "dev", "valid")
_NAME = "events.out.tfevents."  # before the time, which TensorBoard sorts by as text
_TIME = re.compile(r"\d{10}\.\d{6}")
QUANTITIES = ("loss", "accuracy", "auroc", "study_accuracy")


def begin(folder: Path, lines: list[dict[str, Any]]) -> None:
    """Write files with these epochs, and remove the earlier files.

    A kill in between leaves whole old files beside new ones; the next `begin` removes them.

    Args:
        folder: the run folder.
        lines: the lines of `metrics.jsonl`; a role or a value may be missing or `None`.

    Raises:
        OSError: no space or no permission.
    """
    for role in ROLES:
        home = folder / "tensorboard" / role
        before = _written(home)
        if events := [_epoch(line, role) for line in lines if role in line]:
            _create(home, events)
        for path in before:
            path.unlink(missing_ok=True)
        files.sweep(home, older_than_seconds=0.0)  # the run's lock keeps other writers away


def add(folder: Path, line: dict[str, Any]) -> None:
    """Append an epoch, which readers see as soon as this returns.

    Args:
        folder: the run folder, after a `begin` of the same process.
        line: a line of `metrics.jsonl`.

    Raises:
        OSError: no space or no permission.
    """
    for role in (role for role in ROLES if role in line):
        home = folder / "tensorboard" / role
        if before := _written(home):
            with before[-1].open("ab", buffering=0) as stream:
                stream.write(_record(_epoch(line, role)))
        else:
            _create(home, [_epoch(line, role)])


def _written(home: Path) -> list[Path]:
    """The event files in this folder, oldest first; a pipe or link of such a name is none."""
    named = sorted(home.glob(f"{_NAME}*"))
    return [path for path in named if path.is_file() and not path.is_symlink()]


def _create(home: Path, events: list[Event]) -> None:
    """Write a new file as a whole or not at all.

    Its name is new each time, and sorts last: a running TensorBoard continues with files of a later
    name, and would never read one that replaced an old file.
    """
    home.mkdir(parents=True, exist_ok=True)
    now = time.time()
    version = Event(wall_time=now, file_version="brain.Event:2")
    # "A session starts at step 0": a reader forgets the events of older files.
    start = Event(wall_time=now, session_log=SessionLog(status=SessionLog.START))
    path = home / f"{_NAME}{max(now, _last_time(home) + 1e-6):.6f}"
    files.replace_file(path, b"".join(_record(event) for event in (version, start, *events)))


def _last_time(home: Path) -> float:
    """Return the time in the latest name, which a clock that was set back has not reached."""
    times = [path.name.removeprefix(_NAME) for path in _written(home)]
    return max((float(text) for text in times if _TIME.fullmatch(text)), default=0.0)


def _epoch(line: dict[str, Any], role: str) -> Event:
    """Return the event of an epoch, with the present time."""
    by_tag = {f"epoch_{name}": line[role].get(name) for name in QUANTITIES}
    if role == "train":
        by_tag["epoch_learning_rate"] = line.get("learning_rate")
    values = [
        Summary.Value(tag=tag, simple_value=value)
        for tag, value in by_tag.items()
        if value is not None
    ]
    return Event(wall_time=time.time(), step=line["epoch"], summary=Summary(value=values))


def _record(event: Event) -> bytes:
    data: bytes = event.SerializeToString()
    length = struct.pack("<Q", len(data))
    return length + _checksum(length) + data + _checksum(data)


def _checksum(data: bytes) -> bytes:
    """Return the CRC-32C (Castagnoli), computed bit by bit and masked as the format requires."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
