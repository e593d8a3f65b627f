"""Reader of class folders: `CLASS/file` or `CLASS/patient/[study/]file`, with or without splits.

Splits lie above or below the classes: `SPLIT/CLASS/file`, as in the 2018 report, or
`CLASS/SPLIT/file`. Where only the class is known, every file counts as its own study of its own
patient.
"""

import difflib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fracture_core.data_folders import folder_names, ignored_files
from fracture_core.data_folders.film_listing import Listing, Row, entries, film_names, note_others
from fracture_core.data_folders.folder_entries import CLOSED, advice, folders, is_text
from fracture_core.data_folders.name_order import natural, ranked
from fracture_core.errors import ClassesError, DataError
from fracture_core.files import walk
from fracture_core.readers import mura
from fracture_core.readers.layouts import LOOKED_AT, NOT_A_SPLIT, SPLITS, holds_films, is_mura
from fracture_core.words import short

VALID_SHARE = 0.2  # of patients, or films, without split folders
FOLDERS_LOOKED_AT = 2000  # in search of images where there is no data set; more takes long
FOLDERS_READ = 100_000  # of a data set; more are a disk
FILES_LOOKED_AT = 200  # of a folder in that search
DEPTH = 3  # of folders below a class: a split, a patient, a study


@dataclass(frozen=True, kw_only=True)
class _Film:
    """A film of a class folder.

    Args:
        split: "train", "valid" or "test"; `None` without split folders.
        category: the class, as the data spell it first.
        folder: of the class, relative to the data set's root.
        inner: folders below it, without one of a split.
        path: of the file, relative to the root.
    """

    split: str | None
    category: str
    folder: str
    inner: tuple[str, ...]
    path: str

    @property
    def name(self) -> str:
        """The file's name."""
        return PurePosixPath(self.path).name


def scan(root: Path, positive: str | None) -> Listing:
    """List all images of a folder of class folders, in order split, class, name.

    Names of classes match whatever their case, accents, blanks and leading zeros, see
    `folder_names.key`.

    Args:
        root: holds class folders, or split folders that do. Without split folders a fifth of each
            class's patients, chosen by the names alone, is the valid split.
        positive: the class that means a fracture; the others mean none.

    Raises:
        ClassesError: `positive` is none of the classes; the error lists them.
        DataError: no class folder holds an image, or only one does; or a split calls the positive
            class otherwise.
    """
    listing = Listing()
    films = _films(listing, root)
    classes = sorted({film.category for film in films}, key=natural)
    _check_classes(listing, root, films, classes)
    category = _positive_class(positive, classes)
    if category is None:
        received = "" if positive is None else f" {short(positive)!r} is none of them."
        raise ClassesError(
            f"{root} holds the classes {', '.join(classes)}.{received} "
            "Say which one means a fracture.",
            tuple(classes),
        )
    _check_splits(listing, root, films, category)
    listing.facts.positive = category
    # A loose film beside folders of patients is a patient of its own.
    listing.facts.patients = any(film.inner for film in films)
    rows = list(_rows(films, category))
    listing.rows.extend(sorted(rows, key=lambda row: SPLITS.index(row[0])))
    return listing


def _positive_class(positive: str | None, classes: Sequence[str]) -> str | None:
    """Return the class that is meant, by its spelling or else by `folder_names.key`."""
    if positive is None or positive in classes:
        return positive
    by_key = {folder_names.key(name): name for name in classes}
    return by_key.get(folder_names.key(positive))


def _check_classes(
    listing: Listing, root: Path, films: Sequence[_Film], classes: Sequence[str]
) -> None:
    """Refuse fewer than two classes, and folders that are something else, with the next step."""
    if films and any(_is_study(film) for film in films):
        raise DataError(_refusal(root))
    if len(classes) > 1:
        return
    closed = [each for each in listing.skipped if each.reason.startswith(CLOSED)]
    if closed:
        place, reason = root / closed[0].path, closed[0].reason
        rest = "" if classes else f"{root} holds no image in the folders that can be listed. "
        raise DataError(f"{rest}{place} {reason}. {advice(reason)}.")
    if not classes or all(film.inner for film in films):  # the folder of the classes lies deeper
        raise DataError(_refusal(root))
    raise DataError(
        f"{root} has images of one class only ({classes[0]}). "
        "Give a folder that holds two class folders or more."
    )


def _is_study(film: _Film) -> bool:
    match = mura.STUDY.fullmatch(film.inner[-1]) if film.inner else None
    return bool(match and match[2])


def _check_splits(listing: Listing, root: Path, films: Sequence[_Film], positive: str) -> None:
    """Note a split without the positive class; refuse one that spells it so that it is not matched.

    Raises:
        DataError: a split lacks the positive class, and has one that is most like it of all
            classes of the other splits: all of that split would count as negative.
    """
    by_split: dict[str | None, set[str]] = defaultdict(set)
    for film in films:
        by_split[film.split].add(film.category)
    for split, names in by_split.items():
        if split is None or positive in names:
            continue
        others = {name for other, own in by_split.items() if other != split for name in own}
        for name in sorted(names - others, key=natural):
            if _most_like(name, others) == positive:
                raise DataError(
                    f"{root}: the {split} split has no class {positive!r}, but {name!r}. Give the "
                    "class the same name in every split."
                )
        listing.skip(split, f"is a split without a film of the class {positive}")


def _most_like(name: str, classes: Iterable[str]) -> str | None:
    """Return the class whose name is most like this one; `None` if none is."""
    keys = {folder_names.key(each): each for each in classes}
    close = difflib.get_close_matches(folder_names.key(name), keys, n=1)
    return keys[close[0]] if close else None


def _films(listing: Listing, root: Path) -> list[_Film]:
    """Return all films in class folders, in the order of the folders; note what is not used."""
    top = folders(root)
    split_folders = [name for name in top if folder_names.split_of(name)]
    inside = [
        f"{name}/{inner}" for name in split_folders for inner in folders_in(listing, root, name)
    ]
    class_folders = sorted(inside, key=_rank) or top
    used = {PurePosixPath(folder).parts[0] for folder in class_folders}
    reasons = (NOT_A_SPLIT,) if inside else ()
    note_others(listing, root, lambda name: name in used, *reasons)
    spelled: dict[str, str] = {}
    films: list[_Film] = []
    count = 0
    for folder in class_folders:
        above, _, name = folder.rpartition("/")
        own: list[str] = []
        for place, names in class_files(listing, root, folder):
            count += 1
            if count > FOLDERS_READ or (count > FOLDERS_LOOKED_AT and not (films or own)):
                raise DataError(_refusal(root))
            own += [f"{place}/{each}" for each in names]
        if not own:
            continue
        category = spelled.setdefault(folder_names.key(name), name)
        if category != name:
            listing.skip(folder, f"counts as the class {category}")
        films += [_film(folder_names.split_of(above), category, folder, path) for path in own]
    return films


def _rank(folder: str) -> int:
    return SPLITS.index(str(folder_names.split_of(folder.split("/")[0])))


def folders_in(listing: Listing, root: Path, folder: str) -> list[str]:
    """Return names of the folders in a folder; films and lists beside them are noted."""
    names = list(entries(listing, root, folder))
    inner = [name for name in names if (root / folder / name).is_dir()]
    others = film_names(listing, root, folder, [name for name in names if name not in inner])
    for name in others:
        listing.skip(f"{folder}/{name}", "lies beside the class folders, not in one")
    return inner


def class_files(
    listing: Listing, root: Path, folder: str, depth: int = DEPTH
) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder of a class with the names of its films, in natural order.

    Args:
        listing: gets counts of other files.
        root: of the data set.
        folder: of the class, relative to it.
        depth: of the folders below it that are read; deeper ones are noted.
    """
    names = list(entries(listing, root, folder))
    inner = set(folders(root / folder)) if names else set()
    yield folder, film_names(listing, root, folder, [each for each in names if each not in inner])
    for name in sorted(inner, key=natural):
        if depth:
            yield from class_files(listing, root, f"{folder}/{name}", depth - 1)
        else:
            listing.skip(f"{folder}/{name}", "lies too deep below its class; not read")


def _film(split: str | None, category: str, folder: str, path: str) -> _Film:
    inner = PurePosixPath(path).parent.relative_to(folder).parts
    if split is None and inner and folder_names.split_of(inner[0]):
        split, inner = folder_names.split_of(inner[0]), inner[1:]
    return _Film(split=split, category=category, folder=folder, inner=inner, path=path)


def _rows(films: Sequence[_Film], positive: str) -> Iterator[Row]:
    """Yield the films' rows; a file in no patient's folder is a study and patient of its own."""
    held_out = _held_out(films)
    stems = Counter((film.folder, film.inner, PurePosixPath(film.path).stem) for film in films)
    classes = defaultdict(set)
    for film in films:
        classes[film.inner[:1]].add(film.category)
    views: Counter[tuple[str, str, str]] = Counter()
    for film in films:
        split = film.split or ("valid" if _patient(film) in held_out else "train")
        if film.inner:
            patient = film.inner[0]
            study = "-".join(film.inner[1:]) or "study1"
            if len(classes[film.inner[:1]]) > 1:  # films of one patient under several labels
                study = f"{film.category}-{study}"
        else:
            stem = PurePosixPath(film.path).stem
            own = stems[film.folder, film.inner, stem] == 1  # 1.jpg and 1.png are two studies
            study = stem if own else film.name
            patient = f"{film.folder}/{study}".replace("/", "-")
        view = views[split, patient, study]
        views[split, patient, study] += 1
        yield (split, "unknown", patient, study, view, int(film.category == positive), film.path)


def _patient(film: _Film) -> str:
    """Return what is held out as a whole: a patient's folder, or a file."""
    return film.inner[0] if film.inner else film.path


def _held_out(films: Sequence[_Film]) -> set[str]:
    """Return patients, and paths of films without one, that become valid: a fifth of each class.

    A patient with films of several classes is held out from all of them.
    """
    units: Mapping[tuple[str, bool], dict[str, str]] = defaultdict(dict)
    for film in films:
        if film.split is None:
            named = film.inner[0] if film.inner else film.name
            units[film.folder, bool(film.inner)][named] = _patient(film)
    held_out = set()
    for names in units.values():
        first = ranked(names, seed=0)[: round(VALID_SHARE * len(names))]
        held_out |= {names[name] for name in first}
    return held_out


def _refusal(root: Path) -> str:
    """Explain why there is no class folder with images, and give the next step."""
    images = lists = None
    for number, (place, inner, names) in enumerate(walk(root)):
        if number == FOLDERS_LOOKED_AT and not images:
            return f"The first {number:,} folders in {root} hold no image. Give the right one."
        if number == FOLDERS_LOOKED_AT:
            break
        inner[:] = sorted(n for n in inner if not n.startswith(".") and is_text(n))
        names = sorted(names)[:FILES_LOOKED_AT]
        if is_mura(place):
            return f"{root} lies above a MURA data set. Give {place}."
        if images is None and any(ignored_files.is_film(place / name) for name in names):
            images = place
        if any(name.endswith(mura.LISTS) for name in names):
            lists = lists or place
    return _with_images(root, images) if images else _without_images(root, lists)


def _with_images(root: Path, folder: Path) -> str:
    """Give the next step where images lie directly in `folder`, in `root` or below it."""
    if mura.STUDY.fullmatch(folder.name):
        return (
            f"{root} holds MURA's studies, but not in its folders {{train,valid}}/XR_PART. "
            "Unpack it again, then give the unpacked folder."
        )
    if folder == root and not _holds_classes(root.parent):
        return (
            f"{root} holds images, but in no class folder. Put them into a folder for each class, "
            "such as Fractured and Not_fractured, then give the folder that holds both."
        )
    # Class folders lie in `place`, or in a split of it: the highest folder with several of films.
    above = [each for each in reversed(folder.parents) if root in each.parents]
    place = next((each for each in above if _several_with_films(each)), folder.parent)
    place = place.parent if folder_names.split_of(place.name) else place
    return f"{root} holds no class folders with images. Give {place}."


def _several_with_films(place: Path) -> bool:
    """Return whether two folders in a folder hold films, or hold a folder that does."""
    return len([name for name in folders(place)[:LOOKED_AT] if holds_films(place / name)]) > 1


def _holds_classes(root: Path) -> bool:
    """Return whether two folders in `root` hold images."""
    try:
        places = [root / name for name in folders(root)[:FOLDERS_LOOKED_AT]]
        inside = [(place, os.listdir(place)[:FILES_LOOKED_AT]) for place in places]  # noqa: PTH208
    except (OSError, DataError):
        return False  # an unreadable neighbour is not suggested
    films = (any(ignored_files.is_film(place / n) for n in names) for place, names in inside)
    return sum(films) > 1


def _without_images(root: Path, lists: Path | None) -> str:
    """Give the next step where there is no image; `lists` is the folder of MURA's CSV lists."""
    files = sorted((path.name for path in root.iterdir() if path.is_file()), key=natural)
    archive = next((name for name in files if name.lower().endswith(ignored_files.ARCHIVES)), None)
    if archive:
        return f"{root} holds an archive, {archive}. Unpack it, then give the unpacked folder."
    if lists:
        return f"{lists} holds MURA's lists, but not the films. Unpack it again, then give it."
    splits = [name for name in folders(root) if folder_names.split_of(name)]
    if splits:
        return f"{root} holds {' and '.join(splits)}, but no image in them. Unpack it again."
    return f"{root} holds no image. Give a MURA folder, or a folder with a folder for each class."
