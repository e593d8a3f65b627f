"""The films of a report: each with its picture, its number, and what puts that in doubt."""

import io
from collections.abc import Mapping

from PIL import Image

from fracture_core.errors import FilmError
from fracture_core.models.study_prediction import FilmPrediction, NearestFilm
from fracture_core.reports import markup, study_record
from fracture_core.reports.study_record import Entry
from fracture_core.verdicts import aggregation

LONGEST_PX = 1024  # of a film's longer side in the file
SMALLEST_PX = 160  # below which a film is not made, whatever the room
MAP_PX = 512  # of a film's longer side with a heat map over it
NEAREST_PX = 110  # of the longer side of a training film
SMALLER = 0.8  # of a side, at each try to fit a film into its room


def film(entry: Entry, threshold: float, names: bool, room: int) -> str:
    """One judged film: picture, place on the scale, what the network saw; none of a refused one.

    Args:
        entry: the film.
        threshold: it is positive when its probability is greater.
        names: whether training films are named, which tell patients of the training data.
        room: bytes that its picture may take in the file; a larger one is shown smaller.
    """
    judged = entry.judged
    if judged is None:
        return ""
    positive = bool(aggregation.is_positive(judged.probability, threshold))
    small = [markup.figure(markup.png(judged.pixels), "what the network saw", "pixels")]
    try:
        whole = _picture(entry)
        picture = f'<img src="{_fitted(whole, room)}" alt="{markup.escaped(entry.name)}"/>'
        small += [
            markup.figure(_overlaid(whole, each), n) for n, each in entry.exhibit.maps.items()
        ]
    except FilmError:
        picture = "<p>The film can no longer be read; its number is the one it was given.</p>"
    lines = [f"<p>{line}</p>" for line in _notes(entry)]
    scale = markup.scale(judged.probability, threshold, positive, entry.exhibit.spread)
    digest = study_record.digest(entry.exhibit.film) or "the file can no longer be read"
    return (
        f'<section class="film"><div class="picture">{picture}</div><div class="facts">'
        f"<h3>{markup.name(entry.name)}</h3>"
        f'<p><span class="number"><data value="{judged.probability!r}">{judged.probability:.3f}'
        f"</data> → {int(positive)}</span> {markup.mark(positive)}</p>"
        f"{scale}{''.join(lines)}"
        f'<div class="small">{"".join(small)}</div>'
        f"{_nearest(judged.nearest, entry.exhibit.nearest, names)}"
        f'<p class="soft">SHA-256 of the file<br/><code>{markup.escaped(digest)}</code></p>'
        "</div></section>"
    )


def altered(judged: FilmPrediction) -> str:
    """What was done to a film before it was judged, in words."""
    words = {"erased": f"brushed over, {_share(judged)}", "inverted": "black and white exchanged"}
    return "; ".join(words[each] for each in judged.altered)


def _share(judged: FilmPrediction) -> str:
    percent = 100 * judged.erased_share
    return "less than 0.1 % of the film" if percent < 0.1 else f"{percent:.1f} % of the film"


def _notes(entry: Entry) -> list[str]:
    """What else must be known of a film's number."""
    judged, exhibit, lines = entry.judged, entry.exhibit, []
    if judged.doubts:
        counts = "counted all the same" if judged.counted else "not counted"
        lines.append(f"<b>Unreliable, {counts}:</b> {markup.escaped(' '.join(judged.doubts))}")
    if judged.inverted:
        lines.append("Black and white were exchanged before it was judged.")
    if judged.erased_share:
        before = "" if exhibit.whole is None else f" With it: {exhibit.whole:.3f}."
        lines.append(
            "<b>Brushed over by hand:</b> shown and judged without what lay there, "
            f"{_share(judged)}.{before}"
        )
    if exhibit.spread:
        low, high = exhibit.spread
        lines.append(f"Mirrored and turned by up to 6 degrees: {low:.3f} to {high:.3f}.")
    return lines


def _nearest(found: tuple[NearestFilm, ...], pictures: Mapping[str, bytes], names: bool) -> str:
    """The training films that a doubted one comes nearest to, as far as they can be shown."""
    if not found:
        return ""
    head = "<p>The training films nearest to it, and how far each lies from it in the features:"
    told = [
        f"{near.distance:.1f}" + (f" ({markup.name(near.path)})" if names else "") for near in found
    ]
    if not all(near.path in pictures for near in found):
        return f"{head} {', '.join(told)}.</p>"
    figures = [
        f'<figure><img src="{_thumbnail(pictures[near.path])}" alt="a training film"/>'
        f"<figcaption>{words}</figcaption></figure>"
        for near, words in zip(found, told, strict=True)
    ]
    return f'{head}</p><div class="small near">{"".join(figures)}</div>'


# --- pictures ----------------------------------------------------------------------------------


def _picture(entry: Entry) -> Image.Image:
    """The film as it was judged, in grey, as large as the file holds it."""
    from fracture_core.models import inference

    whole = inference.opened(entry.exhibit.film)
    whole.thumbnail((LONGEST_PX, LONGEST_PX))
    return whole


def _fitted(whole: Image.Image, room: int) -> str:
    """The film as a data URI of at most `room` characters, smaller where it must be."""
    found, longest = markup.jpeg(whole), float(max(whole.size))
    while len(found) > room and longest * SMALLER >= SMALLEST_PX:
        longest *= SMALLER
        smaller = whole.copy()
        smaller.thumbnail((round(longest), round(longest)))
        found = markup.jpeg(smaller)
    return found


def _overlaid(whole: Image.Image, overlay: bytes) -> str:
    """The film with a heat map over it, as a data URI."""
    small = whole.convert("RGBA")
    small.thumbnail((MAP_PX, MAP_PX))
    heat = Image.open(io.BytesIO(overlay)).convert("RGBA")
    heat = heat.resize(small.size, Image.Resampling.NEAREST)
    return markup.jpeg(Image.alpha_composite(small, heat).convert("RGB"))


def _thumbnail(content: bytes) -> str:
    small = Image.open(io.BytesIO(content)).convert("L")
    small.thumbnail((NEAREST_PX, NEAREST_PX))
    return markup.jpeg(small)
