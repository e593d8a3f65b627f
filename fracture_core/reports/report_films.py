"""Films of a report: each with its picture, its score, and the doubts about it."""

import io
from collections.abc import Mapping

from PIL import Image

from fracture_core.errors import FilmError
from fracture_core.models.study_prediction import FilmPrediction, NearestFilm
from fracture_core.reports import markup, study_record
from fracture_core.reports.study_record import Entry, Exhibit
from fracture_core.verdicts import aggregation

LONGEST_PX = 1024  # of a film's longer side in the file
SMALLEST_PX = 160  # least side of a film, even if its room is smaller
MAP_PX = 512  # of a film's longer side with a heat map over it
NEAREST_PX = 110  # of the longer side of a training film
SMALLER = 0.8  # factor on the side at each try to fit a film into its room


def film(entry: Entry, threshold: float, names: bool, room: int) -> str:
    """Return one film: picture, position on the scale, network input; empty if it was refused.

    Args:
        entry: the film.
        threshold: it is positive when its probability is greater.
        names: whether training films are named, which identifies patients of the training data.
        room: bytes for its picture in the file; a larger one is scaled down.
    """
    prediction = entry.judged
    if prediction is None:
        return ""
    positive = bool(aggregation.is_positive(prediction.probability, threshold))
    small = [markup.figure(markup.png(prediction.pixels), "network input", "pixels")]
    try:
        whole = _picture(entry)
        picture = f'<img src="{_fitted(whole, room)}" alt="{markup.escaped(entry.name)}"/>'
        small += [
            markup.figure(_overlaid(whole, each), n) for n, each in entry.exhibit.maps.items()
        ]
    except FilmError:
        picture = "<p>The film can no longer be read; its score is from when it could be.</p>"
    lines = [f"<p>{line}</p>" for line in _notes(prediction, entry.exhibit)]
    scale = markup.scale(prediction.probability, threshold, positive, entry.exhibit.spread)
    digest = study_record.digest(entry.exhibit.film) or "the file can no longer be read"
    return (
        f'<section class="film"><div class="picture">{picture}</div><div class="facts">'
        f"<h3>{markup.name(entry.name)}</h3>"
        f'<p><span class="number"><data value="{prediction.probability!r}">'
        f"{prediction.probability:.3f}</data> → {int(positive)}</span> {markup.mark(positive)}</p>"
        f"{scale}{''.join(lines)}"
        f'<div class="small">{"".join(small)}</div>'
        f"{_nearest(prediction.nearest, entry.exhibit.nearest, names)}"
        f'<p class="soft">SHA-256 of the file<br/><code>{markup.escaped(digest)}</code></p>'
        "</div></section>"
    )


def altered(prediction: FilmPrediction) -> str:
    """Return the changes by hand to a film before its prediction, in words."""
    words = {"erased": f"erased, {_share(prediction)}", "inverted": "black and white exchanged"}
    return "; ".join(words[each] for each in prediction.altered)


def _share(prediction: FilmPrediction) -> str:
    percent = 100 * prediction.erased_share
    return "less than 0.1 % of the film" if percent < 0.1 else f"{percent:.1f} % of the film"


def _notes(prediction: FilmPrediction, exhibit: Exhibit) -> list[str]:
    """Return the notes on a film's score."""
    lines = []
    if prediction.doubts:
        counts = "included by hand" if prediction.counted else "not counted"
        lines.append(f"<b>Unreliable, {counts}:</b> {markup.escaped(' '.join(prediction.doubts))}")
    if prediction.inverted:
        lines.append("Black and white were exchanged before the prediction.")
    if prediction.erased_share:
        before = "" if exhibit.whole is None else f" With it: {exhibit.whole:.3f}."
        lines.append(
            "<b>Erased by hand:</b> shown and predicted without the erased area, "
            f"{_share(prediction)}.{before}"
        )
    if exhibit.spread:
        low, high = exhibit.spread
        lines.append(f"Mirrored and rotated by up to 6 degrees: {low:.3f} to {high:.3f}.")
    return lines


def _nearest(films: tuple[NearestFilm, ...], pictures: Mapping[str, bytes], names: bool) -> str:
    """Return the training films most similar to a doubted one, with their pictures if available."""
    if not films:
        return ""
    head = "<p>Most similar training films, and the distance of each in the features:"
    captions = [
        f"{near.distance:.1f}" + (f" ({markup.name(near.path)})" if names else "") for near in films
    ]
    if not all(near.path in pictures for near in films):
        return f"{head} {', '.join(captions)}.</p>"
    figures = [
        f'<figure><img src="{_thumbnail(pictures[near.path])}" alt="a training film"/>'
        f"<figcaption>{words}</figcaption></figure>"
        for near, words in zip(films, captions, strict=True)
    ]
    return f'{head}</p><div class="small near">{"".join(figures)}</div>'


# --- pictures ----------------------------------------------------------------------------------


def _picture(entry: Entry) -> Image.Image:
    """Return the film as it was predicted, in grey, scaled to at most `LONGEST_PX`."""
    from fracture_core.models import inference

    whole = inference.opened(entry.exhibit.film)
    whole.thumbnail((LONGEST_PX, LONGEST_PX))
    return whole


def _fitted(whole: Image.Image, room: int) -> str:
    """Return the film as a data URI, scaled down until it has at most `room` characters."""
    picture, longest = markup.jpeg(whole), float(max(whole.size))
    while len(picture) > room and longest * SMALLER >= SMALLEST_PX:
        longest *= SMALLER
        smaller = whole.copy()
        smaller.thumbnail((round(longest), round(longest)))
        picture = markup.jpeg(smaller)
    return picture


def _overlaid(whole: Image.Image, overlay: bytes) -> str:
    """Return the film with a heat map over it, as a data URI."""
    small = whole.convert("RGBA")
    small.thumbnail((MAP_PX, MAP_PX))
    heat = Image.open(io.BytesIO(overlay)).convert("RGBA")
    heat = heat.resize(small.size, Image.Resampling.NEAREST)
    return markup.jpeg(Image.alpha_composite(small, heat).convert("RGB"))


def _thumbnail(content: bytes) -> str:
    small = Image.open(io.BytesIO(content)).convert("L")
    small.thumbnail((NEAREST_PX, NEAREST_PX))
    return markup.jpeg(small)
