"""Receipts: what figures rest on, and the command that prints them again.

A receipt's numbers are those of a record, as the command prints it as JSON, each under its keys
there.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fracture_core.datasets.catalog import Dataset
from fracture_core.evaluations import evaluation
from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.model_comparison import stored_predictions
from fracture_core.models import epoch_models
from fracture_core.models.model import Model
from fracture_core.operating_points.promise import Promise
from fracture_core.runs import run_facts
from fracture_core.verdicts import figure_words, resampling
from fracture_core.verdicts.resampling import Interval
from fracture_core.words import plural

LEVELS = {"studies": "by study", "images": "by image"}
RULES = {
    "studies": "A study is positive if any of its films is (OR); its score is the greatest one.",
    "images": "Each film by itself, with the label of its study.",
}
WILSON = "Wilson interval of a share; cases are taken as independent."
PYTHON = ("python", "-m", "fracture_core")

Rows = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Films and assumptions of a table of figures.

    Args:
        films: name of the slice, as `estimates.slices` has it; "" for all films.
        prevalence: 0 to 1, for PPV, NPV and cost; `None` for that of the films.
        cost_ratio: cost of a missed fracture, in false alarms.
    """

    films: str = ""
    prevalence: float | None = None
    cost_ratio: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Number:
    """One number of a receipt.

    Args:
        key: its keys in the command's JSON, outermost first; a place in a list as its number.
        value: the number.
        low: lower end of its 95 % interval; `None` without one, like `high`.
        high: upper end.
        n: number of cases; `None` for a count, or what rests on no sample.
    """

    key: tuple[str, ...]
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None

    @property
    def short(self) -> str:
        """The number to four digits after the point, a count as it is."""
        return _short(self.value)

    @property
    def words(self) -> str:
        """The number with interval and n: "0.675 (0.606 to 0.737), n = 194"."""
        bounds = f" ({self.interval})" if self.interval else ""
        return f"{self.short}{bounds}{'' if self.n is None else f', n = {self.n:,}'}"

    @property
    def interval(self) -> str:
        """The interval, "0.606 to 0.737"; "" without one."""
        if self.low is None or self.high is None:
            return ""
        return f"{_short(self.low)} to {_short(self.high)}"


def _short(value: float | None) -> str:
    """Format a number to four digits after the point, a count as it is."""
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """Origin of some figures.

    Args:
        title: the figures, "Cohen's kappa by study".
        numbers: in the order of the page.
        rows: (name, text) of everything that they rest on, in order.
        command: prints them again as JSON.
    """

    title: str
    numbers: tuple[Number, ...]
    rows: Rows
    command: str


def numbers(record: object, key: tuple[str, ...] = ()) -> Iterator[Number]:
    """Walk a record and give its numbers: a dict with a "value" as one, other numbers alone.

    Args:
        record: plain data, as a command prints it; texts, truths and `None` are passed over.
        key: of the record in the command's JSON.
    """
    if isinstance(record, Mapping):
        if "value" in record:
            ends = {name: record.get(name) for name in ("value", "low", "high", "n")}
            yield Number(key=key, **ends)
            return
        for name, inner in record.items():
            yield from numbers(inner, (*key, str(name)))
    elif isinstance(record, Sequence) and not isinstance(record, str):
        for place, inner in enumerate(record):
            yield from numbers(inner, (*key, str(place)))
    elif isinstance(record, int | float) and not isinstance(record, bool):
        yield Number(key=key, value=record)


# --- an evaluation --------------------------------------------------------------------------------


def of_figure(
    value: Evaluation, model: Model, level: str, name: str, figure: Interval, scope: Scope
) -> Receipt:
    """Return the receipt of a figure with its interval over patients.

    Args:
        value: the evaluation.
        model: the model evaluated.
        level: "studies" or "images".
        name: of the figure, see `estimates.NAMES`.
        figure: its value and interval, of `estimates.of_films`.
        scope: of the figure.
    """
    key: tuple[str, ...] = (level, "by_patient", name)
    if scope.films:
        key = ("slices", scope.films, level, name)
    unit = "film" if model.card.data.without_patients else "patient"
    counted = f"{plural(figure.n, 'study' if level == 'studies' else 'image')} of "
    rows: Rows = (
        ("n", counted + plural(figure.groups, unit)),
        ("Method", bootstrap(value, model)),
        *basis(value, model, level, scope),
    )
    if name in ("ppv", "npv", "expected_cost"):
        own = "that of the films" if scope.prevalence is None else f"{scope.prevalence:.1%}"
        rows = (*rows, ("Prevalence", own))
    if name == "expected_cost":
        rows = (*rows, ("Cost of a miss", f"{scope.cost_ratio:g} false alarms"))
    return Receipt(
        title=f"{figure_words.TITLES[name]} {LEVELS[level]}",
        numbers=tuple(numbers(asdict(figure), key)),
        rows=rows,
        command=command(value, model, scope),
    )


def of_record(
    title: str,
    record: object,
    key: tuple[str, ...],
    value: Evaluation,
    model: Model,
    *,
    method: str,
    options: Sequence[str] = (),
    dataset: Dataset | None = None,
    scope: Scope | None = None,
    chosen_on: pd.DataFrame | None = None,
    is_scaled: bool = False,
) -> Receipt:
    """Return the receipt of a group of figures of an evaluation.

    Args:
        title: of the group.
        record: the figures, as the command prints them under `key`.
        key: see `Number.key`.
        value: the evaluation.
        model: the model evaluated.
        method: of values and intervals, a sentence.
        options: further options of the command.
        dataset: that the command needs beside predictions that the model keeps; `None` for none.
        scope: of the figures.
        chosen_on: films of the model that chose a threshold, a scaling or limits; `None` without.
        is_scaled: whether figures rest on the scaling of films, see
            `evaluation_details.film_scaling`; named by itself where its labels are others.
    """
    scope = scope or Scope()
    rows = basis(value, model, scope=scope)
    labels = None if chosen_on is None else kept_labels(model, chosen_on)
    if labels is not None:
        rows = (*rows, ("Labels of the films that chose", labels))
    if is_scaled and (of_scaling := scaling_labels(model)) != labels:
        rows = (*rows, ("Labels behind the scaling", of_scaling))
    return Receipt(
        title=title,
        numbers=tuple(numbers(record, key)),
        rows=(("Method", method), *rows),
        command=command(value, model, scope, options, dataset),
    )


def of_summaries(value: Evaluation, model: Model) -> Receipt:
    """Return the receipt of an evaluation's headline: shares, kappa, AUROC, both matrices."""
    record = {level: summary.to_dict() for level, summary in value.summaries().items()}
    return of_record(
        f"Studies and images, {value.films_words}",
        {level: record[level] for level in LEVELS},
        (),
        value,
        model,
        method=f"{WILSON} Kappa: by its standard error (Fleiss, Cohen and Everitt 1969); AUROC: "
        "score interval (Newcombe 2006).",
    )


def of_epoch(folder: Path, epoch: int, role: str) -> Receipt:
    """Return the receipt of a run's figures after an epoch.

    Args:
        folder: of the run.
        epoch: whose predictions are kept.
        role: "dev" or "valid".

    Raises:
        RunError, ModelError: the epoch's table or weights are gone.
        DataError: the run has no film of this role.
    """
    return of_summaries(evaluation.of_run(folder, epoch, role), epoch_models.of_run(folder, epoch))


def bootstrap(value: Evaluation, model: Model) -> str:
    """Describe the bootstrap of an evaluation's figures in a sentence."""
    unit = "film" if model.card.data.without_patients else "patient"
    folds = " within folds" if "fold" in value.films else ""
    return f"Bootstrap over {unit}s{folds}, {resampling.RESAMPLES:,} resamples, percentiles."


def promise_options(asked: Promise) -> tuple[str, ...]:
    """Return the options of `evaluate` and `predict` for a promise."""
    return (
        *("--promise", f"{asked.missed_percent:g}"),
        *("--false-alarms", f"{asked.false_percent:g}"),
        *("--confidence", f"{asked.confidence_percent:g}"),
    )


def command(
    value: Evaluation,
    model: Model,
    scope: Scope | None = None,
    options: Sequence[str] = (),
    dataset: Dataset | None = None,
) -> str:
    """Return the command that prints an evaluation again, as JSON; arguments as in `of_record`."""
    scope = scope or Scope()
    words = [*PYTHON, "evaluate", model.reference]
    if value.split not in stored_predictions.roles(model):
        words += value.data_words
        words += [word for part in value.parts for word in ("--part", part)]
    elif dataset:
        words += data_words(dataset)
    words += films_words(value)
    if model.corrected.items and not value.data.get("corrections"):
        words += ["--corrections"]  # of other data, for dev
    if value.threshold != model.card.threshold:
        words += ["--threshold", repr(value.threshold)]
    if scope.prevalence is not None:
        words += ["--prevalence", repr(scope.prevalence)]
    if scope.cost_ratio != 1:
        words += ["--cost-ratio", f"{scope.cost_ratio:g}"]
    return shlex.join([*words, *options, "--json"])


def films_words(value: Evaluation) -> list[str]:
    """Return the words of a command that choose an evaluation's films, and its labels."""
    words = [] if value.split == evaluation.SELECTION else ["--split", value.split]
    if chosen := value.data.get("selection"):
        words += ["--selection", str(chosen["name"])]
    return words + (["--corrections"] if value.data.get("corrections") else [])


def data_words(dataset: Dataset) -> list[str]:
    """Return the words of a command that name a data set."""
    words = [str(dataset.root)]
    words += ["--positive", dataset.positive] if dataset.positive else []
    return words + (["--table", dataset.table] if dataset.table else [])


def basis(
    value: Evaluation, model: Model, level: str = "studies", scope: Scope | None = None
) -> Rows:
    """Return what all figures of an evaluation rest on, (name, text): model, films, data, rule."""
    card, data = model.card, value.data
    part = f", {scope.films}" if scope and scope.films else ""
    rows: Rows = (
        ("Model", f"{model.reference}: {card.network}"),
        ("Films", f"{value.films_words}{part}"),
        ("Data", f"{data.get('root')}, hash {data.get('hash')}"),
        ("Training split", card.data.split_words or "unknown"),
        ("Left out of training", excluded(card.data.excluded)),
        ("Rule", RULES[level]),
        ("Threshold", f"{value.threshold:g}, {card.threshold_origin or 'of unknown origin'}"),
    )
    if corrected := data.get("corrections"):
        rows = (*rows, ("Labels", run_facts.corrections_words(corrected)))
    return rows


def kept_labels(model: Model, films: pd.DataFrame) -> str:
    """Describe the labels of films that a model keeps, with the hash of their corrections."""
    return labels_words(model, model.corrections_among(films))


def scaling_labels(model: Model) -> str:
    """Describe the labels behind the scaling of films: of the card's own, or of one on dev."""
    if own := model.card.choices.calibration:
        return saved_labels(model, own.corrections)
    return kept_labels(model, model.dev_films)


def saved_labels(model: Model, list_hash: str) -> str:
    """Describe the labels of dev behind a choice in a card.

    Args:
        model: of the card.
        list_hash: of the list that corrected them; "" without.
    """
    facts = model.dev_corrections
    if not list_hash:
        return labels_words(model, None)
    if facts and facts["hash"] == list_hash:
        return labels_words(model, facts)
    return f"corrected by list {list_hash}, when the card was changed"


def labels_words(model: Model, facts: Mapping[str, Any] | None) -> str:
    """Describe labels by number and hash of their corrections; `None` for those without."""
    if facts:
        return run_facts.corrections_words(facts)
    if model.card.data.corrections:
        return "those that the model was trained with (see Training split)"
    return "the data's own"


def excluded(facts: dict[str, Any] | None) -> str:
    """Describe the films that were left out of training by hand, with their list's hash."""
    if not facts:
        return "no film by hand"
    return f"{plural(facts['films'], 'film')} by hand (list {facts.get('hash', 'without hash')})"
