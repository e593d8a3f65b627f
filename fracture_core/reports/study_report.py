"""Report on predicted studies as one HTML file: opens from disk, prints on A4, makes no request.

Films are embedded as data URIs, there is no script, and the file's own policy forbids every
request. Every text is escaped. The markup is also well-formed XML, so that a test can parse it
strictly.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from fracture_core import versions
from fracture_core.models import cards, caveats
from fracture_core.models.cards import Model
from fracture_core.models.study_prediction import StudyPrediction
from fracture_core.reports import markup, report_films, study_record
from fracture_core.reports.study_record import OCCLUSION_FULL, Case
from fracture_core.verdicts import aggregation, breakdown
from fracture_core.verdicts.breakdown import FEW
from fracture_core.verdicts.metrics import Proportion, Summary

PICTURES_BYTES = 20_000_000  # of all films of a report: many mail servers accept this much
NAMED = 3  # films that the sentence names before it counts the others
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
DISCLAIMER = "Not a medical device: nothing here may decide on anybody's care."
_CSS = Path(__file__).with_suffix(".css")


def document(
    cases: Sequence[Case],
    model: Model,
    threshold: float,
    *,
    names: bool = False,
    left_out: Sequence[tuple[str, str]] = (),
) -> str:
    """Return the report on some predicted studies; if several, it starts with a table of all.

    Args:
        cases: each with its films; see `study_record.Case`.
        model: the model of the predictions.
        threshold: a film is positive when its probability is greater.
        names: whether files, studies and patients are named; otherwise see `study_record`.
        left_out: (name, reason) of uploaded files in no study.
    """
    titles = study_record.titles(cases, names)
    room = PICTURES_BYTES // max(1, sum(len(case.judged.films) for case in cases))
    studies = [
        f'<section id="study-{number}">{_study(*each, model, threshold, names, room)}</section>'
        for number, each in enumerate(zip(cases, titles, strict=True), 1)
    ]
    if len(cases) > 1:
        studies.insert(0, _overview(study_record.named(cases, names), threshold))
    date = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    note = "" if names else " Names are left out; films are numbered in their order."
    parts = [
        f'<div class="top"><span><b>Fracture Explorer</b>, report of '
        f"{markup.escaped(date)}.{note}</span>"
        f"<span>{DISCLAIMER}</span></div>",
        _warnings(caveats.warnings(model, threshold, any(case.real for case in cases))),
        *studies,
        _left_out(left_out, names),
        _model(model, threshold),
        _origin(model),
    ]
    title = f"Report on {titles[0] if len(titles) == 1 else f'{len(titles)} studies'}"
    return _page(title, "\n".join(parts))


def _warnings(sentences: Sequence[str]) -> str:
    """Return a box with the model's caveats, for above the verdict; empty without caveats."""
    if not sentences:
        return ""
    lines = "".join(f"<p>{markup.escaped(sentence)}</p>" for sentence in sentences)
    return f'<div class="warning">{lines}</div>'


def _page(title: str, body: str) -> str:
    style = _CSS.read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<title>{markup.escaped(title)}</title><style>{style}</style></head>\n"
        f"<body>{body}</body></html>\n"
    )


def _overview(studies: Sequence[StudyPrediction], threshold: float) -> str:
    """Return a table of all studies, one line each."""
    rows, verdicts = [], [study.verdict(threshold) for study in studies]
    for number, (study, verdict) in enumerate(zip(studies, verdicts, strict=True), 1):
        highest = max(study.probabilities, default=None)
        rows.append(
            (
                f'<a href="#study-{number}">{markup.name(study.study)}</a>',
                "no verdict" if verdict is None else markup.mark(verdict),
                "–" if highest is None else f"{highest:.3f}",
                f"{len(study.deciding(threshold))} of {len(study.probabilities)}",
                *(str(len(each)) for each in (study.doubted, study.altered, study.refused)),
            )
        )
    head = ("Study", "Verdict", "Highest", "Positive of counted", "Doubted", "Altered", "Refused")
    none = verdicts.count(None)
    return (
        f"<h1>{len(studies):,} studies: the model finds a fracture in {verdicts.count(True):,}, "
        f"none in {verdicts.count(False):,}"
        f"{f', and gives no verdict on {none:,}' if none else ''}</h1>"
        f"{markup.table(head, rows, right=range(2, 7))}"
        f'<p class="soft">All at the threshold of {threshold:.2f}. Films are doubted where the '
        "model may be unable to predict them; such films are not counted. Pictures of films take "
        f"at most {PICTURES_BYTES / 1e6:.0f} MB of one report: the more films, the smaller they "
        "are.</p>"
    )


def _left_out(refused: Sequence[tuple[str, str]], names: bool) -> str:
    """Return the list of uploaded files in no study, with reasons."""
    if not refused:
        return ""
    lines = [
        f"<li><b>{markup.name(name)}</b> {markup.escaped(reason)}</li>"
        for name, reason in study_record.renamed_left_out(refused, names)
    ]
    return f"<h2>Left out of the upload, and in no study</h2><ul>{''.join(lines)}</ul>"


# --- a study ------------------------------------------------------------------------------------


def _study(case: Case, title: str, model: Model, threshold: float, names: bool, room: int) -> str:
    """Return the section of a study: verdict, films, refused files, what the verdict depends on."""
    entries = study_record.entries(case, names)
    prediction = study_record.renamed(case, title, entries)
    with ThreadPoolExecutor() as pool:  # decoding and encoding release the interpreter's lock
        films = list(
            pool.map(lambda entry: report_films.film(entry, threshold, names, room), entries)
        )
    refused = [
        f"<li><b>{markup.name(name)}</b> {markup.escaped(reason)}</li>"
        for name, reason in prediction.refused
    ]
    parts = [f"<h1>{_sentence(case, prediction, threshold, names)}</h1>"]
    parts.append(_altered(prediction))
    parts.append(
        f"<p>{_detail(case, prediction, threshold)} {markup.escaped(model.card.label_meaning)}</p>"
    )
    if refused:
        parts.append(f"<h2>Refused files</h2><ul>{''.join(refused)}</ul>")
    if prediction.remarks:
        lines = "".join(f"<li>{markup.escaped(remark)}</li>" for remark in prediction.remarks)
        parts.append(f"<h2>Notes on these films</h2><ul>{lines}</ul>")
    if prediction.films:
        parts.append(f"<h2>{markup.films(len(prediction.films))}</h2>{''.join(films)}")
        if any(entry.exhibit.maps for entry in entries):
            parts.append(f'<p class="soft">{_MAPS}</p>')
    parts.append(_dependence(prediction, model, threshold))
    return "\n".join(parts)


_MAPS = (
    "Heat maps: orange is evidence of a fracture, blue evidence against it. Grad-CAM's strongest "
    "place has the full colour, even where it matters little; occlusion is pale where it changes "
    f"the probability by less than {OCCLUSION_FULL}. A map shows where a network looks, not "
    "whether it is right."
)


def _sentence(case: Case, prediction: StudyPrediction, threshold: float, names: bool) -> str:
    deciding = [markup.name(name) for name in prediction.deciding(threshold)]
    if len(deciding) > NAMED + 1:
        deciding = [*deciding[:NAMED], f"{len(deciding) - NAMED} other films"]
    verdict, study = prediction.verdict(threshold), markup.name(prediction.study)
    patient = markup.name(case.patient) if names and case.patient else None
    counts = len(prediction.probabilities), len(prediction.refused), len(prediction.doubted)
    positive = len(prediction.deciding(threshold))
    words = aggregation.sentence(verdict, study, patient, deciding, *counts, positive)
    return words if verdict is None else f"{markup.shape(verdict)} {words}"


def _altered(prediction: StudyPrediction) -> str:
    """Return a note below the verdict where a film was altered by hand."""
    films = prediction.altered
    if not films:
        return ""
    words = [f"{markup.name(film.name)} ({report_films.altered(film)})" for film in films[:NAMED]]
    if len(films) > NAMED:
        words.append(f"and {len(films) - NAMED} more")
    were = "was" if len(films) == 1 else "were"
    return (
        f'<p class="warning">{markup.films(len(films))} {were} altered by hand before the '
        f"prediction: {', '.join(words)}.</p>"
    )


def _detail(case: Case, prediction: StudyPrediction, threshold: float) -> str:
    """Return the number of positive films, the highest score, and the label in the data."""
    words, verdict = [], prediction.verdict(threshold)
    counted = [film for film in prediction.films if film.counted]
    if counted:
        top = max(counted, key=lambda film: film.probability)
        those = (
            f"{markup.films(len(counted))} that count"
            if prediction.doubted
            else markup.films(len(counted))
        )
        words.append(
            f"{len(prediction.deciding(threshold))} of {those} above the threshold of "
            f"{threshold:.2f}; the highest is {markup.name(top.name)} with "
            f"{top.probability:.3f}. The verdict is OR: fracture if any film is positive."
        )
    if case.label is not None and verdict is not None:
        agrees = f"the verdict is {'right' if verdict == bool(case.label) else 'wrong'}"
        if prediction.altered:
            agrees = "a verdict on altered films is neither right nor wrong"
        words.append(f"Label in the data: {markup.mark(bool(case.label))}; {agrees}.")
        if case.acquaintance.words:
            words.append(f"<b>{case.acquaintance.words}</b>")
    if not case.real:
        words.append('<span class="badge">synthetic films</span>')
    return " ".join(words)


def _dependence(prediction: StudyPrediction, model: Model, threshold: float) -> str:
    """Return what would change the verdict, other rules, and how often such verdicts are right."""
    counted = [film for film in prediction.films if film.counted]
    values = [film.probability for film in counted]
    parts = breakdown.break_down(values, threshold)
    if parts is None:
        return ""
    lines = breakdown.sentences(parts, [markup.name(film.name) for film in counted], markup.mark)
    lines.append(_record(model, threshold, len(values), parts.fracture))
    rows = [
        (markup.escaped(name), markup.mark(bool(verdict.fracture)), f"{verdict.score:.3f}")
        for name, verdict in breakdown.other_rules(values, threshold).items()
    ]
    return (
        f"<h2>What the verdict depends on</h2><ul>{''.join(f'<li>{line}</li>' for line in lines)}"
        f"</ul>{markup.table(('Rule', 'Verdict', 'Score'), rows)}"
        '<p class="soft">The verdict is OR; the others are comparisons. All use the same '
        "threshold.</p>"
    )


def _record(model: Model, threshold: float, views: int, fracture: bool) -> str:
    right = breakdown.track_record(model.judged, threshold, views, fracture)
    dev = f"{right.n:,} dev {'study' if right.n == 1 else 'studies'}"
    alike = f"{dev} of {markup.films(views)} and this verdict"
    if right.n < FEW:
        return f"How often is that right? Only {alike}: too few to say."
    return (
        f"How often is that right? Of {alike}, {right.count:,} were right "
        f"(95 % interval {markup.interval(right)})."
    )


# --- the model ----------------------------------------------------------------------------------


def _model(model: Model, threshold: float) -> str:
    """Return a summary of the card, with the figures on dev and valid films."""
    card, data = model.card, model.card.training
    badge = ' <span class="badge">synthetic</span>' if card.synthetic else ""
    counted = ""
    if (images := data.get("images")) and (studies := data.get("studies")):
        films = markup.films(images.get("train", 0))
        counted = f": {studies.get('train', 0):,} studies, {films}"
    size = f"{card.recipe.size} x {card.recipe.size} px"
    options = {k: v for k, v in card.options.to_dict().items() if v is not None}
    variants = "".join(f", {name} {value}" for name, value in options.items())
    rows = [
        ("Network", markup.escaped(f"{card.network}{variants}")),
        ("Input", markup.escaped(f"{size}, {card.recipe.resample}, {card.recipe.fit}")),
        (
            "Trained on",
            f"{markup.escaped(data.get('root', 'unknown data'))}, "
            f"{markup.escaped(', '.join(card.parts) or 'all parts')}{counted}{badge}",
        ),
        ("Positive", markup.escaped(card.label_meaning)),
        (
            "Threshold",
            f"{threshold:.2f} here; the model's own is {card.threshold:.2f}, "
            f"{markup.escaped(card.threshold_origin)}",
        ),
    ]
    figures = f"<p>{card.no_dev_words}, so its reliability is unknown.</p>"
    if len(model.judged):
        figures = (
            f"<h3>On its dev films, at the threshold of {threshold:.2f}</h3>"
            f"{_figures(model.at_threshold(threshold))}"
            f'<p class="soft">{markup.escaped(card.dev_words)}</p>'
        )
    if valid := card.metrics.get("valid"):
        levels = {level: Summary.from_dict(values) for level, values in valid.items()}
        figures += (
            f"<h3>On its valid films, at its own threshold of {card.threshold:.2f}</h3>"
            f"{_figures(levels)}"
        )
    return f"<h2>The model: {markup.name(card.name)}{badge}</h2>{markup.pairs(rows)}{figures}"


def _figures(levels: dict[str, Summary]) -> str:
    rows = []
    for level in ("studies", "images"):
        summary = levels[level]
        for name in ("accuracy", "sensitivity", "specificity"):
            value: Proportion = getattr(summary, name)
            share = "–" if value.value is None else f"{100 * value.value:.1f} %"
            counts = f"{value.count:,} of {value.n:,}"
            rows.append((f"{level}, {name}", share, markup.interval(value), counts))
        baseline = summary.majority
        share = "–" if baseline.value is None else f"{100 * baseline.value:.1f} %"
        words = f"{level}, baseline (always the majority class)"
        rows.append((words, share, "", f"{baseline.count:,} of {baseline.n:,}"))
    return markup.table(("Figure", "Value", "95 % interval", "n"), rows, right=(1, 2, 3))


def _origin(model: Model) -> str:
    """Return the details for identifying the weights and reproducing the predictions."""
    card = model.card
    try:
        weights = card.weights_sha256 or cards.sha256(model.weights)
    except OSError:
        weights = "the file can no longer be read"
    rows = [
        ("SHA-256 of the weights", f"<code>{markup.escaped(weights)}</code>"),
        ("Trained with", f"<code>{markup.escaped(card.command)}</code>"),
        ("Training started", markup.escaped(card.created)),
        ("Versions in training", markup.escaped(_listed(card.versions))),
        ("Versions of this report", markup.escaped(_listed(versions.installed()))),
    ]
    return f"<h2>To reproduce this</h2>{markup.pairs(rows)}"


def _listed(by_name: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in by_name.items())
