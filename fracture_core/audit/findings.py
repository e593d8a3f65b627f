"""What is wrong with a data set, or would make a network look better than it is.

An audit opens every film once (`measures`) and gives findings, worst first: what, how many, how
bad, why it matters, and which films. Shortcuts (`shortcuts`) are findings too.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from fracture_core.audit import shortcuts
from fracture_core.audit.shortcuts import Shortcut
from fracture_core.datasets.catalog import STUDY, Dataset
from fracture_core.datasets.layouts import Skipped
from fracture_core.films import measures

NEAR_BITS = 16  # of 256 that two looks may differ in; copies differ in up to 14
NEAR_LIKENESS = (
    0.99  # correlation of small copies: 0.9985 and more for copies, up to 0.98 for others
)
BLANK = 0.01  # spread of grey, 0 to 0.5
DARK = 0.2  # grey that only one pixel in a hundred exceeds
BRIGHT_BORDER = 0.6  # grey; the air around a bone is black on a film that is not inverted
ODD_SHAPE = 3.0  # longer side over shorter side
ODD_SIZE = 4.0  # times larger or smaller than the median of the data set
SAME_SIZE = 1.5  # times larger or smaller: films of about one size
COMMON = 0.05  # of all films; a size or mode of more comes from a second source, and is not odd
_NUMBER = re.compile(r"image([0-9]+)\.")

KINDS = {  # worst first: kind -> (what, why it matters)
    "image in two splits": (
        "films stand in train and in another split",
        "A network is judged on films that it has learned by heart; its figures are too good.",
    ),
    "patient in two splits": (
        "patients have studies in train and in another split",
        "Films of one patient look alike; figures on such studies are too good.",
    ),
    "two labels": (
        "films stand under both labels",
        "One of the two labels is wrong, and nothing can be learned from them.",
    ),
    "unreadable": (
        "films cannot be read",
        "They are left out of every run; a copy that was cut short is worth fetching again.",
    ),
    "shortcut": (
        "numbers tell the label without a look at the bone",
        "A network can learn these in the place of fractures; only what lies above them counts.",
    ),
    "same image": (
        "films are exact copies of others",
        "They count more than once, in training and in every figure.",
    ),
    "near image": (
        "films look almost exactly like others",
        "Saved again, scaled or brightened copies count more than once, and may leak.",
    ),
    "blank": ("films are all of one grey", "Nothing can be seen on them."),
    "inverted": (
        "films look inverted: bright around, dark within",
        "A network learns from the others that bone is bright.",
    ),
    "dark": ("films are very dark", "At network size next to nothing of the bone is left."),
    "odd size": (
        "films have an odd size or shape",
        "Padded to a square, little is left of a long strip or of a tiny film.",
    ),
    "odd mode": (
        "files are of another colour mode than most",
        "Often screenshots or scans; where they go with one label, a shortcut.",
    ),
    "empty study": ("studies hold no film", "They count in nobody's figures; films may be lost."),
    "gap": ("studies lack a number in their films' names", "A film may be lost."),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One film, or study folder, that a finding is about.

    Args:
        path: in the data set.
        detail: what is to be said of it.
        leave_out: whether leaving it out of training mends the finding: of copies, all but one.
    """

    path: str
    detail: str = ""
    leave_out: bool = False


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What an audit has found, of one kind.

    Args:
        kind: a key of `KINDS`.
        items: the films concerned; of a shortcut, none.
        count: how many films, patients, studies or numbers.
        score: how bad, 0 to 1: the share of all films, patients or studies; of a shortcut,
            2 |AUROC - 0.5| of the strongest.
        sentences: of shortcuts, one each.
    """

    kind: str
    items: tuple[Item, ...] = ()
    count: int
    score: float
    sentences: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """ "12 films cannot be read"."""
        what = KINDS[self.kind][0]
        if self.count == 1:
            noun, _, rest = what.partition(" ")
            one = {"are": "is", "have": "has", "look": "looks", "stand": "stands", "lack": "lacks",
                   "hold": "holds", "tell": "tells"}  # fmt: skip
            verb, _, more = rest.partition(" ")
            noun = "study" if noun == "studies" else noun.removesuffix("s")
            what = f"{noun} {one.get(verb, verb)} {more}".replace("their films'", "its films'")
        return f"{self.count:,} {what}"

    @property
    def why(self) -> str:
        """Why it matters."""
        return KINDS[self.kind][1]


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What an audit gave.

    Args:
        films: how many were looked at.
        findings: worst first.
        shortcuts: every number that was tried, strongest first.
    """

    films: int
    findings: tuple[Finding, ...]
    shortcuts: tuple[Shortcut, ...]


def run(
    dataset: Dataset,
    facts: pd.DataFrame,
    progress: Callable[[str], None] = lambda text: None,
) -> Audit:
    """Draw the findings from a data set and what was measured on its films.

    Args:
        dataset: as `catalog.read` gives it.
        facts: `measures.table` of its films.
        progress: told what is being looked for.
    """
    films = dataset.manifest.merge(facts, on="path", how="left")
    read = films[films["reason"] == ""].reset_index(drop=True)
    progress("Compares every film with every other.")
    same, near = _same(read), _near(read)
    found = [
        *_across_splits(read, same + near, len(films)),
        *_patients(films),
        *_labels(read, same, len(films)),
        *_where(films, films["reason"] != "", "unreadable", films["reason"]),
        *_copies("same image", same, read, len(films)),
        *_copies("near image", near, read, len(films)),
        *_looks(read, len(films)),
        *_skipped(dataset.skipped, films),
        *_gaps(films),
    ]
    progress("Looks for shortcuts.")
    tried = shortcuts.find(dataset.manifest, facts)
    telling = [each for each in tried if each.tells]
    if telling:
        score = 2 * abs(telling[0].auroc - 0.5)
        sentences = tuple(each.sentence for each in telling)
        found.append(Finding(kind="shortcut", count=len(telling), score=score, sentences=sentences))
    order = list(KINDS)
    found.sort(key=lambda each: (order.index(each.kind), -each.score))
    return Audit(films=len(films), findings=tuple(found), shortcuts=tuple(tried))


# --- copies -------------------------------------------------------------------------------------

Group = list[tuple[int, str]]  # rows of one image, each with what is to be said of it


def _same(read: pd.DataFrame) -> list[Group]:
    """Rows with the same pixels, two or more at a time."""
    several = read[read.duplicated("pixels", keep=False)]
    groups = []
    for _, rows in several.groupby("pixels", sort=False):
        first = rows["path"].iloc[0]
        others = [(int(row), f"same pixels as {first}") for row in rows.index[1:]]
        groups.append([(int(rows.index[0]), f"{len(rows)} files hold this image"), *others])
    return groups


def _near(read: pd.DataFrame) -> list[Group]:
    """Rows that look almost the same, and are not the same pixels."""
    fresh = read.drop_duplicates("pixels")
    fresh = fresh[fresh["spread"] > BLANK]  # all of one grey, all look alike
    rows, small = fresh.index.to_numpy(), fresh["small"].tolist()
    words = measures.looks_as_words(fresh["look"].tolist())
    groups: dict[int, Group] = {}
    taken: dict[int, int] = {}  # of those in a group -> its first
    for start in range(0, len(rows), 256):
        apart = measures.bits_apart(words[start : start + 256], words[start:])
        for one, other in np.argwhere(apart <= NEAR_BITS) + start:
            if other <= one or other in taken:
                continue
            alike = measures.likeness(small[one], small[other])
            if alike >= NEAR_LIKENESS:
                first = taken.setdefault(int(other), taken.get(int(one), int(one)))
                name = read.loc[rows[first], "path"]
                start_of = [(int(rows[first]), "others look almost the same")]
                group = groups.setdefault(first, start_of)
                group.append((int(rows[other]), f"{alike:.1%} like {name}"))
    return list(groups.values())


def _copies(kind: str, groups: list[Group], read: pd.DataFrame, films: int) -> Iterable[Finding]:
    """One finding of all groups: of the training films among the copies, one may stay."""
    splits, stay = read["split"], set()
    for group in groups:
        elsewhere = (row for row, _ in group if splits[row] != "train")
        stay.add(next(elsewhere, group[0][0]))
    items = _items(read, groups, stay)
    yield from _finding(kind, items, sum(len(group) - 1 for group in groups), films)


def _across_splits(read: pd.DataFrame, groups: list[Group], films: int) -> Iterable[Finding]:
    splits = read["split"]
    found = [{splits[row] for row, _ in group} for group in groups]
    across = [g for g, those in zip(groups, found, strict=True) if {"train"} < those]
    items = _items(read, across)
    yield from _finding("image in two splits", items, sum(i.leave_out for i in items), films)


def _labels(read: pd.DataFrame, groups: list[Group], films: int) -> Iterable[Finding]:
    labels = read["label"]
    items = _items(read, [g for g in groups if len({labels[row] for row, _ in g}) > 1])
    yield from _finding("two labels", items, len(items), films)


def _items(read: pd.DataFrame, groups: list[Group], stay: Collection[int] = ()) -> tuple[Item, ...]:
    """All rows of these groups; those in train are to be left out, but for those that stay."""
    paths, splits = read["path"], read["split"]
    return tuple(
        Item(path=paths[row], detail=told, leave_out=splits[row] == "train" and row not in stay)
        for group in groups
        for row, told in group
    )


def _finding(kind: str, items: tuple[Item, ...], count: int, films: int) -> Iterable[Finding]:
    """A finding of `count` of all films, if there is any."""
    if items:
        yield Finding(kind=kind, items=items, count=count, score=count / films)


# --- films, studies and patients ----------------------------------------------------------------


def _patients(films: pd.DataFrame) -> Iterable[Finding]:
    splits = films.groupby("patient")["split"].agg(set)
    both = splits[splits.map(lambda found: "train" in found and len(found) > 1)].index
    if not len(both):
        return
    rows = films[films["patient"].isin(both)]
    items = tuple(
        Item(path=row.path, detail=f"{row.patient} in {row.split}", leave_out=row.split == "train")
        for row in rows.itertuples()
    )
    score = len(both) / films["patient"].nunique()
    yield Finding(kind="patient in two splits", items=items, count=len(both), score=score)


def _where(
    films: pd.DataFrame, concerned: pd.Series, kind: str, details: Sequence[str]
) -> Iterable[Finding]:
    """A finding of the films for which `concerned` is true."""
    told = pd.Series(details, index=films.index)[concerned]
    rows = films[concerned]
    items = tuple(
        Item(path=row.path, detail=str(detail), leave_out=row.split == "train")
        for row, detail in zip(rows.itertuples(), told, strict=True)
    )
    yield from _finding(kind, items, len(items), len(films))


def _looks(read: pd.DataFrame, films: int) -> Iterable[Finding]:
    """Blank, inverted, dark and odd films. A blank one is nothing else besides."""
    if read.empty:
        return
    blank = read["spread"] < BLANK
    bright = ~blank & (read["border"] > BRIGHT_BORDER)
    dark = ~blank & (read["peak"] < DARK)
    longer, shorter = read[["width", "height"]].max(axis=1), read[["width", "height"]].min(axis=1)
    odd = (longer / shorter > ODD_SHAPE) | _odd_sizes(longer)
    sizes = [f"{w} x {h} px" for w, h in zip(read["width"], read["height"], strict=True)]
    common = read["mode"].mode().iloc[0]
    rare = read.groupby("mode")["path"].transform("size") <= max(1, COMMON * len(read))
    for kind, concerned, details in (
        ("blank", blank, [f"grey {value:.0%}" for value in read["mean"]]),
        ("inverted", bright, [f"border {value:.0%} of white" for value in read["border"]]),
        ("dark", dark, [f"99 % of it below {value:.0%} of white" for value in read["peak"]]),
        (
            "odd size",
            odd,
            [f"{size}; the median is {longer.median():.0f} px long" for size in sizes],
        ),
        (
            "odd mode",
            rare & (read["mode"] != common),
            [f"{m}; most are {common}" for m in read["mode"]],
        ),
    ):
        for finding in _where(read, concerned, kind, details):
            yield replace(finding, score=finding.count / films)


def _odd_sizes(longer: pd.Series) -> pd.Series:
    """Which longer sides, in px, are far from the median and from most others; bool (n,)."""
    in_order = np.sort(longer)
    near = np.searchsorted(in_order, longer * SAME_SIZE, "right")
    near -= np.searchsorted(in_order, longer / SAME_SIZE, "left")
    typical = longer.median()
    far = (longer > ODD_SIZE * typical) | (longer < typical / ODD_SIZE)
    return far & (near <= max(1, COMMON * len(longer)))


def _skipped(skipped: Sequence[Skipped], films: pd.DataFrame) -> Iterable[Finding]:
    empty = tuple(
        Item(path=each.path, detail=each.reason)
        for each in skipped
        if each.reason.startswith("is a study without")
    )
    if empty:
        studies = len(films.drop_duplicates(list(STUDY)))
        score = len(empty) / (studies + len(empty))
        yield Finding(kind="empty study", items=empty, count=len(empty), score=score)


def _gaps(films: pd.DataFrame) -> Iterable[Finding]:
    """Studies whose films are called image1, image2... with one left out."""
    items = []
    names = films["path"].str.rsplit("/", n=1).str[-1]
    numbers = names.str.extract(_NUMBER, expand=False)
    numbered = films[numbers.notna()].assign(number=numbers.dropna().astype(int))
    studies = numbered.groupby(list(STUDY), sort=False, observed=True)
    for _, rows in studies:
        there = set(rows["number"])
        missing = sorted(set(range(1, max(there) + 1)) - there)
        if missing:
            folder = str(PurePosixPath(rows["path"].iloc[0]).parent)
            lost = ", ".join(f"image{number}" for number in missing)
            items.append(Item(path=folder, detail=f"has no {lost}"))
    if items:
        score = len(items) / len(films.drop_duplicates(list(STUDY)))
        yield Finding(kind="gap", items=tuple(items), count=len(items), score=score)


def table(audit: Audit) -> pd.DataFrame:
    """Every finding's films as rows, for export: kind, score, path, detail, leave_out."""
    rows = [
        (finding.kind, round(finding.score, 6), item.path, item.detail, item.leave_out)
        for finding in audit.findings
        for item in (*finding.items, *(Item(path="", detail=s) for s in finding.sentences))
    ]
    return pd.DataFrame(rows, columns=["kind", "score", "path", "detail", "leave_out"])
