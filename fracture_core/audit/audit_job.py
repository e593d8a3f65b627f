"""An audit as a long job: started in a child process, watched, stopped, and kept.

What was measured of the films stays in the cache folder piece by piece, so that an audit that was
stopped goes on where it was. One folder a data set; `audit.json` is written last.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fracture_core import checksums, file_reader
from fracture_core.audit import findings
from fracture_core.audit.findings import Audit, Finding, Item
from fracture_core.audit.shortcuts import Shortcut
from fracture_core.config import cache_folder
from fracture_core.datasets import catalog
from fracture_core.errors import FractureError, Stopped
from fracture_core.files import make_folder
from fracture_core.films import measures
from fracture_core.jobs import launcher
from fracture_core.jobs.job_progress import JobProgress
from fracture_core.runs import run_folders
from fracture_core.runs.run_folders import State, Status

RESULT = "audit.json"


def folder_of(data_hash: str) -> Path:
    """Where the audit of a data set is kept."""
    return cache_folder() / "audits" / data_hash


def start(dataset: catalog.Dataset) -> Path:
    """Audit in a child process, unless that is under way; gives the folder."""
    folder = folder_of(dataset.hash)
    make_folder(folder / "requests")
    asked = {"data": str(dataset.root), "positive": dataset.positive}
    launcher.start_job(folder, asked, "child-audit", "Reads the list.", "audit.log")
    return folder


def run_child(folder: Path) -> None:
    """The child's work: audit what `asked.json` names, and keep the result."""
    asked = launcher.job_request(folder, "data")
    dataset = catalog.read(Path(asked["data"]), asked["positive"])
    reporter = JobProgress(folder, "Opening every film")
    try:
        save(folder, run(dataset, folder, reporter.count, reporter.should_stop, reporter.say))
    except Stopped as error:
        message = f"{error} What was measured is kept."
        run_folders.write_status(folder, Status(state=State.STOPPED, message=message))
        return
    run_folders.write_status(folder, Status(state=State.FINISHED, message="Done.", progress=1.0))


def run(
    dataset: catalog.Dataset,
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Audit:
    """Measure every film, then draw the findings; in this process.

    Args:
        dataset: as `catalog.read` gives it.
        folder: where what was measured is kept.
        progress: called with (films done, all films).
        should_stop: asked after every film.
        say: told what is being done after that.

    Raises:
        Stopped: `should_stop` said so.
    """
    paths = dataset.manifest["path"].tolist()
    facts = measures.table(dataset.root, paths, folder / "facts", progress, should_stop)
    return findings.run(dataset, facts, say)


# --- kept results -------------------------------------------------------------------------------


def to_dict(value: Audit) -> dict[str, Any]:
    """An audit as plain data: films, findings (with their title and why) and shortcuts."""
    return {
        "films": value.films,
        "findings": [
            {**asdict(each), "title": each.title, "why": each.why} for each in value.findings
        ],
        "shortcuts": [
            {**asdict(each), "tells": each.tells, "sentence": each.sentence}
            for each in value.shortcuts
        ],
    }


def save(folder: Path, value: Audit) -> None:
    """Keep an audit."""
    checksums.write(folder, folder / RESULT, json.dumps(to_dict(value), indent=1).encode())


def load(folder: Path) -> Audit | None:
    """The kept audit in this folder; `None` if there is none, it is damaged, or another
    version's."""
    try:
        content = checksums.read_guarded(folder, folder / RESULT, file_reader.LIST_BYTES)
        fields = file_reader.parsed(content.decode())
        found = Audit(
            films=fields["films"],
            findings=tuple(map(_finding, fields["findings"])),
            shortcuts=tuple(map(_shortcut, fields["shortcuts"])),
        )
        # What cannot be said again was not said by this program.
        told = json.loads(json.dumps(to_dict(found)))
        return found if told == fields and _is_sound(found) else None
    except (OSError, FractureError, ValueError, LookupError, TypeError, AttributeError,
            ArithmeticError):  # fmt: skip
        return None


def _is_sound(found: Audit) -> bool:
    """Whether all is of its kind; that its sentences say the same has been compared."""
    items = [item for finding in found.findings for item in finding.items]
    words = [text for item in items for text in (item.path, item.detail)]
    words += [text for each in found.findings for text in (each.kind, *each.sentences)]
    words += [text for each in found.shortcuts for text in (each.feature, each.split, each.part)]
    counts = [found.films, *(each.count for each in found.findings)]
    counts += [count for each in found.shortcuts for count in (each.studies, each.positive)]
    shares = [each.score for each in found.findings]
    shares += [share for s in found.shortcuts for share in (s.auroc, s.low, s.high)]
    return (
        all(isinstance(text, str) for text in words)
        and all(type(count) is int and count >= 0 for count in counts)
        and all(0 <= share <= 1 for share in shares)
        and all(isinstance(item.leave_out, bool) for item in items)
    )


def _shortcut(fields: dict[str, Any]) -> Shortcut:
    kept = {k: v for k, v in fields.items() if k not in ("tells", "sentence")}
    return Shortcut(**{k: tuple(v) if isinstance(v, list) else v for k, v in kept.items()})


def _finding(fields: dict[str, Any]) -> Finding:
    return Finding(
        kind=fields["kind"],
        items=tuple(Item(**item) for item in fields["items"]),
        count=fields["count"],
        score=fields["score"],
        sentences=tuple(fields["sentences"]),
    )
