"""A run as one file: its folder as a plain zip, and back.

Everything that the pages show goes with it; films do not, unless asked. A run that is read back is
checked by its own checksums before it gets its name.
"""

import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, Any

from fracture_core import checksums, files
from fracture_core.datasets import catalog
from fracture_core.errors import DamagedFile, DataError, FractureError, RunError
from fracture_core.files import make_folder, sweep, temporary, writing
from fracture_core.folders import runs_folder
from fracture_core.runs import journal, run_config, run_folders, run_lock
from fracture_core.runs.run_folders import DRAFT_SECONDS, Run
from fracture_core.words import plural, short

SUFFIX = ".run.zip"
FILMS = "films/"  # in the archive, paths below the data set's folder
MOST_FILES = 400_000  # of an archive; a run of 10,000 epochs has four each
MOST_BYTES = 200 * 2**30  # unpacked
CHUNK = 2**20
LAYOUTS = ("mura", "class_folders")  # a film's path says all: the folder can be made again
# Names of a run's files, the only ones that are unpacked.
NAMES = re.compile(
    r"(SHA256SUMS|config\.json|status\.json|labels\.json|(metrics|steps|events)\.jsonl"
    r"|films\.parquet|pixel_hashes\.npy|train\.log"
    r"|(checkpoints|predictions|features)/[A-Za-z0-9_.\-]+"
    r"|tensorboard/(train|dev|valid)/[A-Za-z0-9_.\-]+)"
)


@dataclass(frozen=True, kw_only=True)
class Written:
    """An archive that was written.

    Args:
        path: of the file.
        files: number of the run's files in it.
        films: number of films in it.
    """

    path: Path
    files: int
    films: int


def write(run: Run, out: Path, films: bool = False) -> Written:
    """Write a run's archive, as a whole or not at all.

    Args:
        run: the run; not active.
        out: the file, or a folder in which it is called NAME.run.zip.
        films: whether the films that it was trained and evaluated on go with it.

    Raises:
        RunBusy: it is active, so that its files change meanwhile.
        DamagedFile: a file does not match its checksum.
        DataError: films are asked for and are gone, changed, or laid out by a table.
        WriteFailed: no space or no permission.
    """
    path = out / f"{run.name}{SUFFIX}" if out.is_dir() else out
    with run_lock.hold(run.folder):
        if damaged := checksums.damaged(run.folder):
            raise DamagedFile(
                f"{run.name} has {plural(len(damaged), 'damaged file')} ({damaged[0]}), and is not "
                f"exported. Put them back, or see: check {run.name}."
            )
        own = list(_own_files(run.folder))
        taken = _films(run) if films else []
        draft = temporary(path)
        try:
            with (
                writing(path),
                zipfile.ZipFile(draft, "x", zipfile.ZIP_DEFLATED, True, 1) as packed,
            ):
                for name in own:
                    packed.write(run.folder / name, name)
                for name, film in taken:
                    packed.write(film, f"{FILMS}{name}", zipfile.ZIP_STORED)
            with writing(path):
                draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    return Written(path=path, files=len(own), films=len(taken))


def run_name(file: str) -> str:
    """Return the run's name in the name of its archive."""
    return file.removesuffix(SUFFIX)


def packed(run: Run) -> bytes:
    """Return a run's archive without films.

    Raises:
        RunBusy, DamagedFile, WriteFailed: as `write`.
    """
    with tempfile.TemporaryDirectory() as folder:
        return write(run, Path(folder)).path.read_bytes()


def size(run: Run) -> int:
    """Return the bytes of the files that a run's archive would hold."""
    return sum((run.folder / name).stat().st_size for name in _own_files(run.folder))


def _own_files(folder: Path) -> Iterator[str]:
    """Yield the names of a run's files, in order."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not path.is_symlink() and NAMES.fullmatch(name):
            yield name


def _films(run: Run) -> list[tuple[str, Path]]:
    """Return the films of a run: path in the data set and file.

    Raises:
        DataError: see `write`.
    """
    config = run.config
    dataset = catalog.read(Path(config.data), config.positive, table=config.table)
    if dataset.kind not in LAYOUTS:
        raise DataError(
            "Films go with a run only where folders name their studies; these are listed in a "
            "table. Export it without films, and copy the data set itself."
        )
    if dataset.hash != run.data.hash:
        raise DataError(
            f"The films in {config.data} are not those of {run.name}. Export it without films."
        )
    paths = journal.films(run.folder)["path"]
    return [(path, dataset.root / path) for path in paths]


# --- reading ------------------------------------------------------------------------------------


def read(
    source: Path | IO[bytes],
    name: str | None = None,
    data: Path | None = None,
    films: Path | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Path:
    """Unpack an archive into a new run, as a whole or not at all; return its folder.

    Args:
        source: the archive.
        name: of the run; `None` for the name in the archive's file name.
        data: folder of the same films here, for a resume; `None` keeps the one that was named.
        films: folder for the films in the archive, new or empty; `None` leaves them packed.
        progress: is called with the share that is done, 0 to 1.

    Raises:
        RunError: it is no archive of a run, damaged, or names files that a run does not have; or
            `data` lacks films of the run.
        DataError: the path of `data` cannot be followed.
        RunNameTaken: a run has this name.
        WriteFailed: no space or no permission.
    """
    title = Path(str(getattr(source, "name", ""))).name or "This file"
    chosen = name or run_name(title)
    run_folders.check_name(chosen)
    folder = runs_folder() / chosen
    run_folders.refuse_taken(folder)
    make_folder(folder.parent)
    sweep(folder.parent, DRAFT_SECONDS)
    draft = temporary(folder)
    try:
        with _opened(source, title) as packed:
            entries = _entries(packed, title)
            own = [entry for entry in entries if not entry.filename.startswith(FILMS)]
            others = [entry for entry in entries if entry.filename.startswith(FILMS)]
            _unpack(packed, own, draft, "", title, progress)
            _check(draft, title)
            if films:
                _unpack(packed, others, _empty(films), FILMS, title, progress)
        for part in ("checkpoints", "predictions", "requests"):
            make_folder(draft / part)
        if here := data or films:
            _change_data(draft, here, title)
        with writing(folder):
            try:
                draft.rename(folder)
            except OSError:
                run_folders.refuse_taken(folder)  # another process was quicker
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _opened(source: Path | IO[bytes], title: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source)
    except (OSError, zipfile.BadZipFile, zipfile.LargeZipFile, ValueError) as error:
        raise RunError(
            f"{title} is no archive of a run, or is cut short. Export the run again: "
            "runs export NAME."
        ) from error


def _entries(packed: zipfile.ZipFile, title: str) -> list[zipfile.ZipInfo]:
    """Return the entries to unpack.

    Raises:
        RunError: there are too many or too large ones, or a name that no run has.
    """
    entries = [entry for entry in packed.infolist() if not entry.is_dir()]
    names = [entry.filename for entry in entries]
    wrong = [name for name in names if not (NAMES.fullmatch(name) or _is_film(name))]
    if wrong or len(set(names)) < len(names) or "config.json" not in names:
        what = f"it holds {short(wrong[0])!r}" if wrong else "a file is missing or there twice"
        raise RunError(f"{title} is no archive of a run: {what}. Export the run again.")
    size = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_FILES or size > MOST_BYTES:
        raise RunError(
            f"{title} unpacks to {len(entries):,} files of {size / 1e9:,.0f} GB; a run has at most "
            f"{MOST_FILES:,} of {MOST_BYTES / 1e9:,.0f} GB. Export the run again."
        )
    return entries


def _is_film(name: str) -> bool:
    """Tell whether an entry is a film at a place below the folder of films."""
    parts = PurePosixPath(name).parts
    safe = not any(part in ("..", ".", "") or "\\" in part or ":" in part for part in parts)
    return name.startswith(FILMS) and len(parts) > 1 and safe and not name.endswith("/")


def _unpack(
    packed: zipfile.ZipFile,
    entries: list[zipfile.ZipInfo],
    out: Path,
    prefix: str,
    title: str,
    progress: Callable[[float], None],
) -> None:
    """Unpack entries below a folder, never more bytes than they declare."""
    total, done = sum(entry.file_size for entry in entries) or 1, 0
    for entry in entries:
        path = out / entry.filename.removeprefix(prefix)
        make_folder(path.parent)
        left = entry.file_size
        try:
            with packed.open(entry) as stream, writing(path), path.open("xb") as file:
                while chunk := stream.read(min(CHUNK, left + 1)):
                    left -= len(chunk)
                    if left < 0:
                        raise zipfile.BadZipFile
                    file.write(chunk)
        except (
            zipfile.BadZipFile,
            zlib.error,
            NotImplementedError,
            RuntimeError,
            EOFError,
        ) as error:
            raise RunError(
                f"{entry.filename} in {title} is damaged. Copy the archive again."
            ) from error
        done += entry.file_size
        progress(done / total)


def _check(draft: Path, title: str) -> None:
    """Refuse a run whose files do not match their checksums, or whose settings cannot be read.

    Raises:
        RunError: see above.
    """
    lost = [*checksums.damaged(draft), *checksums.missing(draft)]
    if lost:
        raise RunError(
            f"{title} holds a run whose {lost[0]} is damaged or missing. Copy the archive again, "
            "or export the run again."
        )
    try:
        run_folders.read(draft)
    except FractureError as error:
        raise RunError(f"{title} holds a run whose settings cannot be read. {error}") from error


def _empty(folder: Path) -> Path:
    """Make a folder for films; one that holds files is refused.

    Raises:
        RunError: it holds files.
    """
    make_folder(folder)
    if any(folder.iterdir()):
        raise RunError(f"{folder} holds files already. Name a new folder for the films.")
    return folder


def _change_data(draft: Path, data: Path, title: str) -> None:
    """Name another folder of the same films in a run's settings and facts.

    Raises:
        RunError: films of the run are not there.
    """
    run, here = run_folders.read(draft), files.absolute(data)
    facts: dict[str, Any] = {"config": replace(run.config, data=str(here)).to_dict()}
    if run.data.root:
        below = run.data_root.parts[len(Path(run.config.data).parts) :]  # MURA's, say
        paths = journal.films(draft)["path"] if (draft / "films.parquet").exists() else ()
        missing = {
            root: [path for path in paths if not (root / path).is_file()]
            for root in dict.fromkeys((here.joinpath(*below), here))
        }
        root = min(missing, key=lambda each: len(missing[each]))
        if missing[root]:
            raise RunError(
                f"The folder for {title} must hold the films of the run; {here} lacks "
                f"{len(missing[root]):,} of its {plural(len(paths), 'film')}, first "
                f"{missing[root][0]}. Name the folder that holds them."
            )
        facts["data"] = run.facts["data"] | {"root": str(root)}
    run_config.complete(draft, **facts)
