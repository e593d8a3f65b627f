"""The default data set: synthetic studies in MURA's layout, with known breaks.

`make` fills a folder with films of the seven parts of MURA and a `phantom.json` beside them, with
the boxes of all breaks and whether the set is complete. The films of a study depend on seed and
study number alone, so that a set which was stopped half-way is completed to the same bytes. The
process that makes a set holds a lock on `.lock`; the kernel releases it whatever ends the process.
"""

import io
import json
import os
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fracture_core import file_reader, locks
from fracture_core.config.record import check_range
from fracture_core.errors import ConfigError, DataError, FileRefused, Stopped
from fracture_core.files import replace_file, sweep
from fracture_core.phantom.drawing import draw
from fracture_core.phantom.study_plan import Break, Film, films, plan

VERSION = 3  # raised whenever the same seed gives other films
STUDIES, SEED = 400, 0
INDEX = "phantom.json"
LOCK = ".lock"
OWN = ("studies", "seed", "hairlines")  # settings of a set; an index lacks the last by default
MOST_STUDIES = 1_000_000  # a larger set takes minutes to plan; an index with more is damaged


def make(
    out: Path,
    studies: int = STUDIES,
    seed: int = SEED,
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    hairlines: int | None = None,
) -> None:
    """Fill `out` with a phantom set, or complete the same one there. Uses all cores.

    A second caller waits for the first and then makes the missing films, if any.

    Args:
        out: folder of the set; created if missing, else empty or with this very set.
        studies: number of studies, 1 or more.
        seed: 0 or more; the same seed gives the same bytes on one machine.
        progress: called with (studies made, all studies).
        should_stop: called often; when it returns true, the function ends.
        hairlines: share of the breaks that are hairlines, in percent, or None (15).

    Raises:
        ConfigError: `studies`, `seed` or `hairlines` is out of range.
        DataError: `out` holds something else, or a set with other settings, or cannot be written.
        Stopped: `should_stop` returned true; the next call completes the set.
    """
    if studies < 1 or seed < 0:
        raise ConfigError(
            "A phantom set needs at least 1 study and a seed from 0; "
            f"received {studies} studies and seed {seed}."
        )
    own = {"studies": studies, "seed": seed}
    if hairlines is not None:
        check_range("hairlines", hairlines, (0, 100))
        own["hairlines"] = hairlines
    out, report = Path(out), progress or (lambda done, total: None)
    try:
        _check_folder(out, own)
        if _is_whole(out):  # its disk may be read-only
            report(studies, studies)
            return
        out.mkdir(parents=True, exist_ok=True)
        (out / LOCK).touch()
    except (OSError, ValueError) as error:  # a null character is a ValueError
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{out} cannot be made ({reason}). Name another folder.") from error
    with _lock(out, report, should_stop or (lambda: False)):
        _check_folder(out, own)
        _fill(out, own, report, should_stop or (lambda: False))


def complete(
    root: Path,
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> None:
    """Complete the set in `root` with its own settings; see `make`.

    Makes the default set where there is none. A complete set of another version stays as it is.
    """
    index = _index(root)
    if index and index["version"] != VERSION and index["complete"]:
        return
    own = {key: index[key] for key in OWN if key in index} if index else {}
    make(root, **own, progress=progress, should_stop=should_stop)


def settings(root: Path) -> dict[str, int] | None:
    """Return the settings of a phantom: version and what `OWN` names; `None` for other data."""
    index = _index(root)
    return {key: index[key] for key in (*OWN, "version") if key in index} if index else None


def is_phantom(root: Path) -> bool:
    """Return whether `root` holds a phantom set, complete or not."""
    return _index(root) is not None


def is_synthetic(root: Path) -> bool:
    """Return whether the films in `root` are synthetic: it has an index, even a damaged one.

    A phantom must not be taken for real films because its index cannot be read.
    """
    return os.path.lexists(Path(root) / INDEX)


def is_complete(root: Path) -> bool:
    """Return whether `root` holds a phantom set with all its films."""
    index = _index(root)
    return bool(index and index["complete"])


def _is_whole(root: Path) -> bool:
    """Return whether a set is complete and none of its films was removed since."""
    index = _index(root)
    if index is None or not index["complete"]:
        return False
    return all((root / path).exists() for path in index["films"])


def is_being_made(root: Path) -> bool:
    """Return whether a process is making the set in `root` now."""
    return locks.is_held(Path(root) / LOCK)


def progress(root: Path) -> tuple[int, int] | None:
    """Return (studies made, all studies), or None if `root` holds no phantom set."""
    index = _index(root)
    if index is None:
        return None
    if index["complete"]:
        return index["studies"], index["studies"]
    finished: dict[str, bool] = {}
    for path in index["films"]:
        study = path.rpartition("/")[0]
        finished[study] = finished.get(study, True) and (Path(root) / path).exists()
    return sum(finished.values()), index["studies"]


def breaks(root: Path) -> dict[str, list[Break]]:
    """Return the breaks on every film: path in the manifest -> list, often empty.

    Raises:
        DataError: `root` holds no phantom set.
    """
    index = _index(root)
    if index is None:
        raise DataError(f"Boxes of breaks are known for phantom sets only; {root} holds none.")
    return {path: [_break(item) for item in items] for path, items in index["films"].items()}


def _break(item: dict[str, Any]) -> Break:
    """Return a break of the index; before version 3 it has neither pattern nor bone."""
    words = {key: item.get(key, "") for key in ("pattern", "bone")}
    return Break(kind=item["kind"], box=tuple(item["box"]), **words)


def _check_folder(out: Path, own: dict[str, int]) -> None:
    """Refuse a folder in which a phantom set must not be made."""
    if not out.exists():
        return
    if not out.is_dir():
        raise DataError(f"A phantom set is made in a folder; {out} is a file. Name another place.")
    index = _index(out)
    if index is None:
        others = sorted(entry.name for entry in out.iterdir() if not _is_own_file(entry.name))
        if others:
            raise DataError(
                f"A phantom set is made in an empty folder; {out} holds {others[0]!r}. "
                "Name another folder."
            )
        return
    present = {key: index[key] for key in OWN if key in index}
    if (present, index["version"]) != (own, VERSION):
        raise DataError(
            f"{out} holds a phantom set of {_in_words(present)}, version {index['version']}; "
            f"requested are {_in_words(own)}, version {VERSION}. "
            "Name another folder, or delete that one."
        )


def _in_words(own: dict[str, int]) -> str:
    share = f" and {own['hairlines']} % hairlines" if "hairlines" in own else ""
    return f"{own['studies']} studies with seed {own['seed']}{share}"


def _is_own_file(name: str) -> bool:
    return name == LOCK or name.startswith(f".{INDEX}.")


@contextmanager
def _lock(
    out: Path, report: Callable[[int, int], None], should_stop: Callable[[], bool]
) -> Iterator[None]:
    """Hold the folder's lock; while another process holds it, wait and report its progress."""

    def wait() -> None:
        if should_stop():
            raise Stopped("Stopped while another process was making the set.")
        if counts := progress(out):
            report(*counts)

    with locks.held(out / LOCK, wait, seconds=0.2):
        yield


def _fill(
    out: Path,
    own: dict[str, int],
    report: Callable[[int, int], None],
    should_stop: Callable[[], bool],
) -> None:
    sweep(out, older_than_seconds=0.0)  # under the lock no other process writes here
    studies, seed = own["studies"], own["seed"]
    planned = [films(study, seed) for study in plan(**own)]
    missing = [each for each in planned if not all((out / film.path).exists() for film in each)]
    index = {
        "what": "Synthetic films; boxes are x0, y0, x1, y1 in px.",
        "version": VERSION,
        **own,
        "complete": not missing,
        "films": {
            film.path: [asdict(mark) for mark in film.breaks] for each in planned for film in each
        },
    }
    if missing or not is_complete(out):
        _write_index(out, index)
    report(studies - len(missing), studies)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(_draw_study, out, study) for study in missing]
        try:
            for done, job in enumerate(as_completed(jobs), start=studies - len(missing) + 1):
                job.result()
                report(done, studies)
                if should_stop():
                    raise Stopped(f"Stopped after {done} of {studies} studies.")
        finally:
            for job in jobs:
                job.cancel()
    if missing:
        _write_index(out, index | {"complete": True})


def _draw_study(out: Path, study: list[Film]) -> None:
    folder = (out / study[0].path).parent
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder, older_than_seconds=0.0)  # under the lock no other process writes here
    for film in study:
        if not (out / film.path).exists():
            png = io.BytesIO()
            # Grain hardly repeats: run lengths alone are as small, and six times as fast.
            draw(film.scene).save(png, format="PNG", compress_type=zlib.Z_RLE)
            replace_file(out / film.path, png.getvalue())


def _write_index(out: Path, index: dict[str, Any]) -> None:
    replace_file(out / INDEX, json.dumps(index).encode())


def read_index(root: Path) -> dict[str, Any]:
    """Read `phantom.json`; of its keys only `complete` is checked here.

    Raises:
        FileMissing: there is none.
        FileRefused: it cannot be read, or has no boolean `complete`.
    """
    index = file_reader.read_json(Path(root) / INDEX, file_reader.LIST_BYTES)
    if not isinstance(index, dict) or not isinstance(index.get("complete"), bool):
        raise FileRefused(INDEX, "does not say whether the set is complete")
    return index


def _index(root: Path) -> dict[str, Any] | None:
    """Return the content of `phantom.json`; None unless `make` has written it."""
    try:
        index = read_index(root)
    except FileRefused:
        return None
    return index if _is_sound(index) else None


def _is_sound(index: dict[str, Any]) -> bool:
    """Return whether an index has all its keys, each of its type."""
    kinds = {"version": int, "seed": int, "studies": int, "complete": bool, "films": dict}
    return (
        all(type(index.get(key)) is kind for key, kind in kinds.items())
        and type(index.get("hairlines", 0)) is int
        and 0 <= index.get("hairlines", 0) <= 100
        and 0 < index["studies"] <= MOST_STUDIES
        and 0 <= index["seed"] < 2**63
        and all(isinstance(marks, list) for marks in index["films"].values())
        and all(_is_break(mark) for marks in index["films"].values() for mark in marks)
    )


def _is_break(mark: Any) -> bool:
    if not isinstance(mark, dict) or not isinstance(mark.get("kind"), str):
        return False
    box = mark.get("box")
    if not all(isinstance(mark.get(key, ""), str) for key in ("pattern", "bone")):
        return False
    return isinstance(box, list) and len(box) == 4 and all(type(v) is int for v in box)
