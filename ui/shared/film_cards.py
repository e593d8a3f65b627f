"""Pictures of a data set's films: a study's card, and one film at full size.

Bytes in and out are whole image files. Films are never cropped and never enlarged.
"""

import io
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from PIL import Image, ImageDraw

from fracture_core.config import PixelRecipe
from fracture_core.errors import FilmError
from fracture_core.films import images
from fracture_core.phantom.phantom_set import Break
from ui.shared.pictures import Picture

THUMBNAIL_PX = 448  # long side; a single view fills its card
CARD = (560, 460)  # px; twice a card's size on the page, for high-density screens
BAR_PX, GAP_PX = 8, 6  # of a card: the label's bar, the gap between views
LONGEST_PX = 2048  # of an open film; more does not show on a screen


def thumbnail(path: Path, folder: Path) -> bytes | None:
    """Return a copy from the thumbnail cache, made if missing; None for an unreadable film."""
    with suppress(FilmError):
        return images.thumbnail(path, THUMBNAIL_PX, folder)
    return None


def card(views: Sequence[bytes | None], colour: str) -> bytes:
    """Draw all views of a study on black, above a bar in its label's colour, as JPEG.

    Args:
        views: thumbnails; None draws an empty frame. Without any, the card is black.
        colour: hex.
    """
    width, height = CARD
    sheet = Image.new("RGB", CARD, "black")
    films = [Image.open(io.BytesIO(view)) if view else _crossed() for view in views]
    rows = _rows([film.size for film in films]) if films else []
    top = (height - BAR_PX - sum(tall for _, tall in rows) - GAP_PX * (len(rows) - 1)) // 2
    for count, tall in rows:
        row = [film.resize((_wide(film.size, tall), tall)) for film in films[:count]]
        left = (width - sum(film.width for film in row) - GAP_PX * (count - 1)) // 2
        for film in row:
            sheet.paste(film, (left, top))
            left += film.width + GAP_PX
        films, top = films[count:], top + tall + GAP_PX
    ImageDraw.Draw(sheet).rectangle((0, height - BAR_PX, width, height), fill=colour)
    content = io.BytesIO()
    sheet.save(content, "JPEG", quality=85)
    return content.getvalue()


def film(path: Path, breaks: Sequence[Break] = (), colour: str = "") -> Picture:
    """Return a film in its own size, up to `LONGEST_PX`, as PNG.

    Args:
        path: its file.
        breaks: drawn as boxes on this copy.
        colour: hex, of the boxes.

    Raises:
        FilmError: it cannot be read.
    """
    shown = images.decode(path)
    if breaks:
        shown = shown.convert("RGB")
        pen = ImageDraw.Draw(shown)
        for each in breaks:
            x0, y0, x1, y1 = each.box
            pen.rectangle((x0 - 4, y0 - 4, x1 + 3, y1 + 3), outline=colour, width=3)
    shown.thumbnail((LONGEST_PX, LONGEST_PX))
    return Picture(content=_png(shown), width=shown.width, height=shown.height)


def network_pictures(path: Path, recipes: Sequence[PixelRecipe]) -> dict[PixelRecipe, bytes]:
    """Return a film as networks receive it, as PNG of each recipe's size; opens the file once.

    Raises:
        FilmError: it cannot be read.
    """
    whole = images.decode(path)
    return {each: _png(Image.fromarray(images.to_pixels(whole, each))) for each in recipes}


def _rows(sizes: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Rows of a card, (films, height in px), such that the films cover most of it.

    All films of a row have one height, at most that of the lowest.
    """

    def laid_out(rows: int) -> list[tuple[int, int]]:
        each = -(-len(sizes) // rows)
        layout = []
        for row in (sizes[start : start + each] for start in range(0, len(sizes), each)):
            room = (CARD[1] - BAR_PX - GAP_PX * (rows - 1)) // rows
            proportions = sum(width / height for width, height in row)
            broad = (CARD[0] - GAP_PX * (len(row) - 1)) / proportions
            tall = min(room, int(broad), *(height for _, height in row))
            layout.append((len(row), max(1, tall)))
        return layout

    return max(
        map(laid_out, range(1, len(sizes) + 1)), key=lambda rows: sum(n * h * h for n, h in rows)
    )


def _wide(size: tuple[int, int], tall: int) -> int:
    return max(1, int(size[0] * tall / size[1]))


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
