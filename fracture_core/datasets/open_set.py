"""The open set of films, FracAtlas, fetched from its own repository onto this machine.

The repository's record names the file, its size and its MD5; the file is fetched in pieces that a
later call continues, checked, and unpacked within limits. Nothing is requested unless a person
starts it and accepts the licence.
"""

import contextlib
import json
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from fracture_core import file_reader, locks
from fracture_core.datasets import download
from fracture_core.datasets.download import Progress, WebFile
from fracture_core.errors import DataError
from fracture_core.files import make_folder, remove_tree, replace_file, writing
from fracture_core.readers import layouts
from fracture_core.readers.fracatlas import SOURCE
from fracture_core.words import short

NAME = "fracatlas"
LOCK = ".fetch.lock"  # held by the one process that fetches into a folder
PAGE = "https://doi.org/10.6084/m9.figshare.22363012"
RECORD = "https://api.figshare.com/v2/articles/22363012"  # of the repository, as JSON
VARIABLE = "FRACTURE_FRACATLAS"  # of the environment: another address of the record
TITLE = "FracAtlas, 4,083 films"
LICENCE = "CC BY 4.0"
LICENCE_PAGE = "https://creativecommons.org/licenses/by/4.0/"
TERMS = (
    f"FracAtlas (Abedeen et al., Scientific Data 10, 521, 2023; {PAGE}) is under the licence "
    f"{LICENCE} ({LICENCE_PAGE}): you may use, share and change it if you name its authors and "
    "say what you changed."
)
MOST_BYTES = 4 * 2**30  # of the file; 0.3 GB are published
MOST_UNPACKED = 8 * 2**30
MOST_FILES = 100_000
RATIO = 200  # unpacked bytes for each packed one


@dataclass(frozen=True, kw_only=True)
class Record:
    """The repository's record of the set.

    Args:
        file: the set's archive.
        licence: as the record names it.
    """

    file: WebFile
    licence: str


def fetch(
    out: Path,
    progress: Progress = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
    say: Callable[[str], None] = lambda text: None,
    address: str | None = None,
) -> Path:
    """Fetch the set into a folder, and return the folder of the data set in it.

    Call it only for a person who has accepted `TERMS`. What a call before has fetched is kept.

    Args:
        out: is made if missing.
        progress: called with bytes done and in all.
        should_stop: checked after each piece.
        say: called with a sentence at each step.
        address: of the record; by default that of `VARIABLE`, else `RECORD`.

    Raises:
        DataError: there is no network, the repository refuses, the file is not the one of the
            record, or the licence has changed; the message gives the next step.
        Stopped: on request; the next call continues.
        WriteFailed: no space or no permission.
    """
    make_folder(out)
    root = out / "FracAtlas"
    if (root / SOURCE).is_file():
        return root
    if root.exists():
        raise DataError(f"{root} is there already. Move it away, or give another folder.")
    with locks.held(out / LOCK, partial(_refuse_second, out)):
        return _fetch(
            out, root, address or os.environ.get(VARIABLE) or RECORD, progress, should_stop, say
        )


def _refuse_second(out: Path) -> NoReturn:
    raise DataError(
        f"Another process is fetching into {out}. Wait until it has ended, or give another folder."
    )


def _fetch(
    out: Path,
    root: Path,
    address: str,
    progress: Progress,
    should_stop: Callable[[], bool],
    say: Callable[[str], None],
) -> Path:
    """Fetch and unpack the set; the folder's lock is held."""
    say("Asking the repository.")
    record = _record(address)
    part = out / f"{record.file.name}.part"
    _check_room(out, record.file.size, part)
    digests = download.fetch(record.file, part, progress, should_stop)
    say("Unpacking.")
    _unpack(part, root, record, digests, should_stop)
    with contextlib.suppress(OSError):
        part.unlink()
        download.note_path(part).unlink()
    return root


def source(root: Path) -> dict[str, Any]:
    """Return what is noted of the origin of a fetched set; nothing where that cannot be read."""
    note = file_reader.json_or_none(root / SOURCE)
    return note if isinstance(note, dict) else {}


def _record(address: str) -> Record:
    """Ask the repository for its record.

    Raises:
        DataError: see `fetch`.
    """
    content = download.text(address)
    try:
        facts = file_reader.parsed(content)
        files = [each for each in facts["files"] if str(each["name"]).lower().endswith(".zip")]
        file = max(files, key=lambda each: int(each["size"]))
        licence = str(facts["license"]["name"])
        found = WebFile(
            name=PurePosixPath(str(file["name"])).name,
            address=str(file["download_url"]),
            size=int(file["size"]),
            md5=str(file.get("computed_md5") or file.get("supplied_md5") or "").lower(),
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise DataError(
            f"The record at {address} is not as expected. Fetch FracAtlas from {PAGE} yourself."
        ) from error
    if "CC BY 4" not in licence.upper():
        raise DataError(
            f"The licence is {short(licence)!r} now, not {LICENCE}. Read it at {PAGE}, and fetch "
            "the set there yourself."
        )
    if not 0 < found.size <= MOST_BYTES:
        raise DataError(f"The file has {found.size / 2**20:,.0f} MB, which no FracAtlas has.")
    if download.is_secure(address) and not download.is_secure(found.address):
        raise DataError(f"The record names an address without encryption. Fetch it from {PAGE}.")
    return Record(file=found, licence=licence)


def _check_room(out: Path, size: int, part: Path) -> None:
    here = part.stat().st_size if part.is_file() else 0
    needed = 2 * size + size // 10 - here  # packed and unpacked: JPEG does not shrink
    free = shutil.disk_usage(out).free
    if free < needed:
        raise DataError(
            f"{out} has {free / 1e9:.1f} GB free; {needed / 1e9:.1f} GB are needed. Free some "
            "space, or choose a folder on another disk."
        )


def _unpack(
    part: Path,
    root: Path,
    record: Record,
    digests: dict[str, str],
    should_stop: Callable[[], bool],
) -> None:
    """Unpack the file beside it under a hidden name, which becomes the data set as a whole."""
    draft = root.with_name(f".{root.name}.tmp")
    with writing(draft):
        if draft.is_dir():
            remove_tree(draft)
    make_folder(draft)
    try:
        with zipfile.ZipFile(part) as packed:
            for entry in _entries(packed):
                download.check_stop(should_stop)
                _write_entry(packed, entry, draft)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise DataError(
            f"{part.name} cannot be unpacked ({short(error)}). Remove it, and try again."
        ) from error
    place = _data_set(draft)
    note = {
        "title": TITLE,
        "from": record.file.address,
        "page": PAGE,
        "licence": record.licence,
        "file": record.file.name,
        "bytes": record.file.size,
        **digests,
        "md5_checked": bool(record.file.md5),
    }
    replace_file(place / SOURCE, (json.dumps(note, indent=2) + "\n").encode())
    with writing(root):
        place.rename(root)
        if draft.exists():
            remove_tree(draft)


def _entries(packed: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the files of an archive, if all of them are within limits."""
    entries = [entry for entry in packed.infolist() if not entry.is_dir()]
    size = sum(entry.file_size for entry in entries)
    grown = [entry for entry in entries if entry.file_size > RATIO * max(1, entry.compress_size)]
    if len(entries) > MOST_FILES or size > MOST_UNPACKED or grown:
        raise zipfile.BadZipFile(f"{len(entries):,} files of {size / 1e9:.1f} GB are too many")
    return entries


def _write_entry(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    """Write one file below the folder; what leads out of it, and a link, is refused."""
    name = entry.filename.replace("\\", "/")
    parts = PurePosixPath(name).parts
    is_link = stat.S_ISLNK(entry.external_attr >> 16)
    if (
        is_link
        or name.startswith("/")
        or ".." in parts
        or not parts
        or ":" in parts[0]
        or "\0" in name
    ):
        raise zipfile.BadZipFile(f"{short(name)!r} leads out of its folder")
    path = folder.joinpath(*parts)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with packed.open(entry) as source, path.open("xb") as file:
            left = entry.file_size
            while piece := source.read(min(download.PIECE, left + 1)):
                left -= len(piece)
                if left < 0:
                    raise zipfile.BadZipFile(f"{short(name)!r} is larger than it says")
                file.write(piece)


def _data_set(draft: Path) -> Path:
    """Return the folder of the data set in what was unpacked."""
    layout = layouts.find(draft)
    if layout.kind != "fracatlas":
        raise DataError(f"The fetched file holds no FracAtlas. Fetch it from {PAGE} yourself.")
    return layout.root
