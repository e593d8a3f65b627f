"""Films of a report: each with its picture, its score, and the doubts about it."""

import base64
import contextlib
import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from markupsafe import Markup
from PIL import Image

from fracture_core.errors import FilmError
from fracture_core.films import images
from fracture_core.prediction.study_prediction import FilmPrediction, NearestFilm
from fracture_core.reports import markup, study_record
from fracture_core.reports.study_record import Entry, Exhibit
from fracture_core.verdicts import aggregation

LONGEST_PX = 1024  # of a film's longer side in the file
SMALLEST_PX = 160  # least side of a film, even if its room is smaller
MAP_PX = 512  # of a film's longer side with a heat map over it
QUALITY = 88  # of JPEG, 0 to 100
NEAREST_PX = 110  # of the longer side of a training film
SMALLER = 0.8  # factor on the side at each try to fit a film into its room


def film(entry: Entry, threshold: float, names: bool, room: int) -> dict[str, Any]:
    """Return what the report's template shows of one predicted film, by name.

    Args:
        entry: the film.
        threshold: it is positive when its probability is greater.
        names: whether training films are named, which identifies patients of the training data.
        room: bytes for its picture in the file; a larger one is scaled down.

    Raises:
        ValueError: the film was refused.
    """
    prediction, exhibit = entry.prediction, entry.exhibit
    if prediction is None:
        raise ValueError(f"{entry.name} was refused and has no prediction.")
    picture, maps = "", []
    with contextlib.suppress(FilmError):  # it can no longer be read; the template says so
        whole = _picture(entry)
        picture = _fitted(whole, room)
        maps = [(words, _overlaid(whole, overlay)) for words, overlay in exhibit.maps.items()]
    return {
        "name": entry.name,
        "probability": prediction.probability,
        "positive": bool(aggregation.is_positive(prediction.probability, threshold)),
        "spread": exhibit.spread,
        "picture": picture,
        "input": _png(prediction.pixels),
        "maps": maps,
        "notes": _notes(prediction, exhibit),
        "nearest": [_nearest(near, exhibit.nearest, names) for near in prediction.nearest],
        "digest": study_record.digest(exhibit.film) or "the file can no longer be read",
    }


def altered(prediction: FilmPrediction) -> str:
    """Return the changes by hand to a film before its prediction, in words."""
    words = {"erased": f"erased, {_share(prediction)}", "inverted": "black and white exchanged"}
    return "; ".join(words[each] for each in prediction.altered)


def _share(prediction: FilmPrediction) -> str:
    percent = 100 * prediction.erased_share
    return "less than 0.1 % of the film" if percent < 0.1 else f"{percent:.1f} % of the film"


def _notes(prediction: FilmPrediction, exhibit: Exhibit) -> list[tuple[str, str]]:
    """Return the notes on a film's score: (words in bold, the rest)."""
    lines = [("The file:", " ".join(prediction.notes))] if prediction.notes else []
    if prediction.doubts:
        counts = "included by hand" if prediction.counted else "not counted"
        lines.append((f"Unreliable, {counts}:", " ".join(prediction.doubts)))
    if prediction.inverted:
        lines.append(("", "Black and white were exchanged before the prediction."))
    if prediction.erased_share:
        before = "" if exhibit.whole is None else f" With it: {exhibit.whole:.3f}."
        without = f"shown and predicted without the erased area, {_share(prediction)}.{before}"
        lines.append(("Erased by hand:", without))
    if exhibit.spread:
        low, high = exhibit.spread
        lines.append(("", f"Mirrored and rotated by up to 6 degrees: {low:.3f} to {high:.3f}."))
    return lines


def _nearest(near: NearestFilm, pictures: Mapping[str, bytes], names: bool) -> dict[str, str]:
    """Return a training film similar to a doubted one, with its picture if available."""
    words = Markup(f"{near.distance:.1f}")
    if names:
        words += Markup(" ({})").format(markup.name(near.path))
    content = pictures.get(near.path)
    return {"words": words, "picture": _thumbnail(content) if content else ""}


# --- pictures ----------------------------------------------------------------------------------


def _picture(entry: Entry) -> Image.Image:
    """Return the film as it was predicted, in grey, scaled to at most `LONGEST_PX`."""
    from fracture_core.prediction import inference

    film = entry.exhibit.film
    decoded = images.decode(film.source, film.name, images.SHOWN_MISSING_PERCENT)
    whole = inference.as_changed(decoded, film)
    whole.thumbnail((LONGEST_PX, LONGEST_PX))
    return whole


def _fitted(whole: Image.Image, room: int) -> str:
    """Return the film as a data URI, scaled down until it has at most `room` characters."""
    picture, longest = _jpeg(whole), float(max(whole.size))
    while len(picture) > room and longest * SMALLER >= SMALLEST_PX:
        longest *= SMALLER
        smaller = whole.copy()
        smaller.thumbnail((round(longest), round(longest)))
        picture = _jpeg(smaller)
    return picture


def _overlaid(whole: Image.Image, overlay: bytes) -> str:
    """Return the film with a heat map over it, as a data URI."""
    small = whole.convert("RGBA")
    small.thumbnail((MAP_PX, MAP_PX))
    heat = Image.open(io.BytesIO(overlay)).convert("RGBA")
    heat = heat.resize(small.size, Image.Resampling.NEAREST)
    return _jpeg(Image.alpha_composite(small, heat).convert("RGB"))


def _thumbnail(content: bytes) -> str:
    small = Image.open(io.BytesIO(content)).convert("L")
    small.thumbnail((NEAREST_PX, NEAREST_PX))
    return _jpeg(small)


def _jpeg(image: Image.Image) -> str:
    """Return a picture as a data URI."""
    return _uri("jpeg", lambda stream: image.save(stream, "JPEG", quality=QUALITY))


def _png(pixels: np.ndarray) -> str:
    """Return uint8 (h, w) pixels as a lossless data URI."""
    return _uri("png", lambda stream: Image.fromarray(pixels).save(stream, "PNG"))


def _uri(kind: str, save: Callable[[io.BytesIO], None]) -> str:
    stream = io.BytesIO()
    save(stream)
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode()}"
