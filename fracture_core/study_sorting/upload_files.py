"""Files of an upload as they were dropped, and those inside its zips. All in memory.

Each file is accepted, refused with its reason, or passed over by kind, see `ignored_files`.
"""

import io
import stat
import struct
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath

from fracture_core.config.limits import LIMITS
from fracture_core.data_folders import ignored_files
from fracture_core.data_folders.name_order import natural
from fracture_core.film_files import formats

_UNSUPPORTED = "is packed in a way that is not read here. Pack it as a plain zip."
_UNSEEN = b"\x89PNG\r\n\x1a\n"  # in place of what cannot be unpacked: it counts as a film


@dataclass(frozen=True, kw_only=True)
class File:
    """An uploaded file.

    Args:
        name: with its folders, separated by slashes.
        content: its bytes.
    """

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class OpenedFile:
    """A file of an upload, inside a zip or not.

    Args:
        file: its content is empty where it is refused or passed over.
        refusal: the reason why it is not used.
        ignored: its kind, where it is passed over.
    """

    file: File
    refusal: str | None = None
    ignored: str | None = None


def opened(files: Iterable[File]) -> Iterator[OpenedFile]:
    """Yield every file in its order, those inside a zip in its place."""
    files = list(files)
    zips = [_is_zip(file) for file in files]
    loose = [file for file, is_zip in zip(files, zips, strict=True) if not is_zip]
    kinds = iter(ignored_files.kinds([(file.name, partial(_beginning, file)) for file in loose]))
    for file, is_zip in zip(files, zips, strict=True):
        if is_zip:
            yield from _unzipped(file)
        else:
            yield OpenedFile(file=file, ignored=next(kinds))


def _beginning(file: File) -> bytes:
    return file.content[: ignored_files.BEGINNING]


def _is_zip(file: File) -> bool:
    if ignored_files.kind_by_name(file.name):
        return False
    # A zip that is cut short has lost its list, at its end: only its name remains.
    return file.name.lower().endswith(".zip") or zipfile.is_zipfile(io.BytesIO(file.content))


def _unzipped(file: File) -> Iterator[OpenedFile]:
    damaged = "is a zip that is cut short or damaged. Copy it again from where it came from."
    try:
        if _entry_count(file.content) > LIMITS.zip_listed:  # each is an object in memory
            raise zipfile.LargeZipFile
        packed = zipfile.ZipFile(io.BytesIO(file.content))
        entries = [entry for entry in packed.infolist() if not entry.is_dir()]
    except zipfile.LargeZipFile:
        count = _entry_count(file.content)
        yield OpenedFile(file=file, refusal=_too_many(count, LIMITS.zip_listed))
        return
    except Exception:  # zipfile raises many kinds on damage
        yield OpenedFile(file=file, refusal=damaged)
        return
    entries.sort(key=lambda entry: natural(entry.filename))
    # Some programs separate folders by backslashes.
    names = [entry.filename.replace("\\", "/") for entry in entries]
    kinds = ignored_files.kinds(
        [
            (name, partial(_peeked, packed, entry))
            for name, entry in zip(names, entries, strict=True)
        ]
    )
    base = label(file.name).rpartition(".")[0] or label(file.name)
    labels = [f"{base}/{label(name)}" for name in names]
    if kinds.count(None) > LIMITS.zip_entries:
        yield OpenedFile(file=file, refusal=_too_many(kinds.count(None), LIMITS.zip_entries))
        return
    if None not in kinds:
        empty = "is a zip that holds no film. Pack the films, and drop it again."
        yield OpenedFile(file=file, refusal=empty)
    yield from _entries(packed, list(zip(entries, labels, kinds, strict=True)))


def _entries(
    packed: zipfile.ZipFile, entries: Sequence[tuple[zipfile.ZipInfo, str, str | None]]
) -> Iterator[OpenedFile]:
    """Unpack entries, given with name and kind, within the limits of one upload."""
    room, count = LIMITS.upload_bytes, 0
    for entry, name, kind in entries:
        if kind:
            yield OpenedFile(file=File(name=name, content=b""), ignored=kind)
            continue
        reason = _entry_refusal(entry)
        if reason is None and (count >= LIMITS.upload_files or room <= 0):
            reason = (
                f"was not unpacked: one upload may hold {LIMITS.upload_files} films and "
                f"{LIMITS.upload_bytes / 2**20:g} MB. Pack fewer."
            )
        content = b""
        if reason is None:
            count += 1
            content, reason = _unpacked(packed, entry)
            room -= len(content)
        yield OpenedFile(file=File(name=name, content=content), refusal=reason)


def _peeked(packed: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Return the first bytes of an entry; of one that is refused, such that it counts as a film."""
    if _entry_refusal(entry):
        return _UNSEEN
    try:
        with packed.open(entry) as stream:
            return stream.read(ignored_files.BEGINNING)
    except Exception:  # zipfile and its decoders raise many kinds on damage
        return _UNSEEN


def _too_many(count: int, limit: int) -> str:
    return f"lists {count:,} files; at most {limit:,} per zip are read. Pack fewer films."


def _entry_count(content: bytes) -> int:
    """Return the greatest number of entries in the list at a zip's end, without reading them."""
    end = content.rfind(b"PK\x05\x06")
    if end < 0 or len(content) < end + 22:
        return 0
    (size,) = struct.unpack_from("<I", content, end + 12)
    return content.count(b"PK\x01\x02", max(0, end - size), end)


def _entry_refusal(entry: zipfile.ZipInfo) -> str | None:
    """Return the reason not to unpack an entry; `None` if it may be unpacked."""
    if entry.flag_bits & 0x1:
        return "is locked with a password. Unpack the zip yourself, and drop the films."
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "is a link to another file, which a zip cannot give. Pack the film itself."
    if entry.filename.lower().endswith(ignored_files.ARCHIVES):
        return "is an archive inside a zip, which is not opened. Drop it by itself."
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return _UNSUPPORTED  # others are unpacked as a whole, whatever size they declare
    if entry.file_size > LIMITS.file_bytes:
        return formats.too_many_bytes(entry.file_size)
    if entry.file_size > LIMITS.zip_ratio * max(1, entry.compress_size):
        return (
            f"would grow {entry.file_size / max(1, entry.compress_size):,.0f} times when unpacked; "
            f"at most {LIMITS.zip_ratio} times is allowed. Drop the film itself."
        )
    return None


def _unpacked(packed: zipfile.ZipFile, entry: zipfile.ZipInfo) -> tuple[bytes, str | None]:
    """Return an entry's content, of no more than its declared size, or the reason of a refusal."""
    try:
        with packed.open(entry) as stream:
            content = stream.read(entry.file_size)
            if stream.read(1):
                raise zipfile.BadZipFile
        if len(content) < entry.file_size:
            raise zipfile.BadZipFile
    except NotImplementedError:
        return b"", _UNSUPPORTED
    except Exception:  # zipfile and its decoders raise many kinds on damage
        return b"", "is damaged inside the zip. Pack it again."
    if zipfile.is_zipfile(io.BytesIO(content)):
        return b"", "is an archive inside a zip, which is not opened. Drop it by itself."
    return content, None


def label(name: str) -> str:
    """Return a name as a mere label: without root and parent folders."""
    parts = PurePosixPath(name).parts
    return "/".join(part for part in parts if part not in ("/", "..", ".")) or "a file"
