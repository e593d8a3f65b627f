"""Faults of a data set, and traits of it that make a network look better than it is.

An audit opens every film once (`measures`) and returns findings, worst first: the fault, its count,
its score, the reason why it matters, and the films. Shortcuts (`shortcuts`) are findings too.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from fracture_core.audit import families, shortcuts
from fracture_core.audit.families import Group
from fracture_core.audit.shortcuts import Shortcut
from fracture_core.data_folders.film_listing import Skipped
from fracture_core.datasets.catalog import STUDY, Dataset

DARK = 0.2  # grey exceeded by only one pixel in a hundred
BRIGHT_BORDER = 0.6  # grey; the air around a bone is black on a film that is not inverted
ODD_SHAPE = 3.0  # longer side over shorter side
ODD_SIZE = 4.0  # times larger or smaller than the median of the data set
SAME_SIZE = 1.5  # times larger or smaller: films of about one size
COMMON = 0.05  # of all films; a more frequent size or mode is from a second source, not odd
MOST_NUMBER = 999  # of a film in its study
_NUMBER = re.compile(r"image([0-9]+)\.")

KINDS = {  # worst first: kind -> (title for several, why it matters)
    "image in two splits": (
        "films occur in both train and another split",
        "The network is evaluated on films that it has memorized; its figures are too good.",
    ),
    "patient in two splits": (
        "patients have studies in train and in another split",
        "Films of one patient look alike; figures on such studies are too good.",
    ),
    "two labels": (
        "films occur under both labels",
        "One of the two labels is wrong, so a network can learn nothing from these films.",
    ),
    "unreadable": (
        "films cannot be read",
        "They are left out of every run; download them again if their files were cut short.",
    ),
    "incomplete": (
        "films lack some of their rows",
        "Their files were cut short; what is missing is black. Copy them again.",
    ),
    "shortcut": (
        "shortcuts predict the label without the bone",
        "A network can learn these instead of fractures; only an AUROC above theirs counts.",
    ),
    "family": (
        "films are further copies of an original: turned, mirrored, cropped or saved again",
        "An original counts more than once; its copies must never stand on both sides of a split.",
    ),
    "same image": (
        "films are exact copies of others",
        "They count more than once, in training and in every figure.",
    ),
    "near image": (
        "films look almost exactly like others",
        "Copies that were recompressed, scaled or brightened count more than once, and may leak.",
    ),
    "blank": ("films are uniformly grey", "Nothing can be seen on them."),
    "inverted": (
        "films look inverted: bright border, dark bone",
        "The network learns from the other films that bone is bright.",
    ),
    "dark": ("films are very dark", "At the network's size almost nothing of the bone is visible."),
    "odd size": (
        "films have an odd size or shape",
        "Padded to a square, a long strip or a tiny film shows little.",
    ),
    "odd mode": (
        "files are of another colour mode than most",
        "Often screenshots or scans; a shortcut if most have the same label.",
    ),
    "empty study": ("studies hold no film", "They count in no figure; films may be missing."),
    "odd file": (
        "films have something odd in their files",
        "It was read as the detail says; a look at one of them tells whether that is right.",
    ),
    "gap": ("studies lack a number in their films' names", "A film may be missing."),
}


# Kinds that make figures wrong, and those that cost films; the others are good to know.
SERIOUS = ("image in two splits", "patient in two splits", "two labels", "shortcut")
COSTLY = ("unreadable", "incomplete", "family", "same image", "near image", "blank", "inverted")

_SINGULAR = {
    **{"are": "is", "have": "has", "hold": "holds", "lack": "lacks"},
    **{"look": "looks", "occur": "occurs", "predict": "predicts"},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A film, or study folder, of a finding.

    Args:
        path: in the data set.
        detail: the reason, in words.
        leave_out: whether excluding it from training mends the finding: of copies, all but one.
        family: path of the first film of its copies; "" where it has none.
    """

    path: str
    detail: str = ""
    leave_out: bool = False
    family: str = ""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A fault of a data set, with its films.

    Args:
        kind: a key of `KINDS`.
        items: its films; none for shortcuts.
        count: number of films, patients, studies or shortcuts.
        score: severity, 0 to 1: the share of all films, patients or studies; of shortcuts,
            2 |AUROC - 0.5| of the strongest.
        sentences: one per shortcut; else none.
    """

    kind: str
    items: tuple[Item, ...] = ()
    count: int
    score: float
    sentences: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Count and fault in words, as "12 films cannot be read"."""
        words = KINDS[self.kind][0]
        if self.count == 1:
            noun, verb, rest = words.split(" ", 2)
            noun = "study" if noun == "studies" else noun.removesuffix("s")
            words = f"{noun} {_SINGULAR.get(verb, verb)} {rest}"
            words = words.replace("their", "its")
        return f"{self.count:,} {words}"

    @property
    def severity(self) -> str:
        """Its severity: "serious", "costly" or "minor"."""
        return "serious" if self.kind in SERIOUS else "costly" if self.kind in COSTLY else "minor"

    @property
    def why(self) -> str:
        """Reason why it matters."""
        return KINDS[self.kind][1]


@dataclass(frozen=True, kw_only=True)
class Audit:
    """Result of an audit.

    Args:
        films: number of films, readable or not.
        findings: worst first.
        shortcuts: every feature tested, strongest first.
    """

    films: int
    findings: tuple[Finding, ...]
    shortcuts: tuple[Shortcut, ...]


def run(
    dataset: Dataset,
    facts: pd.DataFrame,
    progress: Callable[[str], None] = lambda text: None,
    compared: Callable[[int, int], None] = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
    with_families: bool = True,
) -> Audit:
    """Derive the findings from a data set and the measurements of its films.

    Args:
        dataset: the return value of `catalog.read`.
        facts: `measures.table` of its films.
        progress: called with a sentence on each step.
        compared: called with (films compared with others, all films).
        should_stop: called for every film that is compared.
        with_families: whether to look for turned, mirrored and cropped copies.

    Raises:
        Stopped: `should_stop` returned true.
    """
    films = dataset.manifest.merge(facts, on="path", how="left")
    read = films[films["reason"] == ""].reset_index(drop=True)
    progress("Comparing every film with every other.")
    same, near = families.same(read), families.near(read)
    one_original = families.find(
        dataset.root, read, same + near, compared, should_stop, search=with_families
    )
    faults = [
        *_across_splits(read, one_original, len(films)),
        *_patients(films),
        *_labels(read, same, len(films)),
        *_affected(
            films, films["reason"] != "", "unreadable", films["reason"][films["reason"] != ""]
        ),
        *_noted(films),
        *(_copies("family", one_original, read, len(films)) if with_families else ()),
        *_copies("same image", same, read, len(films)),
        *_copies("near image", near, read, len(films)),
        *_looks(read, len(films)),
        *_skipped(dataset.skipped, films),
        *_gaps(films),
    ]
    progress("Looking for shortcuts.")
    tested = shortcuts.find(dataset.manifest, facts)
    strong = [each for each in tested if each.tells]
    if strong:
        score = 2 * abs(strong[0].auroc - 0.5)
        sentences = tuple(each.sentence for each in strong)
        faults.append(Finding(kind="shortcut", count=len(strong), score=score, sentences=sentences))
    order = list(KINDS)
    faults.sort(key=lambda each: (order.index(each.kind), -each.score))
    return Audit(films=len(films), findings=tuple(faults), shortcuts=tuple(tested))


# --- copies -------------------------------------------------------------------------------------


def _copies(kind: str, groups: list[Group], read: pd.DataFrame, films: int) -> Iterable[Finding]:
    """Yield one finding of all groups; of copies in train alone, one stays."""
    splits, stay = read["split"], set()
    for group in groups:
        elsewhere = (row for row, _ in group if splits[row] != "train")
        stay.add(next(elsewhere, group[0][0]))
    items = _items(read, groups, stay)
    yield from _finding(kind, items, sum(len(group) - 1 for group in groups), films)


def _across_splits(read: pd.DataFrame, groups: list[Group], films: int) -> Iterable[Finding]:
    splits = read["split"]
    group_splits = [{splits[row] for row, _ in group} for group in groups]
    across = [g for g, each in zip(groups, group_splits, strict=True) if {"train"} < each]
    items = _items(read, across)
    yield from _finding("image in two splits", items, sum(i.leave_out for i in items), films)


def _labels(read: pd.DataFrame, groups: list[Group], films: int) -> Iterable[Finding]:
    labels = read["label"]
    items = _items(read, [g for g in groups if len({labels[row] for row, _ in g}) > 1])
    yield from _finding("two labels", items, len(items), films)


def _items(read: pd.DataFrame, groups: list[Group], stay: Collection[int] = ()) -> tuple[Item, ...]:
    """Return all rows of these groups; those in train are left out unless they stay."""
    paths, splits = read["path"], read["split"]
    return tuple(
        Item(
            path=paths[row],
            detail=detail,
            leave_out=splits[row] == "train" and row not in stay,
            family=paths[group[0][0]],
        )
        for group in groups
        for row, detail in group
    )


def _finding(kind: str, items: tuple[Item, ...], count: int, films: int) -> Iterable[Finding]:
    """Yield a finding of `count` of all films, if there are items."""
    if items:
        yield Finding(kind=kind, items=items, count=count, score=count / films)


# --- films, studies and patients ----------------------------------------------------------------


def _patients(films: pd.DataFrame) -> Iterable[Finding]:
    splits = films.groupby("patient")["split"].agg(set)
    both = splits[splits.map(lambda names: "train" in names and len(names) > 1)].index
    if not len(both):
        return
    rows = films[films["patient"].isin(both)]
    items = tuple(
        Item(path=path, detail=f"{patient} in {split}", leave_out=split == "train")
        for path, patient, split in zip(rows["path"], rows["patient"], rows["split"], strict=True)
    )
    score = len(both) / films["patient"].nunique()
    yield Finding(kind="patient in two splits", items=items, count=len(both), score=score)


def _affected(
    films: pd.DataFrame, mask: "pd.Series[bool]", kind: str, details: Iterable[str]
) -> Iterable[Finding]:
    """Yield a finding of the films for which `mask` is true; `details` are theirs."""
    rows = films.loc[mask, ["path", "split"]]
    items = tuple(
        Item(path=path, detail=str(detail), leave_out=split == "train")
        for path, detail, split in zip(rows["path"], details, rows["split"], strict=True)
    )
    yield from _finding(kind, items, len(items), len(films))


def _noted(films: pd.DataFrame) -> Iterable[Finding]:
    """Yield the films whose files were cut short, and those with another oddity."""
    notes = films["notes"].fillna("")
    is_cut = films["missing_rows"].fillna(0) > 0
    is_odd = ~is_cut & (notes != "")
    yield from _affected(films, is_cut, "incomplete", notes[is_cut])
    yield from _affected(films, is_odd, "odd file", notes[is_odd])


def _looks(read: pd.DataFrame, films: int) -> Iterable[Finding]:
    """Yield blank, inverted, dark and odd films; a blank one is neither inverted nor dark."""
    if read.empty:
        return
    blank = read["spread"] < families.BLANK
    bright = ~blank & (read["border"] > BRIGHT_BORDER)
    dark = ~blank & (read["peak"] < DARK)
    longer, shorter = read[["width", "height"]].max(axis=1), read[["width", "height"]].min(axis=1)
    odd = (longer / shorter > ODD_SHAPE) | _odd_sizes(longer)
    typical = f"the median is {longer.median():.0f} px long"
    common = read["mode"].mode().iloc[0]
    rare = read.groupby("mode")["path"].transform("size") <= max(1, COMMON * len(read))
    rare &= read["mode"] != common
    for kind, mask, column, words in (
        ("blank", blank, "mean", "grey {:.0%}"),
        ("inverted", bright, "border", "border {:.0%} of white"),
        ("dark", dark, "peak", "99 % of it below {:.0%} of white"),
        ("odd size", odd, ["width", "height"], "{} x {} px; " + typical),
        ("odd mode", rare, "mode", f"{{}}; most are {common}"),
    ):
        values = read.loc[mask, [column] if isinstance(column, str) else column]
        details = [words.format(*row) for row in values.itertuples(index=False)]
        for finding in _affected(read, mask, kind, details):
            yield replace(finding, score=finding.count / films)


def _odd_sizes(longer: pd.Series) -> pd.Series:
    """Return which longer sides, in px, are far from the median and most others; bool (n,)."""
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
    """Yield studies with films named image1, image2... and a number missing.

    A number above `MOST_NUMBER` is no count but a date or an identifier.
    """
    items = []
    file_names = films["path"].str.rsplit("/", n=1).str[-1]
    numbers = file_names.str.extract(_NUMBER, expand=False)
    numbered = films[numbers.notna()].assign(number=numbers.dropna().astype(float))
    studies = numbered.groupby(list(STUDY), sort=False, observed=True)
    last, distinct = (studies["number"].transform(each) for each in ("max", "nunique"))
    with_gap = numbered[(last > distinct) & (last <= MOST_NUMBER)]
    for _, rows in with_gap.groupby(list(STUDY), sort=False, observed=True):
        present = set(rows["number"].astype(int))
        missing = sorted(set(range(1, max(present) + 1)) - present)
        folder = str(PurePosixPath(rows["path"].iloc[0]).parent)
        names = ", ".join(f"image{number}" for number in missing)
        items.append(Item(path=folder, detail=f"has no {names}"))
    if items:
        score = len(items) / len(films.drop_duplicates(list(STUDY)))
        yield Finding(kind="gap", items=tuple(items), count=len(items), score=score)


def table(audit: Audit) -> pd.DataFrame:
    """Return the findings' films as rows: kind, score, path, detail, leave_out."""
    rows = [
        (finding.kind, round(finding.score, 6), item.path, item.detail, item.leave_out)
        for finding in audit.findings
        for item in (*finding.items, *(Item(path="", detail=s) for s in finding.sentences))
    ]
    return pd.DataFrame(rows, columns=["kind", "score", "path", "detail", "leave_out"])
