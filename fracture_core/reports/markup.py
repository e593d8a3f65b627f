"""Escaped pieces of HTML that are also well-formed XML: words, tables, pictures, the scale.

Arguments are plain text and escaped here, except where a docstring says markup.
"""

import base64
import html
import io
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from PIL import Image

from fracture_core.verdicts.metrics import Proportion
from fracture_core.words import clean

QUALITY = 88  # of JPEG, 0 to 100
FRACTURE, NO_FRACTURE = "#b8520a", "#1767a8"  # colours of the pages' light theme


def escaped(text: object) -> str:
    """Return any text as markup."""
    return html.escape(clean(str(text)))


def name(text: str) -> str:
    """Return a name as markup that keeps its letters in order in any writing direction."""
    return f"<bdi>{escaped(text)}</bdi>"


def shape(positive: bool) -> str:
    """Return the coloured shape of a label or verdict."""
    return f'<span class="{"fracture" if positive else "none"}">{"▲" if positive else "●"}</span>'


def mark(positive: bool) -> str:
    """Return the coloured shape and word of a label or verdict."""
    words = "▲ fracture" if positive else "● no fracture"
    return f'<span class="{"fracture" if positive else "none"}">{words}</span>'


def films(count: int) -> str:
    """Return "1 film", "400 films"."""
    return f"{count:,} film{'' if count == 1 else 's'}"


def interval(p: Proportion) -> str:
    """Return "60.6 to 73.7 %", a dash where n is 0."""
    if p.low is None or p.high is None:
        return "–"
    return f"{100 * p.low:.1f} to {100 * p.high:.1f} %"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = (2,)) -> str:
    """Return a table; its cells are markup."""

    def line(cells: Sequence[str], tag: str) -> str:
        kinds = (' class="right"' if n in right else "" for n, _ in enumerate(cells))
        inner = (f"<{tag}{k}>{c}</{tag}>" for k, c in zip(kinds, cells, strict=True))
        return f"<tr>{''.join(inner)}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f"<table><thead>{line(head, 'th')}</thead><tbody>{body}</tbody></table>"


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    """Return a table of names and values, which are markup."""
    cells = (f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows)
    return f"<table><tbody>{''.join(cells)}</tbody></table>"


def scale(
    probability: float, threshold: float, positive: bool, spread: tuple[float, float] | None
) -> str:
    """Return the scale from 0 to 1 with the threshold and the film's mark."""

    def at(value: float) -> str:
        return f"{20 + 320 * value:.1f}"

    colour, x, cut = FRACTURE if positive else NO_FRACTURE, 20 + 320 * probability, at(threshold)
    dot = f'<circle cx="{x:.1f}" cy="27" r="7" fill="{colour}"/>'
    if positive:
        dot = f'<path d="M{x:.1f} 18L{x + 8:.1f} 34L{x - 8:.1f} 34Z" fill="{colour}"/>'
    bar = ""
    if spread:
        ends = f'x1="{at(spread[0])}" x2="{at(spread[1])}"'
        bar = f'<line {ends} y1="27" y2="27" stroke="{colour}" stroke-width="3"/>'
    words = f"{probability:.3f} on a scale from 0 to 1, threshold {threshold:.2f}"
    return (
        f'<svg viewBox="0 0 360 56" role="img" aria-label="{words}">'
        f'<rect x="20" y="16" width="{320 * threshold:.1f}" height="22" fill="#dbe9f4"/>'
        f'<rect x="{cut}" y="16" width="{320 * (1 - threshold):.1f}" height="22" fill="#f6e3d3"/>'
        f'<line x1="{cut}" x2="{cut}" y1="12" y2="42" stroke="#171b21" stroke-width="2"/>'
        f'{bar}{dot}<text x="20" y="52" text-anchor="middle">0</text>'
        '<text x="340" y="52" text-anchor="middle">1</text>'
        f'<text x="{at(min(0.82, max(0.18, threshold)))}" y="9" text-anchor="middle">'
        f"threshold {threshold:.2f}</text></svg>"
    )


def figure(source: str, words: str, kind: str = "map") -> str:
    """Return a picture, given its data URI, with a caption."""
    image = f'<img class="{kind}" src="{source}" alt="{escaped(words)}"/>'
    return f"<figure>{image}<figcaption>{escaped(words)}</figcaption></figure>"


def jpeg(image: Image.Image) -> str:
    """Return a picture as a data URI."""
    return _uri("jpeg", lambda stream: image.save(stream, "JPEG", quality=QUALITY))


def png(pixels: np.ndarray) -> str:
    """Return uint8 (h, w) pixels as a lossless data URI."""
    return _uri("png", lambda stream: Image.fromarray(pixels).save(stream, "PNG"))


def _uri(kind: str, save: Callable[[io.BytesIO], None]) -> str:
    stream = io.BytesIO()
    save(stream)
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode()}"
