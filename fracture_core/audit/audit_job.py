"""The audit of a data set as a job: starting, running and stopping it, its saved result.

Measurements of films are saved in the cache folder piece by piece, so that a stopped audit
continues from there. One folder per data set; `audit.json` is written last.
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
from fracture_core.datasets import catalog, family_list
from fracture_core.datasets.family_list import FamilyList
from fracture_core.errors import FractureError
from fracture_core.files import make_folder
from fracture_core.films import measures
from fracture_core.folders import cache_folder
from fracture_core.jobs import job_progress, launcher
from fracture_core.jobs.job_progress import JobProgress

RESULT = "audit.json"


def folder_of(data_hash: str) -> Path:
    """Return the folder of a data set's audit."""
    return cache_folder() / "audits" / data_hash


def start(dataset: catalog.Dataset) -> Path:
    """Start an audit in a child process, unless one is running; return its folder."""
    folder = folder_of(dataset.hash)
    make_folder(folder / "requests")
    request = catalog.as_request(dataset)
    launcher.start_job(folder, request, "audit", "Reading the list of films.", "audit.log")
    return folder


def run_child(folder: Path) -> None:
    """Audit the data set that `asked.json` names and save the result; runs in the child."""
    request = launcher.job_request(folder, "data")
    dataset = catalog.of_request(request)
    opened = JobProgress(folder, "Opening every film")
    compared = JobProgress(folder, "Comparing films")

    def should_stop() -> bool:
        return opened.should_stop() or compared.should_stop()

    with job_progress.final_status(folder, "The measurements so far are saved."):
        audit = run(dataset, folder, opened.count, should_stop, opened.say, compared.count)
        save(folder, audit)
        save_families(dataset.hash, audit)


def run(
    dataset: catalog.Dataset,
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    say: Callable[[str], None] = lambda text: None,
    compared: Callable[[int, int], None] | None = None,
    with_families: bool = True,
) -> Audit:
    """Measure every film, then derive the findings, in this process.

    Args:
        dataset: the return value of `catalog.read`.
        folder: gets the measurements.
        progress: called with (films done, all films).
        should_stop: called after every film.
        say: called with a sentence on each later step.
        compared: called with (films compared with others, all films); if `None`, `progress` is.
        with_families: whether to look for turned, mirrored and cropped copies.

    Raises:
        Stopped: `should_stop` returned true.
    """
    paths = dataset.manifest["path"].tolist()
    facts = measures.table(
        dataset.root, paths, folder / "facts", progress, should_stop, with_landmarks=with_families
    )
    return findings.run(
        dataset,
        facts,
        say,
        compared or progress or (lambda done, total: None),
        should_stop or (lambda: False),
        with_families,
    )


# --- saved results ------------------------------------------------------------------------------


def to_dict(audit: Audit) -> dict[str, Any]:
    """Return an audit as plain data: films, findings (with title and why) and shortcuts."""
    return {
        "films": audit.films,
        "findings": [
            {**asdict(each), "title": each.title, "why": each.why} for each in audit.findings
        ],
        "shortcuts": [
            {**asdict(each), "tells": each.tells, "sentence": each.sentence}
            for each in audit.shortcuts
        ],
    }


def save(folder: Path, audit: Audit) -> None:
    """Save an audit in its folder."""
    checksums.write(folder, folder / RESULT, json.dumps(to_dict(audit), indent=1).encode())


def save_families(data_hash: str, audit: Audit) -> None:
    """Write the list of a data set's families, which a run may keep on one side of its split."""
    items = [item for each in audit.findings if each.kind == "family" for item in each.items]
    value = FamilyList(families={item.path: item.family for item in items})
    family_list.write(family_list.file_of(data_hash), value)


def load(folder: Path) -> Audit | None:
    """Return the audit saved in this folder.

    `None` if there is none, it is damaged, or another version wrote it.
    """
    try:
        content = checksums.read_guarded(folder, folder / RESULT, file_reader.LIST_BYTES)
        fields = file_reader.parsed(content.decode())
        audit = Audit(
            films=fields["films"],
            findings=tuple(map(_finding, fields["findings"])),
            shortcuts=tuple(map(_shortcut, fields["shortcuts"])),
        )
        # A file that this version would write differently was altered, or is another version's.
        rewritten = json.loads(json.dumps(to_dict(audit)))
        return audit if rewritten == fields and _is_sound(audit) else None
    except (
        OSError,
        FractureError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        ArithmeticError,
    ):
        return None


def _is_sound(audit: Audit) -> bool:
    """Return whether all values have their type and range; `load` compares the sentences."""
    items = [item for finding in audit.findings for item in finding.items]
    words = [text for item in items for text in (item.path, item.detail, item.family)]
    words += [text for each in audit.findings for text in (each.kind, *each.sentences)]
    words += [text for each in audit.shortcuts for text in (each.feature, each.split, each.part)]
    counts = [audit.films, *(each.count for each in audit.findings)]
    counts += [count for each in audit.shortcuts for count in (each.studies, each.positive)]
    shares = [each.score for each in audit.findings]
    shares += [share for s in audit.shortcuts for share in (s.auroc, s.low, s.high)]
    return (
        all(isinstance(text, str) for text in words)
        and all(type(count) is int and count >= 0 for count in counts)
        and all(0 <= share <= 1 for share in shares)
        and all(isinstance(item.leave_out, bool) for item in items)
    )


def _shortcut(fields: dict[str, Any]) -> Shortcut:
    own: dict[str, Any] = {k: v for k, v in fields.items() if k not in ("tells", "sentence")}
    return Shortcut(**own)


def _finding(fields: dict[str, Any]) -> Finding:
    return Finding(
        kind=fields["kind"],
        items=tuple(Item(**item) for item in fields["items"]),
        count=fields["count"],
        score=fields["score"],
        sentences=tuple(fields["sentences"]),
    )
