"""Report on predicted studies as one HTML file: opens from disk, prints on A4, makes no request.

Its words and markup are those of `study_report.html`, a template that escapes every value; here
are the values. Films are embedded as data URIs, there is no script, and the file's own policy
forbids every request. The markup is also well-formed XML, so that a test can parse it strictly.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from fracture_core import versions
from fracture_core.answers import study_answers
from fracture_core.answers.study_answers import Answers
from fracture_core.models import model_files
from fracture_core.models.model import Model
from fracture_core.operating_points.promise import Promise
from fracture_core.prediction import caveats
from fracture_core.prediction.study_prediction import StudyPrediction
from fracture_core.reports import markup, report_films, study_record
from fracture_core.reports.study_record import OCCLUSION_FULL, Case
from fracture_core.runs import run_facts
from fracture_core.verdicts import breakdown, verdict_words
from fracture_core.verdicts.closed_intervals import Proportion
from fracture_core.verdicts.metrics import Summary

PICTURES_BYTES = 20_000_000  # of all films of a report: many mail servers accept this much
NAMED = 3  # altered films that a sentence names before it counts the others
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
DISCLAIMER = "Not a medical device: nothing here may decide on anybody's care."
FIGURES = ("Figure", "Value", "95 % interval", "n")
_HERE = Path(__file__)


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=markup.cleaned,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"name": markup.name, "mark": markup.mark}
    return environment.get_template(_HERE.with_suffix(".html").name)


def document(
    cases: Sequence[Case],
    model: Model,
    threshold: float,
    *,
    names: bool = False,
    left_out: Sequence[tuple[str, str]] = (),
    promise: Promise | None = None,
) -> str:
    """Return the report on some predicted studies; if several, it starts with a table of all.

    Args:
        cases: each with its films; see `study_record.Case`.
        model: the model of the predictions.
        threshold: a film is positive when its probability is greater.
        names: whether files, studies and patients are named; otherwise see `study_record`.
        left_out: (name, reason) of uploaded files in no study.
        promise: of the three answers, by default that of the card.
    """
    answers = study_answers.of_model(model, threshold, promise)
    titles = study_record.titles(cases, names)
    room = PICTURES_BYTES // max(1, sum(len(case.prediction.films) for case in cases))
    several = study_record.named(cases, names) if len(cases) > 1 else []
    valid = model.card.metrics.get("valid", {})
    return _template().render(
        title=f"Report on {titles[0] if len(titles) == 1 else f'{len(titles)} studies'}",
        style=Markup(_HERE.with_suffix(".css").read_text(encoding="utf-8")),
        policy=POLICY,
        disclaimer=DISCLAIMER,
        date=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        names=names,
        threshold=threshold,
        pictures_mb=f"{PICTURES_BYTES / 1e6:.0f}",
        warnings=caveats.warnings(model, threshold, any(case.real for case in cases)),
        overview=_overview(several, cases, answers) if several else None,
        studies=[
            _study(*each, model, answers, names, room) for each in zip(cases, titles, strict=True)
        ],
        promise=promise_sentence(answers),
        left_out=study_record.renamed_left_out(left_out, names),
        model=model,
        model_facts=_model_facts(model, threshold),
        dev=_figures(model.at_threshold(threshold)) if len(model.dev_films) else [],
        valid=_figures({level: Summary.from_dict(each) for level, each in valid.items()}),
        figures=FIGURES,
        occlusion_full=OCCLUSION_FULL,
        origin=_origin(model),
    )


def promise_sentence(answers: Answers) -> str:
    """Return what the three answers rest on, in sentences."""
    limits = answers.limits
    asked = limits.promise
    return (
        f"Three answers by a promise: of the cleared at most {asked.missed_percent:g} % have a "
        f"fracture, of the called at most {asked.false_percent:g} % have none, "
        f"{asked.confidence_percent:g} % confident, shown on {limits.studies:,} {answers.source} "
        f"studies of {limits.patients:,} patients. {answers.source_words}"
    )


def _overview(
    studies: Sequence[StudyPrediction], cases: Sequence[Case], answers: Answers
) -> dict[str, Any]:
    """Return the sentence on all studies and the rows of their table."""
    threshold = answers.threshold
    rows, verdicts = [], [study.verdict(threshold) for study in studies]
    for number, (study, case, verdict) in enumerate(zip(studies, cases, verdicts, strict=True), 1):
        probability = answers.probability(study)
        highest = max(study.probabilities, default=None)
        rows.append(
            (
                Markup('<a href="#study-{}">{}</a>').format(number, markup.name(study.study)),
                "no verdict" if verdict is None else markup.mark(verdict),
                "–" if highest is None else f"{highest:.3f}",
                answers.of(study, case.real).answer.value,
                "–" if probability is None else study_answers.words(probability),
                f"{len(study.deciding(threshold))} of {len(study.probabilities)}",
                *(len(each) for each in (study.doubted, study.altered, study.refused)),
            )
        )
    none = verdicts.count(None)
    sentence = (
        f"{len(studies):,} studies: the model finds a fracture in {verdicts.count(True):,}, "
        f"none in {verdicts.count(False):,}"
        f"{f', and gives no verdict on {none:,}' if none else ''}"
    )
    return {"sentence": sentence, "rows": rows}


# --- a study ------------------------------------------------------------------------------------


def _study(
    case: Case, title: str, model: Model, answers: Answers, names: bool, room: int
) -> dict[str, Any]:
    """Return a study's values: verdict, films, refused files, what the verdict depends on."""
    threshold = answers.threshold
    entries = study_record.entries(case, names)
    prediction = study_record.renamed(case, title, entries)
    readable = [entry for entry in entries if entry.prediction]
    with ThreadPoolExecutor() as pool:  # decoding and encoding release the interpreter's lock
        films = list(
            pool.map(lambda entry: report_films.film(entry, threshold, names, room), readable)
        )
    counted = [film for film in prediction.films if film.counted]
    values = [film.probability for film in counted]
    marked = [markup.name(film.name) for film in counted]
    parts = breakdown.break_down(values, threshold)
    depends = []
    if parts:
        right = breakdown.track_record(model.dev_films, threshold, len(values), parts.fracture)
        record = verdict_words.track_record(right, len(values), markup.interval(right))
        depends = [*breakdown.sentences(parts, marked, markup.mark), record]
    return {
        "sentence": _sentence(case, prediction, threshold, names),
        "altered": _altered(prediction),
        "detail": _detail(case, prediction, threshold, marked),
        "answers": answers.sentences(prediction, case.real) if prediction.films else [],
        "synthetic": not case.real,
        "refused": prediction.refused,
        "remarks": prediction.remarks,
        "number": markup.films(len(films)),
        "films": films,
        "has_maps": any(entry.exhibit.maps for entry in entries),
        "depends": [Markup(line) for line in depends],  # of names and marks that are escaped
        "rules": [
            (name, markup.mark(bool(verdict.fracture)), f"{verdict.score:.3f}")
            for name, verdict in breakdown.other_rules(values, threshold).items()
        ]
        if parts
        else [],
    }


def _sentence(case: Case, prediction: StudyPrediction, threshold: float, names: bool) -> Markup:
    deciding = prediction.deciding(threshold)
    verdict, study = prediction.verdict(threshold), markup.name(prediction.study)
    patient = markup.name(case.patient) if names and case.patient else None
    counts = len(prediction.probabilities), len(prediction.refused), len(prediction.doubted)
    marked = verdict_words.first([markup.name(name) for name in deciding])
    words = verdict_words.sentence(verdict, study, patient, marked, *counts, len(deciding))
    return Markup(words if verdict is None else f"{markup.shape(verdict)} {words}")


def _altered(prediction: StudyPrediction) -> Markup:
    """Return a note below the verdict where a film was altered by hand; else nothing."""
    films = prediction.altered
    if not films:
        return Markup("")
    words = [f"{markup.name(film.name)} ({report_films.altered(film)})" for film in films[:NAMED]]
    if len(films) > NAMED:
        words.append(f"and {len(films) - NAMED} more")
    were = "was" if len(films) == 1 else "were"
    return Markup(
        f"{markup.films(len(films))} {were} altered by hand before the "
        f"prediction: {', '.join(words)}."
    )


def _detail(
    case: Case, prediction: StudyPrediction, threshold: float, marked: Sequence[str]
) -> list[Markup]:
    """Return the number of positive films, the highest score, and the label in the data."""
    words, verdict = [], prediction.verdict(threshold)
    if marked:
        doubted = bool(prediction.doubted)
        words += [
            verdict_words.highest(marked, prediction.probabilities, threshold, doubted),
            "The verdict is OR: fracture if any film is positive.",
        ]
    if case.label is not None and verdict is not None:
        mark, right = markup.mark(bool(case.label)), verdict == bool(case.label)
        words.append(verdict_words.beside_label(mark, right, bool(prediction.altered)))
        if case.acquaintance.words:
            words.append(f"<b>{case.acquaintance.words}</b>")
    return [Markup(each) for each in words]


# --- the model ----------------------------------------------------------------------------------


def _model_facts(model: Model, threshold: float) -> list[tuple[str, str]]:
    """Return a summary of the card: (name, value)."""
    card, data = model.card, model.card.data
    counted = ""
    if data.images and data.studies:
        films = markup.films(data.images.get("train", 0))
        counted = f": {data.studies.get('train', 0):,} studies, {films}"
    options = {k: v for k, v in card.options.to_dict().items() if v is not None and k != "own"}
    variants = "".join(f", {name} {value}" for name, value in options.items())
    size = f"{card.recipe.size} x {card.recipe.size} px"
    parts = ", ".join(card.parts) or "all parts"
    trained_on = Markup("{}").format(
        markup.cleaned(f"{data.root or 'unknown data'}, {parts}{counted}")
    )
    if card.synthetic:
        trained_on += Markup(' <span class="badge">synthetic</span>')
    own = f"{threshold:.2f} here; the model's own is {card.threshold:.2f}, {card.threshold_origin}"
    of_dev = model.dev_corrections
    labels = [("Labels of dev", run_facts.corrections_words(of_dev))] if of_dev else []
    return [
        ("Network", f"{card.network}{variants}"),
        ("Input", f"{size}, {card.recipe.resample}, {card.recipe.fit}"),
        ("Trained on", trained_on),
        ("Split", data.split_words or "unknown"),
        ("Positive", card.label_meaning),
        ("Threshold", own),
        *labels,
    ]


def _figures(levels: dict[str, Summary]) -> list[tuple[str, ...]]:
    """Return the rows of a table of figures, see `FIGURES`; none without levels."""
    rows: list[tuple[str, ...]] = []
    for level in ("studies", "images") if levels else ():
        summary = levels[level]
        for name in ("accuracy", "sensitivity", "specificity"):
            rows.append(_figure(f"{level}, {name}", getattr(summary, name)))
        words, share, _, counts = _figure(
            f"{level}, baseline (always the majority class)", summary.majority
        )
        rows.append((words, share, "", counts))
    return rows


def _figure(words: str, value: Proportion) -> tuple[str, str, str, str]:
    counts = f"{value.count:,} of {value.n:,}"
    return words, markup.percent(value.value), markup.interval(value), counts


def _origin(model: Model) -> list[tuple[str, str]]:
    """Return the details for identifying the weights and reproducing the predictions."""
    card = model.card
    try:
        weights = card.weights_sha256 or model_files.sha256(model.weights)
    except OSError:
        weights = "the file can no longer be read"
    return [
        ("SHA-256 of the weights", _code(weights)),
        ("Trained with", _code(card.command)),
        ("Training started", card.created),
        ("Versions in training", _listed(card.versions)),
        ("Versions of this report", _listed(versions.installed())),
    ]


def _code(text: str) -> Markup:
    return Markup("<code>{}</code>").format(markup.cleaned(text))


def _listed(by_name: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in by_name.items())
