"""Pictures of a data set's films: a study's card, and one film at full size.

Bytes in and out are whole image files. Films are never cropped.
"""

import io
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from PIL import Image, ImageDraw

from fracture_core.config.film_settings import PixelRecipe
from fracture_core.errors import FilmError
from fracture_core.films import images
from ui.shared import pictures
from ui.shared.pictures import Picture

THUMBNAIL_PX = 448  # long side; a single view fills its card
CARD = (560, 460)  # px; twice a card's size on the page, for high-density screens
BAR_PX, GAP_PX = 8, 6  # of a card: the label's bar, the gap between views
_FIRST_SHARES = (0.4, 0.5, 0.6)  # of a card's width, for a large first view beside the others
_Box = tuple[float, float, float, float]  # left, top, right, bottom in px
LONGEST_PX = 2048  # of an open film; more does not show on a screen


def thumbnail(path: Path, folder: Path) -> bytes | None:
    """Return a copy from the thumbnail cache, made if missing; None for an unreadable film."""
    with suppress(FilmError):
        return images.thumbnail(path, THUMBNAIL_PX, folder)
    return None


def card(views: Sequence[bytes | None], colour: str | None) -> bytes:
    """Draw films on black, above a bar in the colour of their study's label, as JPEG.

    Args:
        views: thumbnails; None draws an empty frame. Without any, the card is black.
        colour: hex; `None` for no bar, where the films are of several studies.
    """
    width, height = CARD
    sheet = Image.new("RGB", CARD, "black")
    films = [Image.open(io.BytesIO(view)) if view else _crossed() for view in views]
    for film, box in zip(films, _boxes([film.size for film in films]), strict=True):
        left, top, right, bottom = box
        sheet.paste(film.resize((right - left, bottom - top)), (left, top))
    if colour:
        ImageDraw.Draw(sheet).rectangle((0, height - BAR_PX, width, height), fill=colour)
    content = io.BytesIO()
    sheet.save(content, "JPEG", quality=85)
    return content.getvalue()


def film(path: Path) -> Picture:
    """Return a film in its own size, up to `LONGEST_PX`, without loss.

    Raises:
        FilmError: it cannot be read.
    """
    return pictures.shown(path, path.name, LONGEST_PX, encoding="PNG")


def network_pictures(path: Path, recipes: Sequence[PixelRecipe]) -> dict[PixelRecipe, bytes]:
    """Return a film as networks receive it, as PNG of each recipe's size; opens the file once.

    Raises:
        FilmError: it cannot be read.
    """
    whole = images.decode(path, missing_rows_percent=images.SHOWN_MISSING_PERCENT)
    return {each: _png(Image.fromarray(images.to_pixels(whole, each))) for each in recipes}


def _boxes(sizes: Sequence[tuple[int, int]]) -> list[tuple[int, int, int, int]]:
    """Return left, top, right, bottom of each film on a card, such that films cover most of it.

    Films stand in rows; or the first is large, and the others stand in rows beside it.
    """
    if not sizes:
        return []
    ratios = [width / height for width, height in sizes]
    room = (float(CARD[0]), float(CARD[1] - BAR_PX))
    choices = [_in_rows(ratios, rows, room) for rows in range(1, len(ratios) + 1)]
    for share in _FIRST_SHARES if len(ratios) > 2 else ():
        first, tall = room[0] * share, room[1]
        beside = (room[0] - first - GAP_PX, tall)
        if ratios[0] * tall > first:
            tall = first / ratios[0]
        for rows in range(1, len(ratios)):
            others = _in_rows(ratios[1:], rows, beside)
            left = ratios[0] * tall + GAP_PX
            choices.append([(0, 0, left - GAP_PX, tall), *_moved(others, left, 0)])
    best = max(choices, key=lambda boxes: sum((c - a) * (d - b) for a, b, c, d in boxes))
    across = room[0] - max(box[2] for box in best)
    down = room[1] - max(box[3] for box in best)
    return [_whole(box) for box in _moved(best, across / 2, down / 2)]


def _in_rows(ratios: Sequence[float], rows: int, room: tuple[float, float]) -> list[_Box]:
    """Lay films out in so many rows, from the upper left corner; a row's films have one height."""
    each = -(-len(ratios) // rows)
    lines = [ratios[start : start + each] for start in range(0, len(ratios), each)]
    most = (room[1] - GAP_PX * (len(lines) - 1)) / len(lines)
    boxes, top = [], 0.0
    for line in lines:
        tall = max(1.0, min(most, (room[0] - GAP_PX * (len(line) - 1)) / sum(line)))
        wide = sum(line) * tall + GAP_PX * (len(line) - 1)
        left = (room[0] - wide) / 2 if len(lines) > 1 else 0.0
        for ratio in line:
            boxes.append((left, top, left + ratio * tall, top + tall))
            left += ratio * tall + GAP_PX
        top += tall + GAP_PX
    return boxes


def _moved(boxes: Sequence[_Box], across: float, down: float) -> list[_Box]:
    return [(a + across, b + down, c + across, d + down) for a, b, c, d in boxes]


def _whole(box: _Box) -> tuple[int, int, int, int]:
    left, top = max(0, round(box[0])), max(0, round(box[1]))
    return left, top, max(left + 1, int(box[2])), max(top + 1, int(box[3]))


def _crossed() -> Image.Image:
    """Draw an empty frame in place of an unreadable film."""
    frame = Image.new("L", (THUMBNAIL_PX * 4 // 5, THUMBNAIL_PX))
    box = (0, 0, frame.width - 1, frame.height - 1)
    pen = ImageDraw.Draw(frame)
    pen.rectangle(box, outline=80, width=3)
    pen.line(box, fill=80, width=3)
    pen.line((box[0], box[3], box[2], box[1]), fill=80, width=3)
    return frame


def _png(film: Image.Image) -> bytes:
    content = io.BytesIO()
    film.save(content, "PNG", compress_level=1)  # made while a person waits
    return content.getvalue()
