"""The default data set: synthetic studies in MURA's layout, with known breaks.

`make` fills a folder with films of forearms and upper arms and a `phantom.json` beside them, with
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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fracture_core import file_reader, locks
from fracture_core.errors import ConfigError, DataError, FileRefused, Stopped
from fracture_core.files import replace_file, sweep
from fracture_core.phantom.anatomy import anatomy, injury
from fracture_core.phantom.drawing import Scene, draw
from fracture_core.phantom.limbs import PARTS, compose

VERSION = 2  # raised whenever the same seed gives other films
STUDIES, SEED = 400, 0
INDEX = "phantom.json"
LOCK = ".lock"
MOST_STUDIES = 1_000_000  # a larger set takes minutes to plan; an index with more is damaged

POSITIVE_OF_FIVE = (2, 2, 3, 2)  # 9 of 20 studies are positive, close to MURA's forearm and humerus
KIND_ORDER = (  # 10 displaced, 7 angulated, 3 hairline
    *("displaced", "angulated", "displaced", "displaced", "angulated"),
    *("hairline", "displaced", "angulated", "displaced", "displaced"),
    *("angulated", "displaced", "hairline", "angulated", "displaced"),
    *("displaced", "angulated", "displaced", "angulated", "hairline"),
)
TRAIN_SHARE = 0.8  # of the studies; patients are never divided
VIEWS = (0.2, 0.3, 0.3, 0.2)  # chance of 1, 2, 3 and 4 films in a study; 2.5 on average
HIDDEN = 0.2  # chance that a view of a positive study hides the break, if another one shows it


@dataclass(frozen=True, kw_only=True)
class Break:
    """A break visible on a film.

    Args:
        kind: "displaced", "angulated" or "hairline".
        box: (x0, y0, x1, y1) in px of the film, the last two exclusive.
    """

    kind: str
    box: tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class Study:
    """One study of the plan.

    Args:
        index: number in the set, from 0; it and the seed determine the films.
        patient: number from 1.
        part: "forearm" or "humerus".
        number: of the study within patient and part, from 1.
        kind: of its break; None for a negative study.
        split: "train" or "valid".
    """

    index: int
    patient: int
    part: str
    number: int
    kind: str | None
    split: str

    @property
    def folder(self) -> str:
        """Folder of the study, relative to the root."""
        label = "positive" if self.kind else "negative"
        return (
            f"{self.split}/XR_{self.part.upper()}/patient{self.patient:05d}"
            f"/study{self.number}_{label}"
        )


@dataclass(frozen=True, kw_only=True)
class Film:
    """One film of the plan: its path relative to the root, its scene, and its breaks."""

    path: str
    scene: Scene
    breaks: tuple[Break, ...]


def make(
    out: Path,
    studies: int = STUDIES,
    seed: int = SEED,
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> None:
    """Fill `out` with a phantom set, or complete the same one there. Uses all cores.

    A second caller waits for the first and then makes the missing films, if any.

    Args:
        out: folder of the set; created if missing, else empty or with this very set.
        studies: number of studies, 1 or more.
        seed: 0 or more; the same seed gives the same bytes on one machine.
        progress: called with (studies made, all studies).
        should_stop: called often; when it returns true, the function ends.

    Raises:
        ConfigError: `studies` or `seed` is out of range.
        DataError: `out` holds something else, or a set with other settings, or cannot be written.
        Stopped: `should_stop` returned true; the next call completes the set.
    """
    if studies < 1 or seed < 0:
        raise ConfigError(
            "A phantom set needs at least 1 study and a seed from 0; "
            f"received {studies} studies and seed {seed}."
        )
    out, report = Path(out), progress or (lambda done, total: None)
    try:
        _check_folder(out, studies, seed)
        if _is_whole(out):  # its disk may be read-only
            report(studies, studies)
            return
        out.mkdir(parents=True, exist_ok=True)
        (out / LOCK).touch()
    except (OSError, ValueError) as error:  # a null character is a ValueError
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{out} cannot be made ({reason}). Name another folder.") from error
    with _lock(out, report, should_stop or (lambda: False)):
        _check_folder(out, studies, seed)
        _fill(out, studies, seed, report, should_stop or (lambda: False))


def complete(
    root: Path,
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> None:
    """Complete the set in `root` with its own settings; see `make`.

    Makes the default set where there is none.
    """
    index = _index(root)
    own = {"studies": index["studies"], "seed": index["seed"]} if index else {}
    make(root, **own, progress=progress, should_stop=should_stop)


def settings(root: Path) -> dict[str, int] | None:
    """Return the settings of a phantom: studies, seed and version; `None` for other data."""
    index = _index(root)
    return {key: index[key] for key in ("studies", "seed", "version")} if index else None


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
    return {
        path: [Break(kind=item["kind"], box=tuple(item["box"])) for item in items]
        for path, items in index["films"].items()
    }


def plan(studies: int, seed: int) -> list[Study]:
    """Plan all studies of a set in order: patient by patient, `train` before `valid`."""
    rng = np.random.default_rng((seed, 0))
    kinds = _kinds(studies, np.random.default_rng((seed, 4)))
    planned: list[Study] = []
    patient = 0
    while len(planned) < studies:
        patient += 1
        split = "train" if len(planned) < round(TRAIN_SHARE * studies) else "valid"
        count = int(rng.choice((1, 2, 3), p=(0.86, 0.11, 0.03)))
        part = PARTS[int(rng.random() < 0.45)]
        numbers = dict.fromkeys(PARTS, 0)
        for _ in range(min(count, studies - len(planned))):
            numbers[part] += 1
            index = len(planned)
            planned.append(
                Study(
                    index=index,
                    patient=patient,
                    part=part,
                    number=numbers[part],
                    kind=kinds[index],
                    split=split,
                )
            )
            if rng.random() < 0.3:
                part = PARTS[1 - PARTS.index(part)]
    return planned


def films(study: Study, seed: int) -> list[Film]:
    """Compose the films of a study, without drawing them; a function of study and seed alone."""
    rng = np.random.default_rng((seed, 1, study.index))
    body = anatomy(np.random.default_rng((seed, 2, study.patient, PARTS.index(study.part))))
    views = 1 + int(rng.choice(len(VIEWS), p=VIEWS))
    trauma = injury(study.kind, rng) if study.kind else None
    shown = rng.random(views) >= HIDDEN
    shown[rng.integers(views)] = True
    end = int(rng.integers(2))
    result = []
    for view in range(views):
        visible = trauma if shown[view] else None
        noise = (seed, 3, study.index, view)
        scene, boxes = compose(study.part, view, end, body, visible, rng, noise)
        marks = tuple(Break(kind=kind, box=box) for kind, box in boxes)
        path = f"{study.folder}/image{view + 1}.png"
        result.append(Film(path=path, scene=scene, breaks=marks))
    return result


def _kinds(studies: int, rng: np.random.Generator) -> list[str | None]:
    """Return the kind of break of each study; even a small set has both labels."""
    kinds: list[str | None] = []
    positives = 0
    while len(kinds) < studies:
        block: list[str | None] = [None] * 5
        for place in rng.permutation(5)[: POSITIVE_OF_FIVE[len(kinds) // 5 % 4]]:
            block[place] = KIND_ORDER[positives % len(KIND_ORDER)]
            positives += 1
        kinds += block
    return kinds[:studies]


def _check_folder(out: Path, studies: int, seed: int) -> None:
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
    present = (index["studies"], index["seed"], index["version"])
    if present != (studies, seed, VERSION):
        raise DataError(
            f"{out} holds a phantom set of {present[0]} studies with seed {present[1]}, version "
            f"{present[2]}; requested are {studies} studies with seed {seed}, version {VERSION}. "
            "Name another folder, or delete that one."
        )


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
    studies: int,
    seed: int,
    report: Callable[[int, int], None],
    should_stop: Callable[[], bool],
) -> None:
    sweep(out, older_than_seconds=0.0)  # under the lock no other process writes here
    planned = [films(study, seed) for study in plan(studies, seed)]
    missing = [each for each in planned if not all((out / film.path).exists() for film in each)]
    index = {
        "what": "Synthetic films; boxes are x0, y0, x1, y1 in px.",
        "version": VERSION,
        "seed": seed,
        "studies": studies,
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
        and 0 < index["studies"] <= MOST_STUDIES
        and 0 <= index["seed"] < 2**63
        and all(isinstance(marks, list) for marks in index["films"].values())
        and all(_is_break(mark) for marks in index["films"].values() for mark in marks)
    )


def _is_break(mark: Any) -> bool:
    if not isinstance(mark, dict) or not isinstance(mark.get("kind"), str):
        return False
    box = mark.get("box")
    return isinstance(box, list) and len(box) == 4 and all(type(v) is int for v in box)
