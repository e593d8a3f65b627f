"""The open set of films, FracAtlas, fetched from its own repository onto this machine.

The repository's record names the file, its size and its MD5; the file is fetched in pieces that a
later call continues, checked, and unpacked within limits. Nothing is requested unless a person
starts it and accepts the licence.
"""

import contextlib
import hashlib
import http.client
import json
import os
import shutil
import stat
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from fracture_core import file_reader
from fracture_core.errors import DataError, FileRefused, Stopped
from fracture_core.files import make_folder, remove_tree, replace_file, writing
from fracture_core.readers import layouts
from fracture_core.readers.fracatlas import SOURCE
from fracture_core.words import short

NAME = "fracatlas"
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
PIECE = 256 * 1024  # bytes between two checks for a stop
TIMEOUT_SECONDS = 30.0  # without a byte
TRIES = 5  # in a row without a byte; one that brings some counts anew
WAIT_SECONDS = 2.0  # before another try
MOST_BYTES = 4 * 2**30  # of the file; 0.3 GB are published
MOST_UNPACKED = 8 * 2**30
MOST_FILES = 100_000
RATIO = 200  # unpacked bytes for each packed one

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Record:
    """The file that a repository's record names.

    Args:
        name: of the file.
        address: to fetch it from.
        size: in bytes.
        md5: hex digits; "" if the record names none.
        licence: as the record names it.
    """

    name: str
    address: str
    size: int
    md5: str
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
    say("Asking the repository.")
    record = _record(address or os.environ.get(VARIABLE) or RECORD)
    part = out / f"{record.name}.part"
    _check_room(out, record, part)
    digests = _download(record, part, progress, should_stop)
    say("Unpacking.")
    _unpack(part, root, record, digests, should_stop)
    with contextlib.suppress(OSError):
        part.unlink()
        _note_path(part).unlink()
    return root


def source(root: Path) -> dict[str, Any]:
    """Return what is noted of the origin of a fetched set; nothing where that cannot be read."""
    try:
        note = file_reader.read_json(root / SOURCE)
    except FileRefused:
        return {}
    return note if isinstance(note, dict) else {}


# --- the record -----------------------------------------------------------------------------------


def _record(address: str) -> Record:
    """Ask the repository for its record.

    Raises:
        DataError: see `fetch`.
    """
    with _answer(address, {}) as answer:
        content = _read(answer, file_reader.NOTE_BYTES)
    try:
        facts = file_reader.parsed(content.decode())
        files = [each for each in facts["files"] if str(each["name"]).lower().endswith(".zip")]
        file = max(files, key=lambda each: int(each["size"]))
        licence = str(facts["license"]["name"])
        record = Record(
            name=PurePosixPath(str(file["name"])).name,
            address=str(file["download_url"]),
            size=int(file["size"]),
            md5=str(file.get("computed_md5") or file.get("supplied_md5") or "").lower(),
            licence=licence,
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
    if not 0 < record.size <= MOST_BYTES:
        raise DataError(f"The file has {record.size / 2**20:,.0f} MB, which no FracAtlas has.")
    if _secure(address) and not _secure(record.address):
        raise DataError(f"The record names an address without encryption. Fetch it from {PAGE}.")
    return record


def _secure(address: str) -> bool:
    return address.lower().startswith("https://")


class _SameSecurity(urllib.request.HTTPRedirectHandler):
    """Follows a redirection to another address, but not to one without encryption."""

    def redirect_request(self, request: Any, *others: Any) -> Any:
        new = others[-1]
        is_web = new.lower().startswith(("http://", "https://"))
        if not is_web or (_secure(request.full_url) and not _secure(new)):
            raise urllib.error.URLError("it leads to an address without encryption")
        return super().redirect_request(request, *others)


def _answer(address: str, headers: dict[str, str]) -> http.client.HTTPResponse:
    """Send a request, and return the answer.

    Raises:
        DataError: there is none, or it is a refusal.
    """
    if not address.lower().startswith(("http://", "https://")):
        raise DataError(f"{short(address)!r} is no web address. Give one with http:// or https://.")
    request = urllib.request.Request(
        address, headers={"User-Agent": "fracture-explorer", **headers}
    )
    opener = urllib.request.build_opener(_SameSecurity)
    try:
        answer: http.client.HTTPResponse = opener.open(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        raise _Refused(_unreachable(address, f"it answers {error.code}"), error.code) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise DataError(
            _unreachable(address, getattr(reason, "strerror", None) or reason)
        ) from error
    return answer


class _Refused(DataError):
    """The repository answered with an error; `code` is its number."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def _unreachable(address: str, reason: object) -> str:
    host = address.split("/")[2]
    return (
        f"{host} cannot be reached ({short(reason)}). Check the network and try again, or fetch "
        f"FracAtlas on another machine from {PAGE} and unpack it."
    )


def _read(answer: http.client.HTTPResponse, limit: int) -> bytes:
    try:
        return answer.read(limit)
    except (OSError, http.client.HTTPException) as error:
        raise DataError(_unreachable(answer.url, error)) from error


# --- the file -------------------------------------------------------------------------------------


def _check_room(out: Path, record: Record, part: Path) -> None:
    here = part.stat().st_size if part.is_file() else 0
    needed = 2 * record.size + record.size // 10 - here  # packed and unpacked: JPEG does not shrink
    free = shutil.disk_usage(out).free
    if free < needed:
        raise DataError(
            f"{out} has {free / 1e9:.1f} GB free; {needed / 1e9:.1f} GB are needed. Free some "
            "space, or choose a folder on another disk."
        )


def _note_path(part: Path) -> Path:
    return part.with_suffix(".part.json")


def _download(
    record: Record, part: Path, progress: Progress, should_stop: Callable[[], bool]
) -> dict[str, str]:
    """Fetch the file, or what is missing of it; return its digests by their names.

    Raises:
        DataError, Stopped: see `fetch`.
    """
    if _note(part) != asdict(record):  # another file, or none: what is there is not its beginning
        with writing(part):
            part.unlink(missing_ok=True)
        replace_file(_note_path(part), json.dumps(asdict(record)).encode())
    tries = 0
    while (size := _size(part)) < record.size:
        try:
            _continue(record, part, progress, should_stop)
        except DataError as error:
            tries = 0 if _size(part) > size else tries + 1
            if tries >= TRIES or (isinstance(error, _Refused) and error.code < 500):
                share = f"{_size(part) / record.size:.0%}"
                raise DataError(
                    f"{error} {share} of it is kept: the next try continues."
                ) from error
            _wait(should_stop)
    return _checked(record, part)


def _wait(should_stop: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        _check_stop(should_stop)
        time.sleep(min(0.1, WAIT_SECONDS))


def _note(part: Path) -> object:
    try:
        return file_reader.read_json(_note_path(part))
    except FileRefused:
        return None


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _check_stop(should_stop: Callable[[], bool]) -> None:
    if should_stop():
        raise Stopped("Stopped. What was fetched is kept: the next start continues.")


def _continue(
    record: Record, part: Path, progress: Progress, should_stop: Callable[[], bool]
) -> None:
    """Fetch from the end of what is there; an answer with the whole file begins anew."""
    start = _size(part)
    with _answer(record.address, {"Range": f"bytes={start}-"} if start else {}) as answer:
        if answer.status == http.client.PARTIAL_CONTENT:
            given = str(answer.headers.get("Content-Range", "")).removeprefix("bytes ")
            if given.partition("-")[0] != str(start):
                raise DataError(_unreachable(record.address, "it sends another part of the file"))
        else:
            start = 0
        with writing(part), part.open("r+b" if part.exists() else "wb") as file:
            file.truncate(start)
            file.seek(start)
            _pour(answer, file, record, progress, should_stop)
    if _size(part) == start:
        raise DataError(_unreachable(record.address, "it sends nothing"))


def _pour(
    answer: http.client.HTTPResponse,
    file: BinaryIO,
    record: Record,
    progress: Progress,
    should_stop: Callable[[], bool],
) -> None:
    """Write what the answer sends, never more than the record's size."""
    while (done := file.tell()) < record.size:
        progress(done, record.size)
        _check_stop(should_stop)
        try:
            piece = answer.read(min(PIECE, record.size - done))
        except (OSError, http.client.HTTPException) as error:
            file.flush()
            raise DataError(_unreachable(record.address, error)) from error
        if not piece:  # it broke off; the caller asks for the rest
            return
        file.write(piece)
    progress(record.size, record.size)


def _checked(record: Record, part: Path) -> dict[str, str]:
    """Return the file's digests.

    Raises:
        DataError: it is not the file of the record; it is removed, since the next call must begin
            anew.
    """
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with part.open("rb") as file:
        while piece := file.read(2**20):
            md5.update(piece)
            sha256.update(piece)
    if record.md5 and md5.hexdigest() != record.md5:
        with writing(part):
            part.unlink()
        raise DataError(
            f"The fetched file is not the one of the record (MD5 {md5.hexdigest()}, must be "
            f"{short(record.md5)}). It was removed: try again."
        )
    return {"md5": md5.hexdigest(), "sha256": sha256.hexdigest()}


# --- unpacking ------------------------------------------------------------------------------------


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
                _check_stop(should_stop)
                _write_entry(packed, entry, draft)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise DataError(
            f"{part.name} cannot be unpacked ({short(error)}). Remove it, and try again."
        ) from error
    place = _data_set(draft)
    note = {
        "title": TITLE,
        "from": record.address,
        "page": PAGE,
        "licence": record.licence,
        "file": record.name,
        "bytes": record.size,
        **digests,
        "md5_checked": bool(record.md5),
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
    if is_link or name.startswith("/") or ".." in parts or ":" in parts[0] or "\0" in name:
        raise zipfile.BadZipFile(f"{short(name)!r} leads out of its folder")
    path = folder.joinpath(*parts)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with packed.open(entry) as source, path.open("xb") as file:
            left = entry.file_size
            while piece := source.read(min(PIECE, left + 1)):
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
