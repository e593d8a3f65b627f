"""Pictures of films: cards of the wall, open films, thumbnails, uploads."""

import base64
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fracture_core.config import (
    LIMITS,
    PixelRecipe,
    cache_folder,
)
from fracture_core.datasets import uploads
from fracture_core.films import images
from fracture_core.films.eraser import Stroke
from fracture_core.phantom.phantom_set import Break
from ui.shared import film_cards, pictures
from ui.shared.pictures import Source
from ui.shell import turns

CARDS_KEPT = 300  # 25 kB each
SHOWN_SIDE = 1600  # px; a film fills a 1440 px window, and 200 of them stay under 60 MB
CardRequests = list[
    tuple[tuple[Path, ...], str]
]  # a study's films in order, and its label's hex colour


def cards_of(wanted: CardRequests) -> list[bytes | None]:
    """A card's picture for each study; `None` for one that is not made yet, see `paint`."""
    kept, found = card_futures(), []
    for what in wanted:
        card = kept.get(what)
        done = card is not None and card.done()
        if done and card.exception():
            kept.pop(what, None)  # who asks again gets another try
        found.append(card.result() if done else None)
    return found


def paint(wanted: CardRequests) -> None:
    """Have these cards made in the background, unless they are; at the end of a page.

    Decoding holds Python's lock for milliseconds at a time: a page that is drawn meanwhile takes
    ten times as long.
    """
    kept = card_futures()
    for what in wanted:
        if what not in kept:
            kept[what] = _painters().submit(_painted, *what)
    for oldest in list(kept)[: max(0, len(kept) - CARDS_KEPT)]:
        kept.pop(oldest, None)


@st.cache_resource(show_spinner=False)
def card_futures() -> dict[tuple[tuple[Path, ...], str], Future[bytes]]:
    """Once a server: the cards that were made or are being made, oldest first."""
    return {}


@st.cache_resource(show_spinner=False)
def _painters() -> ThreadPoolExecutor:
    """Once a server: who paints the cards."""
    return ThreadPoolExecutor(2)


def _painted(paths: tuple[Path, ...], colour: str) -> bytes:
    folder = cache_folder() / "thumbnails"
    return film_cards.card([film_cards.thumbnail(path, folder) for path in paths], colour)


@st.cache_data(show_spinner=False)
def empty_card(colour: str) -> bytes:
    """What stands in a card's place until it is made."""
    return film_cards.card([], colour)


@st.cache_data(max_entries=32, show_spinner=False)
def film(path: Path, breaks: tuple[Break, ...] = (), colour: str = "") -> pictures.Picture:
    """A film of an open study, see `film_cards.film`."""
    return film_cards.film(path, breaks, colour)


@st.cache_data(max_entries=256, show_spinner=False)
def network_pictures(path: Path, recipes: tuple[PixelRecipe, ...]) -> dict[PixelRecipe, bytes]:
    """What networks get of a film, see `film_cards.network_pictures`."""
    return film_cards.network_pictures(path, recipes)


def small(path: Path) -> bytes | None:
    """A film's thumbnail; `None` if it cannot be read."""
    return film_cards.thumbnail(path, cache_folder() / "thumbnails")


def small_address(path: Path, width: int) -> str:
    """A film's thumbnail as a data address.

    Args:
        path: of its file.
        width: px at which it shows.

    Raises:
        FilmError: it cannot be read.
    """
    # Twice as large, for screens of two pixels to a px.
    content = images.thumbnail(path, 2 * width, cache_folder() / "thumbnails")
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"


@st.cache_data(scope="session", max_entries=LIMITS.upload_files, show_spinner=False)
def picture(
    key: str,
    name: str,
    _source: Source,
    erased: tuple[Stroke, ...] = (),
    inverted: bool = False,
) -> pictures.Picture:
    """A film to look at, kept for this browser session and no longer; see `pictures.shown`."""
    with turns.pause():
        return pictures.shown(_source, name, SHOWN_SIDE, erased, inverted)


@st.cache_resource(scope="session", max_entries=1, show_spinner="Sorts the films…")
def sorted_uploads(keys: tuple[str, ...], _files: list[UploadedFile]) -> uploads.SortedUploads:
    """What was dropped, sorted into studies, kept for this browser session and no longer.

    Args:
        keys: stand for the files' content.
        _files: asked for only when nothing is kept.
    """
    with turns.pause():
        given = [uploads.File(name=file.name, content=file.getvalue()) for file in _files]
        return uploads.sort(given)
