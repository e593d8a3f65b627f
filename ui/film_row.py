"""The films of an open study side by side, as large as the window allows, never cropped.

HTML with styles of its own, because only the browser knows its window. Names and sentences are
data: all of them are escaped.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from ui.pictures import Picture

AROUND_PX = 345  # of the window's height: what stands above the films, and their captions
_ROW = (
    "display:flex;gap:10px;padding:10px;background:#000;border-radius:6px;overflow-x:auto;"
    "color:#9aa4b0;font-size:13px;line-height:1.35"  # on black in the light theme too
)
_FILMS = "display:flex;gap:10px;flex:1;min-width:0;justify-content:center"
_REFUSED = (
    "display:flex;align-items:center;aspect-ratio:4/5;padding:16px;border:1px solid #4a525c;"
    "color:#e4e7eb;font-size:15px;overflow-wrap:anywhere"
)
# Takes the height that the films give the row, and shares it among the pictures.
_SEEN = (
    "display:grid;grid-template-rows:auto;grid-auto-rows:minmax(0,176px);align-content:start;"
    "gap:8px;contain:size;flex:0 0 clamp(96px,12%,176px)"
)
_PIXELS = "width:100%;height:100%;object-fit:contain;object-position:top;image-rendering:pixelated"


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One place in the row.

    Args:
        name: of the film's file.
        film: None if it cannot be read.
        note: a line under the film, or the sentence in its place.
        seen: the network's pixels as an image file, one image pixel each; empty for none.
    """

    name: str
    film: Picture | None
    note: str = ""
    seen: bytes = b""


def html(frames: Sequence[Frame], seen_title: str) -> str:
    """The row of films, and at its right end what the network sees of each."""
    films = "".join(map(_figure, frames))
    seen = "".join(
        f'<img style="{_PIXELS}" alt="{escape(frame.name)} as the network sees it" '
        f'src="{_address(frame.seen)}">'
        for frame in frames
        if frame.seen
    )
    column = f'<div style="{_SEEN}"><span>{escape(seen_title)}</span>{seen}</div>' if seen else ""
    return f'<div style="{_ROW}"><div style="{_FILMS}">{films}</div>{column}</div>'


def _figure(frame: Frame) -> str:
    ratio = frame.film.width / frame.film.height if frame.film else 0.8
    # As wide as at full height; where the row is too narrow all shrink alike and stay equal.
    width = f"calc(max(320px, 100vh - {AROUND_PX}px) * {ratio:.4f})"
    if frame.film:
        inside = (
            f'<img style="display:block;width:100%;height:auto" alt="{escape(frame.name)}" '
            f'width="{frame.film.width}" height="{frame.film.height}" '
            f'src="{_address(frame.film.content)}">'
        )
        line = f"{frame.name}: {frame.note}" if frame.note else frame.name
    else:
        inside, line = f'<div style="{_REFUSED}">{escape(frame.note)}</div>', frame.name
    caption = f'<figcaption style="padding-top:6px">{escape(line)}</figcaption>'
    return f'<figure style="flex:0 1 {width};min-width:130px;margin:0">{inside}{caption}</figure>'


def _address(content: bytes) -> str:
    """An image file as an address that holds it; the browser tells its kind by itself."""
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"
