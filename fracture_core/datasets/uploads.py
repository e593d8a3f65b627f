"""Uploads: files, folders and zips, in any mix, sorted into studies. All in memory.

Each file is accepted, refused by name with its reason, or passed over and counted by kind, see
`ignored_files`. A refused file never costs the others.
"""

import io
import stat
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeVar

from fracture_core.config.limits import LIMITS
from fracture_core.dicom_files import dicom
from fracture_core.film_files import formats
from fracture_core.readers import ignored_files
from fracture_core.readers.ignored_files import Ignored, Tally
from fracture_core.readers.layouts import natural

_UNSUPPORTED = "is packed in a way that is not read here. Pack it as a plain zip."
_UNSEEN = b"\x89PNG\r\n\x1a\n"  # in place of what cannot be unpacked: it counts as a film
Film = TypeVar("Film")
ALONE = "the uploaded study"  # of films without a folder


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
class UploadedStudy:
    """Films of one study.

    Args:
        name: its folder, or `ALONE`; never an identifier from inside a file.
        films: in natural order; names are unique, and without folders.
    """

    name: str
    films: tuple[File, ...]


@dataclass(frozen=True, kw_only=True)
class SortedUploads:
    """Studies of an upload.

    Args:
        studies: in natural order of their names.
        refused: (name, reason) of files that are not decoded at all.
        ignored: files that are no films, by kind and count.
    """

    studies: tuple[UploadedStudy, ...]
    refused: tuple[tuple[str, str], ...]
    ignored: tuple[Ignored, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Opened:
    """A file of an upload, inside a zip or not.

    Args:
        file: its content is empty where it is refused or passed over.
        refusal: the reason why it is not used.
        ignored: its kind, where it is passed over.
    """

    file: File
    refusal: str | None = None
    ignored: str | None = None


def sort(files: Sequence[File]) -> SortedUploads:
    """Unpack zips, and sort films into studies.

    Films of one DICOM study belong together in any folder; other films belong to their folder, see
    `by_study`.
    """
    films: list[File] = []
    refused, tally, room = [], Tally(), LIMITS.upload_bytes
    for each in _opened(files):
        file, reason = each.file, each.refusal
        if each.ignored:
            tally.add(each.ignored, _plain(file.name))
            continue
        room -= len(file.content)
        if reason is None and len(films) >= LIMITS.upload_files:
            reason = f"is beyond the {LIMITS.upload_files} films of one upload. Drop fewer at once."
        if reason is None and room < 0:
            limit = f"{LIMITS.upload_bytes / 2**20:g} MB"
            reason = f"is beyond the {limit} of one upload, unpacked. Drop fewer films at once."
        if reason is None:
            films.append(file)
        else:
            refused.append((_plain(file.name), reason))
    return SortedUploads(studies=_studies(films), refused=tuple(refused), ignored=tally.items())


def _opened(files: Iterable[File]) -> Iterator[_Opened]:
    """Yield every file in its order, those inside a zip in its place."""
    files = list(files)
    zips = [_is_zip(file) for file in files]
    loose = [file for file, is_zip in zip(files, zips, strict=True) if not is_zip]
    kinds = iter(ignored_files.kinds([(file.name, partial(_beginning, file)) for file in loose]))
    for file, is_zip in zip(files, zips, strict=True):
        if is_zip:
            yield from _unzipped(file)
        else:
            yield _Opened(file=file, ignored=next(kinds))


def _beginning(file: File) -> bytes:
    return file.content[: ignored_files.BEGINNING]


def _is_zip(file: File) -> bool:
    if ignored_files.kind_by_name(file.name):
        return False
    # A zip that is cut short has lost its list, at its end: only its name remains.
    return file.name.lower().endswith(".zip") or zipfile.is_zipfile(io.BytesIO(file.content))


def _unzipped(file: File) -> Iterator[_Opened]:
    damaged = "is a zip that is cut short or damaged. Copy it again from where it came from."
    try:
        if _entry_count(file.content) > LIMITS.zip_listed:  # each is an object in memory
            raise zipfile.LargeZipFile
        packed = zipfile.ZipFile(io.BytesIO(file.content))
        entries = [entry for entry in packed.infolist() if not entry.is_dir()]
    except zipfile.LargeZipFile:
        count = _entry_count(file.content)
        yield _Opened(file=file, refusal=_too_many(count, LIMITS.zip_listed))
        return
    except Exception:  # zipfile raises many kinds on damage
        yield _Opened(file=file, refusal=damaged)
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
    base = _plain(file.name).rpartition(".")[0] or _plain(file.name)
    labels = [f"{base}/{_plain(name)}" for name in names]
    if kinds.count(None) > LIMITS.zip_entries:
        yield _Opened(file=file, refusal=_too_many(kinds.count(None), LIMITS.zip_entries))
        return
    if None not in kinds:
        empty = "is a zip that holds no film. Pack the films, and drop it again."
        yield _Opened(file=file, refusal=empty)
    yield from _entries(packed, list(zip(entries, labels, kinds, strict=True)))


def _entries(
    packed: zipfile.ZipFile, entries: Sequence[tuple[zipfile.ZipInfo, str, str | None]]
) -> Iterator[_Opened]:
    """Unpack entries, given with name and kind, within the limits of one upload."""
    room, count = LIMITS.upload_bytes, 0
    for entry, name, kind in entries:
        if kind:
            yield _Opened(file=File(name=name, content=b""), ignored=kind)
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
        yield _Opened(file=File(name=name, content=content), refusal=reason)


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


def _plain(name: str) -> str:
    """Return a name as a mere label: without root and parent folders."""
    parts = PurePosixPath(name).parts
    return "/".join(part for part in parts if part not in ("/", "..", ".")) or "a file"


def by_study(
    films: Sequence[Film], facts: Callable[[Film], tuple[bytes | Path, str, str]]
) -> dict[tuple[str, str], list[Film]]:
    """Group films by study: those of one DICOM study in any folder, others by their folder.

    A film without a study identifier joins the only DICOM study of its folder, if there is one.

    Args:
        films: of any kind.
        facts: returns a film's content or path, its name, and its folder.

    Returns:
        The films, in the order given, by ("uid", the DICOM study's identifier) or ("folder", their
        folder), in the order of each one's first film.
    """
    sources = [facts(film) for film in films]
    uids = [dicom.study_uid(source, name) for source, name, _ in sources]
    beside: dict[str, set[str]] = {}
    for uid, (_, _, folder) in zip(uids, sources, strict=True):
        beside.setdefault(folder, set()).update([uid] if uid else [])
    groups: dict[tuple[str, str], list[Film]] = {}
    for film, own, (_, _, folder) in zip(films, uids, sources, strict=True):
        uid = own or (min(beside[folder]) if len(beside[folder]) == 1 else None)
        groups.setdefault(("uid", uid) if uid else ("folder", folder), []).append(film)
    return groups


def _studies(files: Sequence[File]) -> tuple[UploadedStudy, ...]:
    groups = by_study(files, lambda file: (file.content, file.name, _folder(file)))
    tree = _Tails(PurePosixPath(folder) for kind, folder in groups if kind == "folder")
    named: dict[str, list[File]] = {}
    for films in groups.values():
        named[unlike(_name(films, tree), named)] = films
    return tuple(
        UploadedStudy(name=name, films=_unique_names(named[name]))
        for name in sorted(named, key=natural)
    )


def _folder(file: File) -> str:
    return PurePosixPath(_plain(file.name)).parent.as_posix()


def _name(films: list[File], tails: "_Tails") -> str:
    """Name a study by its folder, with as many parent folders as make it unique."""
    folders = {PurePosixPath(_folder(film)) for film in films}
    folder = folders.pop() if len(folders) == 1 else PurePosixPath(".")
    return ALONE if folder == PurePosixPath(".") else tails.shortest(folder)


class _Tails:
    """Endings of folders: a tree from their last names upwards, so that each name is read once.

    Args:
        folders: without duplicates.
    """

    def __init__(self, folders: Iterable[PurePosixPath]) -> None:
        self._folders = set(folders)
        self._next: list[dict[str, int]] = [{}]  # per tail: the name above it -> longer tail
        self._count = [0]  # per tail: number of folders that end so
        for folder in self._folders:
            at = 0
            for name in reversed(folder.parts):
                if name not in self._next[at]:
                    self._next[at][name] = len(self._next)
                    self._next.append({})
                    self._count.append(0)
                at = self._next[at][name]
                self._count[at] += 1

    def shortest(self, folder: PurePosixPath) -> str:
        """Return the shortest ending of a folder that no other has; else the whole folder."""
        at, itself, tail = 0, folder in self._folders, []
        for name in reversed(folder.parts):
            tail.append(name)
            if name not in self._next[at]:
                break
            at = self._next[at][name]
            if self._count[at] == itself:
                break
        return "/".join(reversed(tail))


def unlike(name: str, taken: Iterable[str]) -> str:
    """Return the name, or "name (2)" where it is taken."""
    number, free = 2, name
    while free in taken:
        number, free = number + 1, f"{name} ({number})"
    return free


def _unique_names(films: list[File]) -> tuple[File, ...]:
    """Sort films by their last names; a second `image1.png` becomes `image1.png (2)`."""
    unique: dict[str, File] = {}
    for film in sorted(films, key=lambda film: natural(film.name)):
        name = unlike(PurePosixPath(_plain(film.name)).name, unique)
        unique[name] = File(name=name, content=film.content)
    return tuple(unique.values())
