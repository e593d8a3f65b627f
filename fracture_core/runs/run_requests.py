"""Requests to a run's child: files that pages and terminals leave, and that it serves in turn."""

import json
import time
import uuid
from pathlib import Path
from typing import Any

from fracture_core import file_reader
from fracture_core.clusters import run_place
from fracture_core.config.limits import LIMITS
from fracture_core.files import replace_file


def send(folder: Path, kind: str, **values: Any) -> Path:
    """Leave a request for the run's child, and return its file.

    Args:
        kind: "stop", "stop_after_epoch", "more_epochs" (with `epochs`) or "learning_rate" (with
            `rate`).

    Raises:
        WriteFailed: no space or no permission.
    """
    key = uuid.uuid4().hex[:8]
    text = json.dumps({"kind": kind, "id": key, **values}).encode()
    path = folder / "requests" / f"{_next_number(folder):020d}-{key}.json"
    replace_file(path, text)
    if kind == "stop":
        run_place.cancel_waiting(folder)
    return path


def _next_number(folder: Path) -> int:
    """Return the number of a new request, by which they are served in their order.

    It is the time in ns, or follows the last one's where the clock was set back since.
    """
    names = [path.name.partition("-")[0] for path in folder.glob("requests/[!.]*.json")]
    last = max((int(name) for name in names if name.isdecimal()), default=0)
    return max(time.time_ns(), last + 1)


def waiting(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Return the waiting requests in their order, each with the file to remove once served."""
    files = (
        (path, file_reader.json_or_none(path))
        for path in sorted(folder.glob("requests/[!.]*.json"))
    )
    return [(path, value) for path, value in files if _is_request(value)]


def _is_request(value: Any) -> bool:
    """Check that the content of a file in `requests/` is a valid request."""
    if not (isinstance(value, dict) and isinstance(value.get("kind"), str)):
        return False
    epochs, rate = value.get("epochs", 1), value.get("rate", LIMITS.learning_rate[0])
    whole = type(epochs) is int and 0 <= epochs <= LIMITS.epochs[1]
    least, most = LIMITS.learning_rate
    return whole and type(rate) in (int, float) and least <= rate <= most


def has(folder: Path, kind: str) -> bool:
    """Tell whether a request of this kind is waiting."""
    return any(value.get("kind") == kind for _, value in waiting(folder))
