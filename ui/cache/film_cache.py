"""Pictures of films: cards of the wall, open films, thumbnails, uploads."""

import base64
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fracture_core.config.film_settings import PixelRecipe
from fracture_core.config.limits import LIMITS
from fracture_core.films import images
from fracture_core.films.eraser import Stroke
from fracture_core.folders import cache_folder
from fracture_core.study_sorting import uploads
from fracture_core.study_sorting.upload_files import File
from ui.shared import film_cards, pictures
from ui.shared.pictures import Source
from ui.shell import turns

CARDS_KEPT = 300  # 25 kB each
SHOWN_SIDE = 1600  # px; a film fills a 1440 px window, and 200 of them stay under 60 MB
CardRequest = tuple[tuple[Path, ...], str]  # a study's films in order, its label's hex colour
CardRequests = list[CardRequest]


def cards_of(requests: CardRequests) -> list[bytes | None]:
    """Return a card's picture for each study; `None` for one that is not made yet, see `paint`."""
    futures = card_futures()
    cards: list[bytes | None] = []
    for request in requests:
        card = futures.get(request)
        if card is None or not card.done():
            cards.append(None)
            continue
        if card.exception():
            futures.pop(request, None)  # the next request tries again
        cards.append(card.result())
    return cards


def paint(requests: CardRequests) -> None:
    """Make the missing ones of these cards in the background; called at the end of a page.

    Decoding holds Python's lock for milliseconds at a time: a page that is drawn meanwhile takes
    ten times as long.
    """
    futures = card_futures()
    for request in requests:
        if request not in futures:
            futures[request] = _painters().submit(_painted, *request)
    for oldest in list(futures)[: max(0, len(futures) - CARDS_KEPT)]:
        futures.pop(oldest, None)


@st.cache_resource(show_spinner=False)
def card_futures() -> dict[tuple[tuple[Path, ...], str], Future[bytes]]:
    """Cards of the whole server, made or being made, oldest first."""
    return {}


@st.cache_resource(show_spinner=False)
def _painters() -> ThreadPoolExecutor:
    """The server's threads that paint cards."""
    return ThreadPoolExecutor(2)


def _painted(paths: tuple[Path, ...], colour: str) -> bytes:
    folder = cache_folder() / "thumbnails"
    return film_cards.card([film_cards.thumbnail(path, folder) for path in paths], colour)


def picture_of(paths: Sequence[Path], colour: str | None) -> tuple[bytes, int]:
    """Return some films as one picture, see `film_cards.card`, and how many cannot be read."""
    views = [small(path) for path in paths]
    return film_cards.card(views, colour), views.count(None)


@st.cache_data(show_spinner=False)
def empty_card(colour: str) -> bytes:
    """Return the placeholder of a card that is not made yet."""
    return film_cards.card([], colour)


@st.cache_data(max_entries=32, show_spinner=False)
def film(path: Path) -> pictures.Picture:
    """Return a film of an open study, see `film_cards.film`."""
    return film_cards.film(path)


@st.cache_data(max_entries=256, show_spinner=False)
def network_pictures(path: Path, recipes: tuple[PixelRecipe, ...]) -> dict[PixelRecipe, bytes]:
    """Return a film as networks receive it, see `film_cards.network_pictures`."""
    return film_cards.network_pictures(path, recipes)


def small(path: Path) -> bytes | None:
    """Return a film's thumbnail; `None` if it cannot be read."""
    return film_cards.thumbnail(path, cache_folder() / "thumbnails")


def small_address(path: Path, width: int) -> str:
    """Return a film's thumbnail as a data address.

    Args:
        path: of its file.
        width: on the page, in px.

    Raises:
        FilmError: it cannot be read.
    """
    # Twice as large, for high-density screens.
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
    """Return a film as a picture, kept only for this browser session; see `pictures.shown`."""
    with turns.pause():
        return pictures.shown(_source, name, SHOWN_SIDE, erased, inverted)


@st.cache_resource(scope="session", max_entries=1, show_spinner="Sorting the films…")
def sorted_uploads(keys: tuple[str, ...], _files: list[UploadedFile]) -> uploads.SortedUploads:
    """Sort uploaded files into studies; kept only for this browser session.

    Args:
        keys: identify the files' content.
        _files: read only when nothing is cached.
    """
    with turns.pause():
        files = [File(name=file.name, content=file.getvalue()) for file in _files]
        return uploads.sort(files)
