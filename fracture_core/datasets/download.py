"""One file, fetched from the web in pieces that a later call continues, and checked."""

import hashlib
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from fracture_core import file_reader
from fracture_core.errors import DataError, Stopped
from fracture_core.files import replace_file, writing
from fracture_core.words import short

PIECE = 256 * 1024  # bytes between two checks for a stop
TIMEOUT_SECONDS = 30.0  # without a byte
TRIES = 5  # in a row without a byte; one that brings some starts the count again
WAIT_SECONDS = 2.0  # before another try

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class WebFile:
    """A file on the web.

    Args:
        name: of the file.
        address: to fetch it from.
        size: in bytes.
        md5: hex digits; "" if unknown.
    """

    name: str
    address: str
    size: int
    md5: str


def note_path(part: Path) -> Path:
    """Return the note beside an incomplete file: which file it is a part of."""
    return part.with_suffix(".part.json")


def fetch(
    file: WebFile, part: Path, progress: Progress, should_stop: Callable[[], bool]
) -> dict[str, str]:
    """Fetch a file, or what is missing of it; return its MD5 and SHA-256 by their names.

    Args:
        file: what to fetch.
        part: where it is put; what an earlier call has left there of the same file is kept.
        progress: called with bytes done and in all.
        should_stop: checked after each piece.

    Raises:
        DataError: the host cannot be reached, or the file is not what was expected.
        Stopped: on request; the next call continues.
        WriteFailed: no space or no permission.
    """
    if file_reader.json_or_none(note_path(part)) != asdict(file):
        # Another file, or none: what is there is not its beginning.
        with writing(part):
            part.unlink(missing_ok=True)
        replace_file(note_path(part), json.dumps(asdict(file)).encode())
    tries = 0
    while (size := _size(part)) < file.size:
        try:
            _continue(file, part, progress, should_stop)
        except DataError as error:
            tries = 0 if _size(part) > size else tries + 1
            if tries >= TRIES or (isinstance(error, _Refused) and error.code < 500):
                share = f"{_size(part) / file.size:.0%}"
                raise DataError(
                    f"{error} {share} of it is kept: the next try continues."
                ) from error
            _wait(should_stop)
    return _checked(file, part)


def _wait(should_stop: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        check_stop(should_stop)
        time.sleep(min(0.1, WAIT_SECONDS))


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def check_stop(should_stop: Callable[[], bool]) -> None:
    """Raise `Stopped` if a stop is requested."""
    if should_stop():
        raise Stopped("Stopped. What was fetched is kept: the next start continues.")


def _continue(
    file: WebFile, part: Path, progress: Progress, should_stop: Callable[[], bool]
) -> None:
    """Fetch from the end of what is there; an answer with the whole file replaces it."""
    start = before = _size(part)
    with _answer(file.address, {"Range": f"bytes={start}-"} if start else {}) as answer:
        if answer.status == http.client.PARTIAL_CONTENT:
            given = str(answer.headers.get("Content-Range", "")).removeprefix("bytes ")
            if given.partition("-")[0] != str(start):
                raise DataError(_unreachable(file.address, "it sends another part of the file"))
        else:
            start = 0
        with writing(part), part.open("r+b" if part.exists() else "wb") as stream:
            stream.truncate(start)
            stream.seek(start)
            _pour(answer, stream, file, progress, should_stop)
    if _size(part) <= before:  # nothing, or less of a whole file than was there
        raise DataError(_unreachable(file.address, "it sends nothing new"))


def _pour(
    answer: http.client.HTTPResponse,
    stream: BinaryIO,
    file: WebFile,
    progress: Progress,
    should_stop: Callable[[], bool],
) -> None:
    """Write what the answer sends, never more than the file's size."""
    while (done := stream.tell()) < file.size:
        progress(done, file.size)
        check_stop(should_stop)
        try:
            piece = answer.read(min(PIECE, file.size - done))
        except (OSError, http.client.HTTPException) as error:
            stream.flush()
            raise DataError(_unreachable(file.address, error)) from error
        if not piece:  # it broke off; the caller asks for the rest
            return
        stream.write(piece)
    progress(file.size, file.size)


def _checked(file: WebFile, part: Path) -> dict[str, str]:
    """Return the file's digests.

    Raises:
        DataError: it is another file; it is removed, since the next call must begin
            at the start.
    """
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with part.open("rb") as stream:
        while piece := stream.read(2**20):
            md5.update(piece)
            sha256.update(piece)
    if file.md5 and md5.hexdigest() != file.md5:
        with writing(part):
            part.unlink()
        raise DataError(
            f"The fetched file is not the expected one (MD5 {md5.hexdigest()}, must be "
            f"{short(file.md5)}). It was removed: try again."
        )
    return {"md5": md5.hexdigest(), "sha256": sha256.hexdigest()}


def is_secure(address: str) -> bool:
    """Return whether an address is encrypted."""
    return address.lower().startswith("https://")


class _SameSecurity(urllib.request.HTTPRedirectHandler):
    """Follows a redirection to another address, but not to one without encryption."""

    def redirect_request(self, request: Any, *others: Any) -> Any:
        new = others[-1]
        is_web = new.lower().startswith(("http://", "https://"))
        if not is_web or (is_secure(request.full_url) and not is_secure(new)):
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
        "the file on another machine."
    )


def text(address: str) -> str:
    """Return a short text from the web.

    Raises:
        DataError: see `fetch`; or it is no UTF-8 text.
    """
    with _answer(address, {}) as answer:
        try:
            return answer.read(file_reader.NOTE_BYTES).decode()
        except (OSError, http.client.HTTPException, UnicodeDecodeError) as error:
            raise DataError(_unreachable(address, error)) from error
